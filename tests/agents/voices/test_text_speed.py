"""Reading is cheap for what people say and linear for what nobody says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import get_args

import pytest

from agents.voices.text import for_the_ear, split
from scenarios.schema import Language

SAID: dict[Language, str] = {
    "zh": "血压140/90mmHg，心率88次/分，体温38.5℃，阿莫西林0.5g tid po，3-5天后到门诊复查一次，谢谢。",
    "en": "BP 140/90 mmHg, HR 88 bpm; amoxicillin 0.5 g tid for 5-7 days.",
}
ADVERSARIAL = [
    "a", "1", "1.", "1/", "1-", "1 ", "1:", "1,234,", "8:30", "a1", "1×", "5mg-", "/mg", "10^", "q1", "- ", "<a ",
    "<!--", "<", "[", "[](", "[a](b", "*", "|", "\n", " ", "a@", "a@a.", "http://", "www.", "&amp;", "'", "a-",
    "po ", "hs 5", "type I ", "I", "。", "½", "²", "①", "\u0301", "😀", "call ", "电话", "血压", "评分", "第I",
    "(+", "a.", "<a =", "140/90 ", "May ",
]
"""Repeated without end, each of these is where a careless expression would try every way of matching."""

EVERY_STEP = " a@b <c> [d](e) | * www & 5mg bid / I ~ + # ^ 100 % : '"
"""Behind it, so that no step is skipped because its sign is missing."""


def seconds(work: Callable[[], object], tries: int) -> float:
    """Return the least processor time of some tries: what others do on the machine does not count."""
    times = []
    for _ in range(tries):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("language", get_args(Language))
def test_a_sentence_full_of_numbers_takes_well_under_a_millisecond(language: Language) -> None:
    for_the_ear(SAID[language], language)
    assert seconds(lambda: for_the_ear(SAID[language], language), 100) < 0.001


@pytest.mark.parametrize("language", get_args(Language))
def test_a_hundred_kilobytes_take_less_than_a_second(language: Language) -> None:
    plain = {"zh": "我这两天一直咳嗽，晚上睡不着觉，还有点发热。", "en": "I have had a cough and cannot sleep. "}
    text = plain[language] * 3 + SAID[language]
    text *= 100_000 // len(text)
    assert seconds(lambda: split(for_the_ear(text, language), language), 2) < 1


@pytest.mark.parametrize("language", get_args(Language))
def test_nothing_takes_more_than_linear_time(language: Language) -> None:
    """Four times the length takes about four times as long; trying every way of matching would take sixteen."""
    slow = {piece: times for piece in ADVERSARIAL if slower_than_linear(times := growth(piece, language, 1))}
    confirmed = {piece: times for piece in slow if slower_than_linear(times := growth(piece, language, 5))}
    assert confirmed == {}


def growth(piece: str, language: Language, tries: int) -> tuple[float, float]:
    """Return the processor seconds for 2,000 and for 8,000 characters of the piece."""
    short, long = (piece * (length // len(piece)) + EVERY_STEP for length in (2_000, 8_000))
    return (
        seconds(lambda: split(for_the_ear(short, language), language), tries),
        seconds(lambda: split(for_the_ear(long, language), language), tries),
    )


def slower_than_linear(times: tuple[float, float]) -> bool:
    return times[1] > 8 * times[0] and times[1] > 0.03
