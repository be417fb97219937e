"""Lost packets and what is played in their place; it knows no network: a loss is drawn.

Source: E. N. Gilbert's two-state model (1960): in the bad state every packet is lost, in the good one none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.sound.wave import Samples
from scenarios.schema import PacketLoss

_FADE_S = 0.06
"""A packet repeated in place of lost ones has faded out after this time (as in ITU-T G.711 Appendix I)."""


def lost_packets(count: int, loss: PacketLoss, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of ``count`` packets are lost: ``loss.rate`` of them, in runs of ``loss.burst`` on average."""
    end = 1 / loss.burst
    begin = end * loss.rate / (1 - loss.rate)
    draws = rng.random(count)
    lost = np.zeros(count, np.bool_)
    bad = bool(rng.random() < loss.rate)
    for number, draw in enumerate(draws):
        lost[number] = bad
        bad = bool(draw >= end) if bad else bool(draw < begin)
    return lost


def with_losses(
    samples: Samples, rate_hz: int, loss: PacketLoss, rng: np.random.Generator
) -> tuple[Samples, int, int]:
    """Return ``samples`` as they arrive, the number of lost packets, and the number of packets.

    ``repeat`` plays the last packet that came again and again, fading out; with none before, silence.
    """
    size = max(round(loss.frame_ms * rate_hz / 1000), 1)
    lost = lost_packets(-(-len(samples) // size), loss, rng)
    arrived, run = samples.copy(), 0
    for number in np.flatnonzero(lost):
        run = run + 1 if number and lost[number - 1] else 1
        part = arrived[number * size : (number + 1) * size]
        last = int(number) - run
        if loss.conceal == "repeat" and last >= 0:
            times = ((run - 1) * size + np.arange(len(part))) / rate_hz
            fade = np.maximum(1 - times / _FADE_S, 0).astype(np.float32)
            part[:] = samples[last * size : last * size + len(part)] * fade
        else:
            part[:] = 0
    return arrived, int(lost.sum()), len(lost)
