"""How much of a clean sound is left behind a channel: PESQ and STOI; it knows neither the words nor the channel.

The clean sound is the reference, what arrived is the degraded one. A figure that cannot be computed is None with a
reason in words.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np

from agents.sound.wave import Samples, Sound, resampled
from scenarios.errors import MissingExtra

RATE_HZ = 16_000
PIECE_S = 20.0
"""PESQ measures longer sounds in equal pieces of at most this length: ITU-T P.862 is meant for 8 to 30 s, and its code
holds 50 utterances at most and writes past its arrays beyond (30 s of chopped sound suffice to bring it down)."""
SHORTEST_S = 0.25


class Score(NamedTuple):
    """A figure, or None and why there is none."""

    value: float | None
    reason: str = ""


def pesq(clean: Sound, arrived: Sound) -> Score:
    """Return wide-band PESQ, 1.04 (bad) to 4.64 (the same), ITU-T P.862.2; the mean over pieces of a long sound.

    Raises:
        MissingExtra: the package pesq (extra ``quality``) is not installed.
    """
    module = _pesq()
    reference, degraded = _alike(clean, arrived)
    if len(reference) < SHORTEST_S * RATE_HZ:
        return Score(None, f"PESQ: shorter than {SHORTEST_S:g} s")
    if not np.any(degraded):
        return Score(None, "PESQ: nothing arrived")
    count = math.ceil(len(reference) / (PIECE_S * RATE_HZ))
    found, reason = [], ""
    for one, other in zip(np.array_split(reference, count), np.array_split(degraded, count), strict=True):
        score = _pesq_of(module, one, other)
        reason = reason or score.reason
        if score.value is not None:
            found.append(score.value)
    return Score(round(sum(found) / len(found), 4)) if found else Score(None, reason)


def stoi(clean: Sound, arrived: Sound) -> Score:
    """Return short-time objective intelligibility, about 0 (nothing) to 1 (all), Taal et al. 2011.

    Raises:
        MissingExtra: the package pystoi (extra ``voice``) is not installed.
    """
    try:
        from pystoi import stoi as compute
    except ModuleNotFoundError as error:
        raise MissingExtra("STOI", "voice") from error
    reference, degraded = _alike(clean, arrived)
    if not np.any(reference):
        return Score(None, "STOI: the clean sound is silent")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            value = float(compute(reference, degraded, RATE_HZ))
        except (RuntimeWarning, ValueError, IndexError):  # pystoi warns, or fails, with fewer than 30 frames of speech
            return Score(None, "STOI: less than 0.4 s of speech")
    return Score(round(value, 4)) if math.isfinite(value) else Score(None, "STOI: not a number")


def _pesq_of(module: Any, reference: Samples, degraded: Samples) -> Score:
    if not np.any(reference) or not np.any(degraded):
        return Score(None, "PESQ: no speech")
    try:
        value = float(module.pesq(RATE_HZ, reference, degraded, "wb"))
    except module.NoUtterancesError:
        return Score(None, "PESQ: no speech")
    except (module.PesqError, ValueError) as error:
        told = error.args[0] if error.args else error
        return Score(None, f"PESQ: {told.decode('utf-8', 'replace') if isinstance(told, bytes) else told}")
    return Score(value) if math.isfinite(value) else Score(None, "PESQ: not a number")


def _alike(clean: Sound, arrived: Sound) -> tuple[Samples, Samples]:
    """Return both at 16 kHz and as long as the clean one: an echo behind its end goes, what is missing is silence."""
    reference, degraded = resampled(clean, RATE_HZ).samples, resampled(arrived, RATE_HZ).samples
    fitted = np.zeros_like(reference)
    fitted[: len(degraded)] = degraded[: len(reference)]
    return reference, fitted


def _pesq() -> Any:
    try:
        import pesq as module
    except ModuleNotFoundError as error:
        raise MissingExtra("PESQ", "quality") from error
    return module
