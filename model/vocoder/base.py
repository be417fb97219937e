"""What every vocoder offers: units in, sound out, many streams at once; it knows no network and no doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(slots=True)
class Work:
    """What a stream has cost so far: frames computed (each Euler step's batch counts once) against frames given out."""

    units: int = 0
    frames_computed: int = 0
    frames_emitted: int = 0
    samples: int = 0


class VocoderStream(Protocol):
    """One answer's way from units to sound; holds its caches until it is closed or has got its final piece."""

    work: Work

    def close(self) -> None:
        """Free the caches; the stream takes no more units. Closing twice is fine."""
        ...


class Vocoder(Protocol):
    """Turns units (25 a second) into sound.

    ``rate_hz``: sample rate of what comes out. ``units_per_s``: 25. ``codebook``: how many units there are; an id
    outside ``0..codebook-1`` raises BadUnits.
    """

    rate_hz: int
    units_per_s: float
    codebook: int

    def open(self, seed: int = 0) -> VocoderStream:
        """Return a new stream.

        Equal seeds and units give equal sound; whether that holds however units are cut into pieces, each vocoder says.
        """
        ...

    def push(
        self, streams: Sequence[VocoderStream], units: Sequence[Sequence[int]], final: Sequence[bool]
    ) -> list[Samples]:
        """Give each stream its new units (maybe none) and return what each has ready: float32 in [-1, 1], maybe empty.

        ``final`` marks a stream's last piece: everything that is left comes out and the stream is closed. Streams that
        are ready for equal work are computed together; alone and among others a stream sounds the same (to rounding).
        """
        ...
