"""Telephone lines: narrowband with its 8-bit code, and wideband; it knows no network (packets are another file).

Sources: ITU-T G.712 (300-3400 Hz), G.711 (mu-law, 8 kHz, segments of a logarithmic code), G.722 (50-7000 Hz; its
code, which is transparent to speech at 64 kbit/s, is left out). Filters work on the spectrum: no delay, length kept.
"""

from __future__ import annotations

from functools import cache
from math import gcd
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.room.spectra import Gains, frequencies, quick_length, sound_of, spectrum
from agents.sound.wave import Samples

NARROWBAND_HZ = 8000
_BANDS_HZ = {"narrowband": (200, 300, 3400, 3700), "wideband": (20, 50, 7000, 7400)}
"""Nothing passes below the first and above the last; everything between the second and the third."""
_PAD_S = 0.05


def telephoned(samples: Samples, rate_hz: int, line: Literal["narrowband", "wideband"]) -> Samples:
    """Return ``samples`` behind a telephone line, at the same rate and of the same length."""
    step = rate_hz // gcd(rate_hz, NARROWBAND_HZ)
    steps = -(-(len(samples) + round(2 * _PAD_S * rate_hz)) // step)
    count = step * quick_length(steps)
    bins = spectrum(samples, count)
    bins *= _pass_band(frequencies(count, rate_hz), _BANDS_HZ[line])
    if line == "narrowband":
        bins = _coded(bins, count, rate_hz)
    return sound_of(bins, count)[: len(samples)]


def _coded(bins: NDArray[np.complex64], count: int, rate_hz: int) -> NDArray[np.complex64]:
    """Go down to 8 kHz, through the code, and up again; what is below 8 kHz already stays at its rate."""
    low = count * NARROWBAND_HZ // rate_hz if rate_hz > NARROWBAND_HZ else count
    scale = np.float32(low / count)
    coded = spectrum(mu_law(sound_of(bins[: low // 2 + 1], low) * scale), low)
    if low % 2 == 0:
        coded[-1] = 0
    whole = np.zeros(count // 2 + 1, np.complex64)
    whole[: len(coded)] = coded / scale
    return whole


def mu_law(samples: Samples) -> Samples:
    """Return what is left of ``samples`` after 8-bit mu-law code and back (G.711)."""
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * np.float32(32_767)).astype(np.int32)
    return np.asarray(_expanded()[pcm + 32_768])


@cache
def _expanded() -> Samples:
    """Return for each 16-bit value what its code stands for, by G.711's segments."""
    value = np.arange(-32_768, 32_768)
    code = np.minimum((np.where(value < 0, ~value, value) >> 2) + 33, 8191)
    segment = np.floor(np.log2(code)).astype(np.int64) - 5
    kept = ((2 * (code >> (segment + 1)) + 1) << segment) - 33
    table = np.asarray(np.sign(value) * kept * 4 / 32_768, np.float32)
    table.setflags(write=False)
    return table


def _pass_band(hz: Gains, band: tuple[int, int, int, int]) -> NDArray[np.float32]:
    low_stop, low, high, high_stop = band
    rise = np.clip((hz - low_stop) / (low - low_stop), 0, 1)
    fall = np.clip((high_stop - hz) / (high_stop - high), 0, 1)
    return (np.sin(np.pi / 2 * np.minimum(rise, fall)) ** 2).astype(np.float32)
