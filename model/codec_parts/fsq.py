"""Finite scalar quantization: every channel is rounded to one of a few levels; it knows no network.

Mentzer et al., Finite Scalar Quantization: VQ-VAE Made Simple, 2023 (arXiv 2309.15505). All levels here are odd, so
that a channel's codes are -1 ... 1 in equal steps and 0 is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FSQ(nn.Module):
    """Rounds vectors to a grid and names its points.

    Index = sum over channels i of digit_i * product(levels[:i]), digit_i in 0 .. levels[i] - 1; a digit's code is
    2 * digit / (levels[i] - 1) - 1.
    """

    halves: Tensor
    weights: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        """Take odd numbers of levels, one for each channel."""
        super().__init__()
        self.levels = tuple(levels)
        for name, value in self._made().items():
            self.register_buffer(name, value, persistent=False)

    def refill(self) -> None:
        """Write the buffers anew: transformers creates a model that it loads without their values."""
        for name, value in self._made().items():
            getattr(self, name).copy_(value)

    def forward(self, x: Tensor) -> Tensor:
        """Return codes [..., channels] in -1 .. 1 of any values; the gradient passes straight through rounding."""
        bounded = torch.tanh(x) * self.halves
        return (bounded + (bounded.round() - bounded).detach()) / self.halves

    def indices(self, codes: Tensor) -> Tensor:
        """Return indices [...] (int64) of codes [..., channels]."""
        digits = ((codes + 1.0) * self.halves).round().long()
        return (digits * self.weights).sum(-1)

    def codes(self, indices: Tensor) -> Tensor:
        """Return codes [..., channels] (float32) of indices [...] in 0 .. codebook - 1."""
        levels = (2 * self.halves).long() + 1
        digits = torch.div(indices.unsqueeze(-1), self.weights, rounding_mode="floor") % levels
        return digits.to(self.halves.dtype) / self.halves - 1.0

    def _made(self) -> dict[str, Tensor]:
        levels = torch.tensor(self.levels, device="cpu")
        return {
            "halves": (levels - 1).float() / 2,
            "weights": torch.cumprod(torch.cat([torch.ones(1, dtype=torch.long, device="cpu"), levels[:-1]]), 0),
        }
