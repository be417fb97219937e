"""Sound as recognisers take it: 16 kHz, checked, in pieces that are cut where it is quietest; it knows no model."""

from __future__ import annotations

import numpy as np

from agents.protocols import ListenerView
from agents.sound.wave import Samples, Sound, resampled
from scenarios.errors import AgentFailure
from scenarios.schema import HEARD_HZ, Language

FAINTEST = 1e-3
"""Peaks below -60 dB of full scale are silence: recognisers invent words for it."""
SHORTEST_S = 0.05
_FRAME = HEARD_HZ // 50


def sound_of(view: ListenerView) -> Sound:
    """Return the sound. Raises AgentFailure when there is none, or samples that are no numbers."""
    if view.sound is None:
        raise AgentFailure("infrastructure", "no_sound", "this listener needs sound, and none was made: set a voice")
    if not np.isfinite(view.sound.samples).all():
        raise AgentFailure("voice", "audio_corrupt", "the sound holds samples that are no numbers")
    return view.sound


def as_heard(sound: Sound) -> Samples:
    """Return the samples at 16 kHz, float32; none at all where there is nothing to hear."""
    if sound.seconds < SHORTEST_S or float(np.abs(sound.samples).max()) < FAINTEST:
        return np.zeros(0, np.float32)
    return np.ascontiguousarray(resampled(sound, HEARD_HZ).samples, np.float32)


def pieces(samples: Samples, longest_s: float, search_s: float = 5.0) -> list[Samples]:
    """Return ``samples`` (16 kHz) in pieces of at most ``longest_s``; together they are all of it.

    A cut is made in the quietest 20 ms of the last ``search_s`` seconds that a piece may have.
    """
    most = int(longest_s * HEARD_HZ)
    found = []
    while len(samples) > most:
        first = most - min(int(search_s * HEARD_HZ), most // 2)
        frames = (most - first) // _FRAME
        energy = np.square(samples[first : first + frames * _FRAME], dtype=np.float64).reshape(frames, _FRAME).sum(1)
        cut = first + int(energy.argmin()) * _FRAME + _FRAME // 2
        found.append(samples[:cut])
        samples = samples[cut:]
    return [*found, samples] if len(samples) else found


def together(texts: list[str], language: Language) -> str:
    """Return the texts of consecutive pieces as one line."""
    between = " " if language == "en" else ""
    return between.join(" ".join(text.split()) for text in texts if text.strip())
