"""What streams through the codec goes through stages: inputs in, outputs out, a state between; it knows no weights."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from model.codec_parts.causal import State


class Stage(nn.Module, ABC):
    """A causal network with a fixed look-ahead.

    ``look_ahead``: inputs that are held back before the first step (``prime``). From then on every step turns inputs
    into as many outputs. At the end of a stream ``look_ahead`` inputs of zeros follow, so that nothing is lost.
    ``block``: a step takes a multiple of that many inputs. The same steps make the whole at once and piece by piece.
    """

    look_ahead: int
    block: int = 1

    @abstractmethod
    def fresh(self, batch: int) -> State:
        """Return the state of ``batch`` streams before any input."""
        ...

    @abstractmethod
    def prime(self, x: Tensor, state: State) -> State:
        """Return the state that has taken in the first inputs [B, in, look_ahead]."""
        ...

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the outputs for the inputs [B, in, n] that follow, look_ahead inputs late."""
        ...

    @abstractmethod
    def nothing(self, batch: int) -> Tensor:
        """Return the outputs of no inputs."""
        ...

    def run(self, x: Tensor) -> tuple[Tensor, State]:
        """Return the outputs for all inputs [B, in, n] and the last state."""
        if not x.shape[-1]:
            return self.nothing(len(x)), self.fresh(len(x))
        x = nn.functional.pad(x, (0, self.look_ahead))
        state = self.prime(x[..., : self.look_ahead], self.fresh(len(x)))
        return self.step(x[..., self.look_ahead :], state)


class SoundStage(Stage):
    """A stage from log-mel [B, mel_bins, n] to sound [B, n * hop], which comes ``late`` samples late.

    The last tensor of its state [B, 3 * hop] holds the samples that have begun and wait for the next frames' share.
    """

    late: int

    def nothing(self, batch: int) -> Tensor:
        """Return no samples."""
        return self.fresh(batch)[-1][:, :0]

    def tail(self, state: State) -> Tensor:
        """Return the samples [B, late] that come last, once no frame follows."""
        return state[-1][:, : self.late]

    def forward(self, mel: Tensor) -> Tensor:
        """Return the sound [B, n * hop] of the whole log-mel [B, mel_bins, n]; not limited to full scale."""
        samples, state = self.run(mel)
        return torch.cat([samples, self.tail(state)], dim=-1)[:, self.late :]
