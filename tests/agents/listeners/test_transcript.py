"""The listener that reads: as many errors as asked for, the same every time, of kinds that ears make."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from agents import catalog
from agents.listeners.mishearing import Mix, misheard
from agents.listeners.sounds_alike import alike
from agents.protocols import ListenerView
from agents.sound.error_rate import count_errors
from scenarios.errors import InputError
from scenarios.schema import BackendRef, Language
from tests.conftest import ROOT

SAID = "我从昨天开始发烧，最高38.5度，没有胸痛，不对青霉素过敏。"


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in strings(item)]


@cache
def sentences(language: Language) -> tuple[str, ...]:
    """Return about a thousand different things that patients of the shipped cases say, numbers and units included."""
    least = 8 if language == "zh" else 21
    found: dict[str, None] = {}
    for file in sorted((ROOT / "scenarios" / "library" / language).glob("*.yaml")):
        for document in yaml.load_all(file.read_text("utf-8"), yaml.CSafeLoader):
            found |= dict.fromkeys(text for text in strings(document) if len(text) >= least)
    return tuple(list(found)[:1000])


async def hear(text: str, seed: int = 1, language: Language = "zh", **options: Any) -> str:
    listener = catalog.create("listener", BackendRef.model_validate({"backend": "transcript", **options}))
    return str((await listener.listen(ListenerView(None, text, language, seed))).text)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.2, 0.4])
async def test_what_is_measured_is_what_was_asked_for(language: Language, rate: float) -> None:
    edits = reference = 0
    for seed, text in enumerate(sentences(language)):
        counted = count_errors(text, await hear(text, seed, language, cer=rate), language).characters
        edits, reference = edits + counted.edits, reference + counted.reference
    assert seed > 800 and abs(edits / reference - rate) < 0.01


def test_the_kinds_of_error_keep_their_shares() -> None:
    mix = Mix(0.5, 0.25, 0.25)
    counts = [count_errors(t, misheard(t, 0.1, n, "zh", mix), "zh").characters for n, t in enumerate(sentences("zh"))]
    edits = sum(counted.edits for counted in counts)
    assert abs(sum(counted.substitutions for counted in counts) / edits - 0.5) < 0.05
    assert abs(sum(counted.deletions for counted in counts) / edits - 0.25) < 0.04
    assert abs(sum(counted.insertions for counted in counts) / edits - 0.25) < 0.04


async def test_text_seed_and_language_decide_and_nothing_else() -> None:
    first = await hear(SAID, 5, cer=0.3)
    assert first == await hear(SAID, 5, cer=0.3) != SAID
    assert first != await hear(SAID, 6, cer=0.3)
    assert first != await hear(SAID, 5, "en", cer=0.3)


async def test_nothing_is_changed_at_rate_zero_and_nothing_is_made_of_nothing() -> None:
    assert await hear(SAID) == SAID
    assert await hear("", cer=0.9) == ""
    assert await hear("……！？", cer=1) == "……！？"


def test_more_errors_include_those_that_were_there_at_a_lower_rate() -> None:
    only = Mix(1, 0, 0)
    kept = total = 0
    for seed, text in enumerate(sentences("zh")[:300]):
        low, high = misheard(text, 0.1, seed, "zh", only), misheard(text, 0.4, seed, "zh", only)
        assert len(low) == len(high) == len(text)
        total += sum(a != b for a, b in zip(text, low, strict=True))
        kept += sum(a != b == c for a, b, c in zip(text, low, high, strict=True))
    assert kept == total > 200


def test_digits_and_negations_are_not_spared() -> None:
    hit = 0
    for seed in range(400):
        heard = misheard("没有38", 0.2, seed, "zh", Mix(1, 0, 0))
        hit += heard[0] != "没"
        assert heard[2:].isdigit()
    assert 50 < hit < 110


@pytest.mark.parametrize(("character", "likely"), [
    ("不", "布步部"), ("没", "眉煤酶"), ("是", "事势"), ("烧", "稍捎"), ("疼", "腾藤"), ("七", "期妻"), ("女", "旅"),
    ("4", "10"), ("5", "0"), ("n", "m"), ("E", "ai"),
])
def test_what_sounds_alike_is_confused(character: str, likely: str) -> None:
    options = alike(character, "zh")
    assert set(likely) <= set(options) and character.casefold() not in options


def test_every_character_can_be_taken_for_another() -> None:
    used = {character for language in ("zh", "en") for text in sentences(language) for character in text}
    for character in filter(str.isalnum, used | set("龘éß٣Ⅳヴ")):
        for language in ("zh", "en"):
            options = alike(character, language)
            assert options and character not in options and all(option.isalnum() for option in options)


@pytest.mark.parametrize(("options", "problem"), [
    ({"cer": 1.5}, "cer"), ({"cer": -0.1}, "cer"), ({"rate": 0.1}, "rate"),
    ({"substitutions": 0, "deletions": 0, "insertions": 0}, "above 0"),
])
async def test_wrong_options_are_named(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        await hear(SAID, **options)
