"""A room as an impulse response: the direct sound, then noise that dies away; it knows no furniture.

Source: J.-D. Polack's model of late reverberation (1988): Gaussian noise under an exponential decay.
"""

from __future__ import annotations

import numpy as np

from agents.room.spectra import convolved, frequencies, quick_length, ratio, root_mean_square, sound_of, spectrum
from agents.sound.wave import Samples
from scenarios.schema import Reverb

_FIRST_REFLECTION_S = 0.004
"""A wall is a good half metre away: until then only the direct sound is heard."""
_DULLNESS_HZ = 4000.0
_DECAY = float(np.log(1000))
"""Over one RT60 the amplitude falls to a thousandth (60 dB)."""


def reverberated(samples: Samples, rate_hz: int, room: Reverb, rng: np.random.Generator) -> Samples:
    """Return ``samples`` as heard in the room; as long as before: what sounds on after the end is cut.

    The direct sound arrives at once, so words stay where they were, and keeps its strength: the rest comes on top.
    """
    return convolved(samples, response(rate_hz, room, rng))


def response(rate_hz: int, room: Reverb, rng: np.random.Generator) -> Samples:
    """Return the room's impulse response: 1 at its start, and a tail of ``rt60_s`` in all.

    The tail's energy lies ``direct_db`` below that of the direct sound. It is somewhat duller (walls take the treble),
    the same all along.
    """
    count = max(round(room.rt60_s * rate_hz), 2)
    delay = min(round(_FIRST_REFLECTION_S * rate_hz), count - 1)
    size = quick_length(2 * count)
    gains = (1 / np.sqrt(1 + (frequencies(size, rate_hz) / _DULLNESS_HZ) ** 2)).astype(np.float32)
    rays = sound_of(spectrum(rng.standard_normal(size, np.float32), size) * gains, size)[:count]
    tail = np.asarray(rays * np.exp(-_DECAY / (room.rt60_s * rate_hz) * np.arange(count)), np.float32)
    tail[:delay] = 0
    energy = root_mean_square(tail) * np.sqrt(count)
    tail *= np.float32(ratio(-room.direct_db) / energy)
    tail[0] = 1
    return tail
