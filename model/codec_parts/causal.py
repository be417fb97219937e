"""Causal layers that go on where they stopped; they know no units and no sound.

A state is a list of tensors whose first dimension is the batch, so that states of several streams are joined and parted
by rows. Nothing is computed twice: a layer keeps the few inputs that its next output still needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

State = list[Tensor]
LAYER_SCALE = 0.1


def joined(states: Sequence[State]) -> State:
    """Return one state whose rows are those of ``states``, in order."""
    return [torch.cat(tensors) for tensors in zip(*states, strict=True)]


def parted(state: State) -> list[State]:
    """Return a state of one row for each row; each owns its memory, so that a freed stream frees its part."""
    rows = [[part.clone() for part in tensor.split(1)] for tensor in state]
    return [list(parts) for parts in zip(*rows, strict=True)]


class CausalConv(nn.Conv1d):
    """A convolution whose output at t sees inputs t - kernel + 1 ... t."""

    def fresh(self, batch: int) -> State:
        """Return the state before any input: silence."""
        width = int(self.kernel_size[0]) - 1
        return [self.weight.new_zeros(batch, self.in_channels, width)]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return outputs [B, out, t] for inputs [B, in, t] that follow those in the state [B, in, kernel - 1]."""
        seen = torch.cat([state[0], x], dim=-1)
        keep = int(self.kernel_size[0]) - 1
        return super().forward(seen), [seen[..., seen.shape[-1] - keep :]]


class Block(nn.Module):
    """ConvNeXt's block, made causal: depthwise convolution, layer norm, two linear layers, scaled residual.

    Liu et al., A ConvNet for the 2020s, 2022 (arXiv 2201.03545); used for sound by Vocos (arXiv 2306.00814).
    """

    def __init__(self, size: int, kernel: int = 7) -> None:
        """Take the number of channels."""
        super().__init__()
        self.mix = CausalConv(size, size, kernel, groups=size)
        self.norm = nn.LayerNorm(size)
        self.widen = nn.Linear(size, 3 * size)
        self.narrow = nn.Linear(3 * size, size)
        self.scale = nn.Parameter(torch.full((size,), LAYER_SCALE))

    def fresh(self, batch: int) -> State:
        """Return the state before any input."""
        return self.mix.fresh(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return outputs [B, size, t] for inputs [B, size, t]."""
        mixed, state = self.mix.step(x, state)
        y = self.narrow(functional.gelu(self.widen(self.norm(mixed.transpose(1, 2))))) * self.scale
        return x + y.transpose(1, 2), state


class Fold(nn.Module):
    """Two neighbouring frames become one; needs an even number of frames."""

    def __init__(self, size: int) -> None:
        """Take the number of channels."""
        super().__init__()
        self.project = nn.Conv1d(size, size, 2, stride=2)

    def fresh(self, batch: int) -> State:
        """Return no state: pairs never straddle two calls."""
        return []

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return [B, size, t / 2] for [B, size, t]."""
        return self.project(x), state


class Unfold(nn.Module):
    """One frame becomes two."""

    def __init__(self, size: int) -> None:
        """Take the number of channels."""
        super().__init__()
        self.project = nn.Conv1d(size, 2 * size, 1)

    def fresh(self, batch: int) -> State:
        """Return no state: a frame needs only itself."""
        return []

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return [B, size, 2 * t] for [B, size, t]."""
        batch, size, count = x.shape
        return self.project(x).view(batch, 2, size, count).permute(0, 2, 3, 1).reshape(batch, size, 2 * count), state


class Chain(nn.ModuleList):
    """Causal layers one after another; its state is all of theirs in a row."""

    def fresh(self, batch: int) -> State:
        """Return the state before any input."""
        return [tensor for layer in self._layers() for tensor in layer.fresh(batch)]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the last layer's outputs and the state after them."""
        after: State = []
        for layer in self._layers():
            count = 0 if isinstance(layer, Fold | Unfold) else 1
            x, new = layer.step(x, state[len(after) : len(after) + count])
            after += new
        return x, after

    def _layers(self) -> list[Any]:
        return list(self)
