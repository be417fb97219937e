"""Levels of sounds whose levels are known: sines, steps at full scale, silence, nothing."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from agents.sound.levels import levels
from agents.sound.wave import Sound, read_sound, silence, wav_bytes
from tests.sounds import noise, speech, tone


def test_a_sine_has_its_peak_and_an_rms_three_decibels_below() -> None:
    found = levels(tone(1.0, 1000, level=0.5))
    assert found.peak_dbfs == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert found.rms_dbfs == pytest.approx(20 * math.log10(0.5) - 3.01, abs=0.01)
    assert found.clipped_share == 0.0 and not found.silent


def test_digital_silence_has_no_level_and_nothing_is_no_crash() -> None:
    assert levels(silence(1.0, 16_000)) == (None, None, 0.0, True, "0" * 64)
    assert levels(silence(0.0, 16_000)) == (None, None, 0.0, True, "")


@pytest.mark.parametrize(("level", "silent"), [(10 ** (-49 / 20), False), (10 ** (-51 / 20), True)])
def test_silent_is_what_peaks_below_50_decibels(level: float, silent: bool) -> None:
    assert levels(tone(0.5, level=level)).silent is silent


def test_two_samples_at_full_scale_are_a_peak_and_three_are_clipping() -> None:
    samples = np.zeros(1000, np.float32)
    samples[[10, 11, 20, 21, 22, 30]] = 1.0
    samples[40:44] = -1.0
    samples[[50, 51, 52, 53]] = (1.0, -1.0, 1.0, -1.0)
    assert levels(Sound(samples, 16_000)).clipped_share == pytest.approx(7 / 1000)


def test_clipping_survives_being_stored() -> None:
    loud = Sound(tone(0.5, level=4.0).samples, 16_000)
    stored = read_sound(wav_bytes(loud))
    assert levels(stored).clipped_share == pytest.approx(levels(loud).clipped_share, abs=0.01)
    assert levels(stored).clipped_share > 0.5
    assert levels(read_sound(wav_bytes(tone(0.5, level=0.99)))).clipped_share == 0.0


def test_the_picture_has_64_peaks_from_silence_to_full_scale() -> None:
    rising = Sound(np.linspace(0, 1, 6400, dtype=np.float32), 16_000)
    picture = levels(rising).waveform
    steps = [ord(character) - 48 for character in picture]
    assert len(picture) == 64 and picture[-1] == "o"
    assert steps == sorted(steps) and steps[0] == 1 and steps[31] in (31, 32)
    assert len(levels(tone(3 / 16_000)).waveform) == 64


def test_what_is_no_number_counts_as_it_is_stored() -> None:
    samples = tone(0.1).samples.copy()
    samples[5] = np.nan
    found = levels(Sound(samples, 16_000))
    assert found.peak_dbfs == pytest.approx(-6.02, abs=0.01) and found.rms_dbfs is not None


def test_levels_of_five_seconds_take_less_than_a_millisecond() -> None:
    sound, best = speech("One two three four five six seven eight nine ten.", rate_hz=24_000), 1.0
    sound = Sound(np.tile(sound.samples, 4)[: 5 * 24_000], 24_000)
    for one in (sound, noise(5.0, rate_hz=24_000)):
        for _ in range(30):
            start = time.perf_counter()
            levels(one)
            best = min(best, time.perf_counter() - start)
    assert best < 0.001
