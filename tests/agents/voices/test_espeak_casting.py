"""Each speaker has a voice of its own that fits sex and age."""

import asyncio
from itertools import product

import numpy as np
import pytest

from agents.protocols import SpeakerCard
from agents.voices.espeak_casting import ENGINE_HZ, cast
from tests.agents.voices.espeak_setting import SAID, card, espeak, median_f0, view

PEOPLE = {
    "man": ("male", 40.0), "woman": ("female", 40.0), "child": ("unknown", 8.0), "old man": ("male", 72.0),
    "old woman": ("female", 72.0), "young man": ("male", 22.0), "young woman": ("female", 22.0),
}


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_pitch_and_pace_follow_sex_and_age(language):
    seeds = range(6)
    async with espeak() as voice:
        said = await asyncio.gather(*(
            voice.speak(view(SAID[language], language, sex=sex, age=age, seed=seed))
            for (sex, age), seed in product(PEOPLE.values(), seeds)
        ))
    rows = {who: said[i * len(seeds):][: len(seeds)] for i, who in enumerate(PEOPLE)}
    hz = {who: float(np.median([median_f0(one.sound) for one in row])) for who, row in rows.items()}
    seconds = {who: float(np.median([one.sound.seconds for one in row])) for who, row in rows.items()}
    assert 85 < hz["man"] < 140 < 160 < hz["woman"] < 235 < 240 < hz["child"] < 350
    assert hz["old man"] < hz["man"] < hz["young man"] < 150
    assert 145 < hz["old woman"] < hz["woman"] < hz["young woman"]
    assert seconds["old man"] > 1.15 * seconds["man"] and seconds["old woman"] > 1.15 * seconds["woman"]
    assert max(median_f0(one.sound) for one in rows["man"]) < min(median_f0(one.sound) for one in rows["woman"])
    assert max(median_f0(one.sound) for one in rows["woman"]) < min(median_f0(one.sound) for one in rows["child"])


@pytest.mark.parametrize("who", PEOPLE)
def test_seeds_give_clearly_different_voices(who):
    sex, age = PEOPLE[who]
    casts = [cast(card("en", sex, age, seed)) for seed in range(40)]
    assert len(set(casts)) == 40
    assert len({c.voice.partition("+")[2] for c in casts}) >= 3
    assert len({c.rate_hz for c in casts}) >= 5 and len({c.pitch for c in casts}) >= 8


def test_a_card_keeps_its_voice_and_its_language_only_changes_the_accent():
    assert cast(card("zh", seed=3)) == cast(card("zh", seed=3))
    zh, en = cast(card("zh", seed=3)), cast(card("en", seed=3))
    assert zh.voice == "cmn+" + en.voice.partition("+")[2]
    assert (zh.pitch, zh.rate_hz) == (en.pitch, en.rate_hz)
    assert {cast(card("en", seed=seed)).voice.partition("+")[0] for seed in range(40)} == {"en-us", "en"}


def test_children_are_smaller_than_women_and_women_than_men():
    def size(sex, age):
        return np.mean([ENGINE_HZ / cast(card("en", sex, age, seed)).rate_hz for seed in range(30)])

    assert size("female", 7.0) < 0.9 < 0.95 < size("female", 40.0) < size("male", 40.0) < size("male", 75.0)


def test_the_voice_breaks_at_fourteen():
    boy, lad = cast(card("en", "male", 13.9)), cast(card("en", "male", 14.0))
    assert "+f" in boy.voice and "+m" in lad.voice


def test_what_a_card_does_not_tell_its_seed_decides():
    unknown = [cast(card("en", "unknown", None, seed)) for seed in range(60)]
    men = sum("+m" in c.voice or "+grandpa" in c.voice or "+croak" in c.voice for c in unknown)
    assert 15 < men < 45
    assert any("grand" in c.voice for c in unknown) and all(c.rate_hz < 1.08 * ENGINE_HZ for c in unknown)
    assert unknown == [cast(card("en", "unknown", None, seed)) for seed in range(60)]


def test_an_age_group_alone_is_enough():
    child = cast(SpeakerCard("a", "zh", "female", None, "少年", 5))
    old = cast(SpeakerCard("a", "zh", "female", None, "老年", 5))
    assert child.rate_hz > 1.1 * ENGINE_HZ > old.rate_hz and child.words_a_minute != old.words_a_minute
