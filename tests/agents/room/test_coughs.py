"""Coughs come as often and as loud as asked, and sound like coughs: a blow, a flow, in many a voice."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.room.channel import through
from agents.room.coughs import cough, cough_starts
from agents.sound.wave import Sound, silence
from scenarios.schema.channel import Channel, Coughs
from tests.agents.room.signals import band_db, db, patient, rms
from tests.agents.room.test_speech_level import p56


def rise_and_fall(sound: NDArray[np.float32]) -> list[float]:
    """Return how loud each 20 ms are."""
    return [rms(sound[at : at + 320]) for at in range(0, len(sound) - 320, 320)]


@pytest.mark.parametrize("per_minute", [1.0, 4.0, 20.0, 60.0])
def test_coughs_come_as_often_as_asked(per_minute: float) -> None:
    found = [len(cough_starts(10.0, Coughs(per_minute=per_minute), np.random.default_rng(n))) for n in range(3000)]
    assert np.mean(found) == pytest.approx(per_minute / 6, rel=0.08)


def test_coughs_are_apart_and_their_spacing_is_drawn() -> None:
    starts = np.asarray(cough_starts(6000.0, Coughs(per_minute=20), np.random.default_rng(0)))
    gaps = np.diff(starts)
    assert gaps.min() >= 0.5 and gaps.std() == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("level_db", [-10.0, 0.0, 6.0])
def test_a_cough_is_as_loud_as_asked_over_speech(level_db: float) -> None:
    sound = Sound(patient().samples * np.float32(0.2), 16_000)
    channel = Channel(coughs=Coughs(per_minute=20, level_db=level_db))
    seed = next(n for n in range(200) if through(sound, channel, n).effects == ("1 cough",))
    added = through(sound, channel, seed).sound.samples - sound.samples
    at = np.flatnonzero(added)
    assert 0.2 < len(at) / 16_000 < 0.6
    assert db(rms(added[at[0] : at[-1] + 1])) - p56(sound.samples, 16_000) == pytest.approx(level_db, abs=0.3)


def test_a_cough_begins_with_a_blow_and_ends_softly() -> None:
    for seed in range(30):
        sound = cough(16_000, np.random.default_rng(seed))
        assert 0.19 < len(sound) / 16_000 < 0.5 and rms(sound) == pytest.approx(1, abs=1e-3)
        loudness = rise_and_fall(sound)
        assert int(np.argmax(loudness)) == 0 and loudness[0] > 3 * min(loudness[3:])
        assert band_db(sound, 16_000, 1000, 8000) > -10, "a cough is a broad noise"


def test_some_coughs_have_a_voice_at_the_end_and_some_do_not() -> None:
    swells = []
    for seed in range(300):
        flow = rise_and_fall(cough(16_000, np.random.default_rng(seed)))[5:]
        least = int(np.argmin(flow))
        swells.append(max(flow[least:]) > 1.5 * flow[least])
    assert np.mean(swells) == pytest.approx(0.6, abs=0.08)


def test_silence_can_be_coughed_into_and_none_is_said_where_none_is() -> None:
    channel = Channel(coughs=Coughs(per_minute=10))
    told = [through(silence(4.0, 16_000), channel, seed) for seed in range(40)]
    assert {heard.effects for heard in told} >= {(), ("1 cough",), ("2 coughs",)}
    assert all(heard.sound.samples.any() == bool(heard.effects) for heard in told)
