"""HiFT's F0 predictor and harmonic source; it knows no generator, and its chance is given to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.vocoder.config import HiftConfig


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Set what lies behind a row's end to zero, as if the row were computed alone; ``mask`` ``[rows, 1, frames]``."""
    return x if mask is None else x * mask


class _NormedWeight(nn.Module):
    """A weight kept as length and direction over all but its first dimension (weight norm, arXiv 1602.07868)."""

    def __init__(self, shape: tuple[int, int, int], outputs: int) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(shape[0], 1, 1))
        self.weight_v = nn.Parameter(torch.empty(shape).normal_(0, 0.01))
        self.bias = nn.Parameter(torch.zeros(outputs))

    @property
    def weight(self) -> Tensor:
        """Length times direction."""
        size = torch.linalg.vector_norm(self.weight_v, dim=(1, 2), keepdim=True)
        return self.weight_v * (self.weight_g / size)  # type: ignore[no-any-return]


class NormedConv(_NormedWeight):
    """A convolution that keeps the length."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__((outputs, inputs, kernel), outputs)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """``[rows, inputs, frames]`` to ``[rows, outputs, frames]``."""
        pad = (self.weight_v.shape[2] - 1) * self.dilation // 2
        return F.conv1d(x, self.weight, self.bias, padding=pad, dilation=self.dilation)


class NormedUpsample(_NormedWeight):
    """A transposed convolution that multiplies the length."""

    def __init__(self, inputs: int, outputs: int, kernel: int, rate: int) -> None:
        super().__init__((inputs, outputs, kernel), outputs)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """``[rows, inputs, frames]`` to ``[rows, outputs, rate * frames]``."""
        pad = (self.weight_v.shape[2] - self.rate) // 2
        return F.conv_transpose1d(x, self.weight, self.bias, stride=self.rate, padding=pad)


class F0Predictor(nn.Module):
    """Five convolutions and a linear layer: mel to F0 in Hz."""

    def __init__(self, mel: int, channels: int) -> None:
        super().__init__()
        widths = (mel, *[channels] * 4)
        self.condnet = nn.ModuleDict({str(2 * at): NormedConv(width, channels, 3) for at, width in enumerate(widths)})
        self.classifier = nn.Linear(channels, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """``[rows, mel, frames]`` to ``[rows, frames]``."""
        for convolution in self.condnet.values():
            mel = F.elu(convolution(mel))
        return self.classifier(mel.transpose(1, 2)).squeeze(-1).abs()  # type: ignore[no-any-return]


class Source(nn.Module):
    """The excitation: nine harmonics of F0 where it is voiced, noise where it is not (NSF, arXiv 1904.12088)."""

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        self.config = config
        self.l_linear = nn.Linear(config.harmonics + 1, 1)

    def forward(self, f0: Tensor, phases: Tensor, noise: Tensor) -> Tensor:
        """Make the source.

        Args:
            f0: Hz, ``[rows, frames]``.
            phases: start phases in radians, ``[rows, harmonics + 1]``; the fundamental's is taken as 0.
            noise: standard normal, ``[rows, harmonics + 1, samples]``.

        Returns:
            ``[rows, 1, samples]``. The phase is summed in double precision, so that devices agree.
        """
        config = self.config
        f0 = f0.repeat_interleave(config.frame_samples, -1)[:, None]
        order = torch.arange(1, config.harmonics + 2, device=f0.device)[:, None]
        turns = torch.cumsum((f0 * order / config.rate_hz).double(), -1).float() % 1
        phases = torch.cat((torch.zeros_like(phases[:, :1]), phases[:, 1:]), 1)[..., None]
        voiced = (f0 > config.voiced_hz).to(f0.dtype)
        loudness = voiced * config.noise + (1 - voiced) * config.sine / 3
        waves = config.sine * torch.sin(2 * torch.pi * turns + phases) * voiced + loudness * noise
        return torch.tanh(self.l_linear(waves.transpose(1, 2))).transpose(1, 2)
