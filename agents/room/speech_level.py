"""How loud speech is while somebody speaks (active speech level); it knows no words and no channel.

Source: ITU-T P.56 (12/2011), method B: an envelope smoothed twice (30 ms), a hangover of 200 ms, a margin of 15.9 dB.
The envelope is kept at 1 kHz here rather than at the sample rate, and thresholds lie 1 dB apart with interpolation
between them; on speech the two differ by hundredths of a decibel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.room.spectra import convolved
from agents.sound.wave import Samples

NOMINAL_DBFS = -26.0
"""Where no speech is found: the nominal active level of telephony (ITU-T P.800 prepares its material at -26 dBov)."""
_ENVELOPE_HZ = 1000
_SMOOTHING_S, _HANGOVER_S, _MARGIN_DB = 0.03, 0.2, 15.9
_LOWEST_DBFS = -90


def active_level_dbfs(samples: Samples, rate_hz: int) -> float | None:
    """Return the active speech level in dB relative to full scale (a full square wave is 0); None for silence."""
    energy = float(np.sum(np.square(samples, dtype=np.float64)))
    if energy <= len(samples) * 10 ** (_LOWEST_DBFS / 10):
        return None
    envelope, step = _envelope(samples, rate_hz)
    held = np.sort(_trailing_maximum(envelope, round(_HANGOVER_S * rate_hz / step)))
    thresholds = np.arange(_LOWEST_DBFS, 1, dtype=np.float64)
    active = (len(held) - np.searchsorted(held, 10 ** (thresholds / 20))) * (len(samples) / len(held))
    reached = active > 0
    if not reached.any():
        return 10 * float(np.log10(energy / len(samples)))
    levels = 10 * np.log10(energy / active[reached])
    margins = levels - thresholds[reached]
    at = int(np.argmax(margins <= _MARGIN_DB)) if (margins <= _MARGIN_DB).any() else len(margins) - 1
    if at == 0 or margins[at] > _MARGIN_DB:
        return float(levels[at])
    part = (margins[at - 1] - _MARGIN_DB) / (margins[at - 1] - margins[at])
    return float(levels[at - 1] + part * (levels[at] - levels[at - 1]))


def _envelope(samples: Samples, rate_hz: int) -> tuple[Samples, int]:
    step = max(round(rate_hz / _ENVELOPE_HZ), 1)
    count = -(-len(samples) // step)
    magnitude = np.zeros(count * step, np.float32)
    np.abs(samples, out=magnitude[: len(samples)])
    decay = np.exp(-step / (rate_hz * _SMOOTHING_S))
    times = np.arange(round(10 * _SMOOTHING_S * rate_hz / step))
    kernel = ((1 - decay) ** 2 * (times + 1) * decay**times).astype(np.float32)
    return convolved(magnitude.reshape(count, step).mean(axis=1), kernel), step


def _trailing_maximum(values: Samples, width: int) -> NDArray[np.float32]:
    """Return for each place the largest of the last ``width`` values, by doubling the reach."""
    held, reach = values.copy(), 1
    while reach < width:
        shift = min(reach, width - reach)
        held[shift:] = np.maximum(held[shift:], held[:-shift].copy())
        reach += shift
    return held
