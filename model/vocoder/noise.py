"""The two sources of chance, made explicit: the flow's start and HiFT's phases and noise; it knows neither network."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

BLOCK_FRAMES = 15_000


class StartNoise:
    """The flow's noise, one constant for all utterances, indexed from frame 0 of each.

    The published code draws 15,000 frames (five minutes) when it is built and stops working after them. Here they come
    from a seed (0 gives what ``torch.randn([1, 80, 15000])`` gives on a CPU after ``manual_seed(0)``), each further
    block from the next seed.
    """

    def __init__(self, mel: int, seed: int = 0, first: Tensor | None = None) -> None:
        """``first``: noise ``[mel, frames]`` to use instead for the first frames."""
        self._mel, self._seed = mel, seed
        self._blocks = [] if first is None else [first.detach().to("cpu", torch.float32)]
        self._frames = sum(block.shape[1] for block in self._blocks)

    def frames(self, start: int, count: int) -> Tensor:
        """Return ``[mel, count]`` from frame ``start`` on, float32 on the CPU."""
        while self._frames < start + count:
            generator = torch.Generator().manual_seed(self._seed + len(self._blocks))
            self._blocks.append(torch.randn((self._mel, BLOCK_FRAMES), generator=generator))
            self._frames += BLOCK_FRAMES
        parts, at = [], 0
        for block in self._blocks:
            first, last = max(start - at, 0), min(start + count - at, block.shape[1])
            if first < last:
                parts.append(block[:, first:last])
            at += block.shape[1]
        return torch.cat(parts, 1) if parts else torch.zeros((self._mel, 0))


class SourceNoise(Protocol):
    """Chance of one stream's excitation."""

    def draw(self, call: int, harmonics: int, samples: int) -> tuple[Tensor, Tensor]:
        """Give start phases ``[harmonics]`` in radians and normal noise ``[harmonics, samples]`` for a call of HiFT."""
        ...


class SeededNoise:
    """Phases and noise from a stream's seed and the number of the call, the same on every device."""

    def __init__(self, seed: int) -> None:
        """``seed``: any whole number."""
        self._seed = seed

    def draw(self, call: int, harmonics: int, samples: int) -> tuple[Tensor, Tensor]:
        """Draw anew for each call; asking again gives the same."""
        generator = torch.Generator().manual_seed((self._seed * 1_000_003 + call) % 2**63)
        phases = (torch.rand(harmonics, generator=generator) * 2 - 1) * torch.pi
        return phases, torch.randn((harmonics, samples), generator=generator)
