"""Turn taking is seeded and pure: waits, silences and interruptions come as often and when the manners say."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.room.turn_taking import SILENT_WORDS, Moment, before_answer, interruption, said_until
from scenarios.schema import Language, TurnTaking

LANGUAGES = st.sampled_from(["zh", "en"])
TEXTS = st.text(st.sampled_from("ab c1.,头痛，。 \n🙂é"), max_size=60)


def test_waits_lie_in_the_range_and_spread_over_it() -> None:
    moments = [before_answer(TurnTaking(pause_s=(0.5, 1.5)), seed) for seed in range(2000)]
    waits = [moment.pause_s for moment in moments]
    assert not any(moment.silent for moment in moments)
    assert 0.5 <= min(waits) < 0.52 and 1.48 < max(waits) <= 1.5
    assert statistics.mean(waits) == pytest.approx(1.0, abs=0.03)


def test_silences_come_as_often_as_asked_and_last_as_long() -> None:
    moments = [before_answer(TurnTaking(silent=0.3, silence_s=7), seed) for seed in range(4000)]
    silent = [moment for moment in moments if moment.silent]
    assert len(silent) / len(moments) == pytest.approx(0.3, abs=0.03)
    assert {moment.pause_s for moment in silent} == {7}


def test_interruptions_come_as_often_as_asked_and_uniformly_after_the_first_part() -> None:
    cuts = [interruption(TurnTaking(interrupts=0.4), 10.0, seed) for seed in range(6000)]
    at = sorted(cut for cut in cuts if cut is not None)
    assert len(at) / len(cuts) == pytest.approx(0.4, abs=0.03)
    assert 2.0 <= at[0] < 2.1 and 9.9 < at[-1] < 10.0
    quarters = [sum(2 + 2 * n <= cut < 4 + 2 * n for cut in at) / len(at) for n in range(4)]
    assert all(0.21 < share < 0.29 for share in quarters), quarters


def test_how_often_and_when_are_drawn_apart() -> None:
    always = TurnTaking(interrupts=1.0)
    seldom = TurnTaking(interrupts=0.1)
    shares = [interruption(always, 100.0, seed) for seed in range(3000) if interruption(seldom, 100.0, seed)]
    assert statistics.mean(share for share in shares if share) == pytest.approx(60, abs=5)


@given(st.floats(0, 600), st.floats(0, 1), st.integers(0, 2**63))
def test_nobody_interrupts_early_late_or_a_short_word(seconds: float, interrupts: float, seed: int) -> None:
    manners = TurnTaking(interrupts=interrupts)
    cut = interruption(manners, seconds, seed)
    assert cut == interruption(manners, seconds, seed)
    if seconds < 1.5 or interrupts == 0:
        assert cut is None
    elif interrupts == 1:
        assert cut is not None and max(1.0, 0.2 * seconds) <= cut <= seconds


def test_a_turn_is_the_same_in_every_process() -> None:
    manners = TurnTaking(interrupts=0.5, silent=0.5)
    pause_s, silent = before_answer(manners, 3)
    assert pause_s == pytest.approx(0.3937618, abs=1e-6) and not silent
    assert before_answer(manners, 4) == Moment(4.0, True)
    assert interruption(manners, 8.0, 3) == pytest.approx(5.6887958, abs=1e-6)


@pytest.mark.parametrize(
    ("language", "text", "share", "said"),
    [
        ("en", "Take two tablets a day, please.", 0.5, "Take two"),
        ("en", "Take two tablets a day, please.", 0.53, "Take two tablets"),
        ("en", "Take two tablets a day, please.", 0.05, ""),
        ("en", "I will do a CT.", 1.0, "I will do a CT."),
        ("zh", "您先做一个检查，再来找我。", 0.5, "您先做一个检"),
        ("zh", "血压140/90有点高", 0.5, "血压"),
        ("zh", "血压140/90有点高", 0.75, "血压140/90"),
        ("zh", "做个CT看看", 0.5, "做个"),
        ("zh", "", 0.5, ""),
    ],
)
def test_a_cut_falls_between_words_or_characters(language: Language, text: str, share: float, said: str) -> None:
    assert said_until(text, share, language) == said


@given(TEXTS, st.floats(0, 1), st.floats(0, 1), LANGUAGES)
def test_what_was_said_is_a_beginning_and_grows(text: str, one: float, other: float, language: Language) -> None:
    less, more = (said_until(text, share, language) for share in sorted((one, other)))
    assert text.startswith(more) and more.startswith(less)
    assert len(less) <= min(one, other) * len(text) + 1e-6
    assert said_until(text, 0, language) == "" and said_until(text, 1, language) == text


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_beyond_the_text_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share must be"):
        said_until("hello there", share, "en")


def test_silence_has_words_in_both_languages() -> None:
    assert set(SILENT_WORDS) == {"zh", "en"}
