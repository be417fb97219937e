"""The active speech level is P.56's: compared with the recommendation carried out sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from agents.room.speech_level import active_level_dbfs
from agents.sound.wave import Sound
from tests.agents.room.signals import db, patient, rms
from tests.sounds import noise, speech, tone


def p56(samples: NDArray[np.float32], rate_hz: int) -> float:
    """ITU-T P.56 method B at the full rate: thresholds 6 dB apart, a counter for the hangover, interpolation."""
    x = samples.astype(np.float64)
    g = np.exp(-1 / (rate_hz * 0.03))
    envelope = lfilter([1 - g], [1, -g], lfilter([1 - g], [1, -g], np.abs(x)))
    found = []
    for threshold in 2.0 ** np.arange(-15, 1):
        loud = np.flatnonzero(envelope >= threshold)
        hangover, active, last = round(0.2 * rate_hz), 0, -(10**9)
        if len(loud):
            gaps = np.diff(np.append(loud, len(x)))
            active = int(np.minimum(gaps, hangover).sum())
            last = int(loud[-1])
        if active and last >= 0:
            found.append((10 * np.log10(np.sum(x**2) / active), 20 * np.log10(threshold)))
    margins = [level - threshold for level, threshold in found]
    at = next(n for n, margin in enumerate(margins) if margin <= 15.9)
    part = (margins[at - 1] - 15.9) / (margins[at - 1] - margins[at])
    return float(found[at - 1][0] + part * (found[at][0] - found[at - 1][0]))


def bursts() -> Sound:
    """Return noise of 0.3 s after every pause of 0.5 s: how much of a pause counts as speech decides its level."""
    sound = noise(8.0)
    return Sound(sound.samples * (np.arange(128_000) % 12_800 < 4_800), 16_000)


@pytest.mark.parametrize(
    "sound", [patient(), speech("Yes."), noise(2.0), bursts()], ids=["two voices", "a word", "noise", "bursts"]
)
def test_the_level_is_that_of_the_recommendation(sound: Sound) -> None:
    found = active_level_dbfs(sound.samples, sound.rate_hz)
    assert found == pytest.approx(p56(sound.samples, sound.rate_hz), abs=0.15)


def test_pauses_do_not_lower_the_level() -> None:
    sound = patient()
    spoken = np.concatenate([speech_part for speech_part in (sound.samples, np.zeros(160_000, np.float32))])
    with_pause, without = active_level_dbfs(spoken, 16_000), active_level_dbfs(sound.samples, 16_000)
    assert with_pause == pytest.approx(without, abs=0.1)
    assert without is not None and without > db(rms(spoken)) + 3


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_a_steady_tone_is_as_loud_as_its_mean_power(rate_hz: int) -> None:
    sound = tone(3.0, 500, 0.25, rate_hz)
    assert active_level_dbfs(sound.samples, rate_hz) == pytest.approx(db(0.25) - 3.01, abs=0.15)


def test_twice_the_samples_are_6_db_louder() -> None:
    sound = patient()
    one, two = (active_level_dbfs(sound.samples * np.float32(by), 16_000) for by in (0.25, 0.5))
    assert one is not None and two == pytest.approx(one + 6.02, abs=0.05)


@pytest.mark.parametrize("samples", [np.zeros(16_000), np.full(16_000, 1e-6), np.zeros(1)])
def test_where_nothing_is_said_there_is_no_level(samples: NDArray[np.float64]) -> None:
    assert active_level_dbfs(samples.astype(np.float32), 16_000) is None


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 300])
def test_the_shortest_sounds_have_one(count: int) -> None:
    level = active_level_dbfs(np.full(count, 0.5, np.float32), 16_000)
    assert level is not None and np.isfinite(level)
