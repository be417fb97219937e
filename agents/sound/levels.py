"""How loud a sound is, whether it is clipped or silent, and its picture in 64 characters; it knows no speech."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.sound.wave import Samples, Sound

FULL_SCALE = 32_766 / 32_768
"""What counts as full scale: the last 16-bit step below it included, for sound that was rounded once more."""
FLAT = 3
"""Consecutive samples at full scale that count as clipping: a wave may touch it once or twice, a flat top is cut."""
SILENT_BELOW_DBFS = -50.0
"""A sound whose highest peak is lower is called silent; quiet speech peaks at about -40 dB."""
PEAKS = 64
_LOWEST, _HIGHEST = ord("0"), 63


class Levels(NamedTuple):
    """What ``levels`` finds.

    ``peak_dbfs`` and ``rms_dbfs`` are in dB relative to a sample value of 1 (a full-scale sine has an RMS of
    -3.01), None for digital silence. ``clipped_share`` is the share of samples in runs of at least ``FLAT`` at full
    scale on one side. ``waveform`` holds the peaks of 64 equal parts, ``chr(48 + round(63 * peak))`` each, '' for no
    samples at all.
    """

    peak_dbfs: float | None
    rms_dbfs: float | None
    clipped_share: float
    silent: bool
    waveform: str


def levels(sound: Sound) -> Levels:
    """Return the levels of ``sound``; values that are no numbers count as 0, as they do when it is stored."""
    samples = sound.samples
    if not len(samples):
        return Levels(None, None, 0.0, True, "")
    energy = float(np.dot(samples, samples))
    if not math.isfinite(energy):
        samples = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
        energy = float(np.dot(samples, samples))
    size = np.abs(samples)
    peak = float(size.max())
    peak_db = _db(peak)
    return Levels(
        peak_db, _db(math.sqrt(energy / len(samples))),
        _clipped(samples) if peak >= FULL_SCALE else 0.0,
        peak_db is None or peak_db < SILENT_BELOW_DBFS, _picture(size),
    )


def _db(value: float) -> float | None:
    return round(20 * math.log10(value), 2) if value > 0 else None


def _clipped(samples: Samples) -> float:
    found = _in_runs(samples >= FULL_SCALE) + _in_runs(samples <= -FULL_SCALE)
    return found / len(samples)


def _in_runs(there: NDArray[np.bool_]) -> int:
    """Return how many true values stand in runs of at least ``FLAT``."""
    steps = np.flatnonzero(np.diff(np.concatenate(([False], there, [False]))))
    lengths = steps[1::2] - steps[::2]
    return int(lengths[lengths >= FLAT].sum())


def _picture(size: Samples) -> str:
    edges = np.arange(PEAKS) * len(size) // PEAKS
    peaks = np.minimum(np.maximum.reduceat(size, edges), 1.0)
    return "".join(chr(_LOWEST + step) for step in np.rint(peaks * _HIGHEST).astype(int).tolist())
