"""The room's decay and direct sound are measured from its response to one click (Schroeder integration, ISO 3382)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.room.channel import through
from agents.room.reverb import response, reverberated
from agents.sound.wave import Sound
from scenarios.schema.channel import Channel, Reverb
from tests.agents.room.signals import patient
from tests.agents.room.test_speech_level import p56


def click_response(room: Reverb, seconds: float, rate_hz: int, seed: int) -> NDArray[np.float64]:
    click = np.zeros(round(seconds * rate_hz), np.float32)
    click[0] = 1
    return reverberated(click, rate_hz, room, np.random.default_rng(seed)).astype(np.float64)


def rt60_s(tail: NDArray[np.float64], rate_hz: int) -> float:
    """T30: the energy still to come falls from -5 to -35 dB; a straight line through that, for 60 dB."""
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2) + 1e-12)
    part = (left <= -5) & (left >= -35)
    slope = np.polyfit(np.flatnonzero(part) / rate_hz, left[part], 1)[0]
    return -60 / float(slope)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
@pytest.mark.parametrize("wanted_s", [0.15, 0.3, 0.6, 1.2, 3.0])
def test_sound_decays_by_60_db_in_the_time_asked_for(wanted_s: float, rate_hz: int) -> None:
    room = Reverb(rt60_s=wanted_s)
    found = [rt60_s(click_response(room, wanted_s + 0.5, rate_hz, seed)[1:], rate_hz) for seed in range(4)]
    assert found == pytest.approx([wanted_s] * 4, rel=0.1)


@pytest.mark.parametrize("direct_db", [-10.0, 0.0, 3.0, 20.0])
def test_direct_sound_stands_over_the_rest_as_asked(direct_db: float) -> None:
    heard = click_response(Reverb(rt60_s=0.5, direct_db=direct_db), 1.0, 16_000, seed=1)
    assert 10 * np.log10(heard[0] ** 2 / np.sum(heard[1:] ** 2)) == pytest.approx(direct_db, abs=0.2)


def test_nothing_arrives_before_the_first_wall() -> None:
    click = response(16_000, Reverb(), np.random.default_rng(0))
    assert click[0] == 1 and not click[1:64].any() and click[64:80].any()


def test_words_stay_where_they_are_and_as_loud() -> None:
    sound = patient()
    heard = through(sound, Channel(reverb=Reverb(rt60_s=0.5)), seed=3).sound
    assert len(heard.samples) == len(sound.samples)
    assert p56(heard.samples, 16_000) == pytest.approx(p56(sound.samples, 16_000), abs=0.2)
    alike = np.correlate(heard.samples[:40_000], sound.samples[500:39_500], "valid")
    assert int(np.argmax(alike)) == 500


def test_the_shortest_room_and_sound_do_not_break_it() -> None:
    for count in (1, 2, 50):
        sound = Sound(np.full(count, 0.1, np.float32), 8_000)
        heard = through(sound, Channel(reverb=Reverb(rt60_s=0.05)), seed=1)
        assert len(heard.sound.samples) == count and np.isfinite(heard.sound.samples).all()
