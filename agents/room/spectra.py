"""Filtering by way of the spectrum, in single precision; it knows no sound in particular.

scipy.fft is imported when first needed: it costs a quarter of a second, and a run without sound never pays it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agents.sound.wave import Samples

Spectrum = NDArray[np.complex64]
Gains = NDArray[np.float64]


def quick_length(count: int) -> int:
    """Return the next length whose transform is quick."""
    from scipy import fft

    return int(fft.next_fast_len(max(count, 1), real=True))


def spectrum(samples: Samples, count: int) -> Spectrum:
    """Return the spectrum of ``samples``, filled up with zeros to ``count``; over the last axis."""
    from scipy import fft

    return np.asarray(fft.rfft(samples, count), np.complex64)


def sound_of(bins: Spectrum, count: int) -> Samples:
    """Return ``count`` samples with this spectrum; over the last axis."""
    from scipy import fft

    return np.asarray(fft.irfft(bins, count), np.float32)


def frequencies(count: int, rate_hz: float) -> Gains:
    """Return the frequency of each bin of a spectrum of ``count`` samples, in Hz."""
    return np.arange(count // 2 + 1, dtype=np.float64) * (rate_hz / count)


def convolved(samples: Samples, response: Samples) -> Samples:
    """Return ``samples`` behind a filter with this impulse response, cut to the length of ``samples``."""
    count = quick_length(len(samples) + len(response) - 1)
    return sound_of(spectrum(samples, count) * spectrum(response, count), count)[: len(samples)]


def shaped_noise(rng: np.random.Generator, count: int, rate_hz: float, shape: Callable[[Gains], Gains]) -> Samples:
    """Return Gaussian noise whose amplitude spectrum follows ``shape`` (of Hz); its end goes on in its beginning."""
    gains = shape(frequencies(count, rate_hz)).astype(np.float32)
    bins = rng.standard_normal((len(gains), 2), np.float32).view(np.complex64)[:, 0] * gains
    bins[0] = 0
    return sound_of(bins, count)


def root_mean_square(samples: Samples) -> float:
    """Return the root mean square, summed in double precision; 0 for nothing."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def ratio(level_db: float) -> float:
    """Return decibels as a ratio of amplitudes."""
    return float(10 ** (level_db / 20))
