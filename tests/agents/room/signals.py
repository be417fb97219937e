"""Speech with pauses, and measures of sound, for tests of the room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.sound.wave import Sound, joined, silence
from tests.sounds import speech

EN = "I have had this cough for three days now, and it keeps me awake at night."
ZH = "医生你好，我咳嗽三天了，晚上咳得更厉害。"


def patient() -> Sound:
    """Return 10 s of two voices with pauses before, between and after, at 16 kHz."""
    parts = [silence(0.7, 16_000), speech(EN), silence(0.8, 16_000), speech(ZH, "cmn"), silence(0.6, 16_000)]
    return joined(parts)


def rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def db(value: float) -> float:
    return 20 * float(np.log10(value))


def band_db(samples: NDArray[np.float32], rate_hz: int, low_hz: float, high_hz: float) -> float:
    """Return the power between two frequencies over all power, in dB."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return 10 * float(np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum() + 1e-15))
