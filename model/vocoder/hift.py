"""HiFT: mel to sound through a harmonic source, up-sampling blocks and an inverse Fourier transform; no streams here.

Rows of different lengths go in one batch: what lies behind a row's end is zero at every layer, so that a row's sound
does not depend on its neighbours. Names of parameters are those of the published ``hift.pt``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.vocoder.config import HiftConfig
from model.vocoder.hift_source import F0Predictor, NormedConv, NormedUpsample, Source, masked


class Snake(nn.Module):
    """x + sin(alpha x)^2 / alpha, one alpha a channel (arXiv 2006.08195)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape ``[rows, channels, frames]``."""
        alpha = self.alpha[:, None]
        return x + torch.sin(x * alpha).square() / (alpha + 1e-9)


class ResBlock(nn.Module):
    """Pairs of convolutions, the first of each pair dilated, added to their input."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(NormedConv(channels, channels, kernel, step) for step in dilations)
        self.convs2 = nn.ModuleList(NormedConv(channels, channels, kernel) for _ in dilations)
        self.activations1 = nn.ModuleList(Snake(channels) for _ in dilations)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in dilations)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Keep the shape."""
        layers = zip(self.activations1, self.convs1, self.activations2, self.convs2, strict=True)
        for first, dilated, second, plain in layers:
            x = x + masked(plain(second(masked(dilated(first(x)), mask))), mask)
        return x


class Hift(nn.Module):
    """The generator; its state dict has the names of the published ``hift.pt`` without ``generator.`` in front."""

    window: Tensor

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels // 2**level for level in range(len(config.rates) + 1)]
        self.m_source = Source(config)
        self.conv_pre = NormedConv(config.mel, config.channels, 7)
        self.ups = nn.ModuleList(
            NormedUpsample(widths[at], widths[at + 1], kernel, rate)
            for at, (rate, kernel) in enumerate(zip(config.rates, config.kernels, strict=True))
        )
        self.source_downs = nn.ModuleList(
            _down(config.fft + 2, width, stride) for width, stride in zip(widths[1:], _strides(config), strict=True)
        )
        self.source_resblocks = nn.ModuleList(
            ResBlock(width, kernel, steps)
            for width, kernel, steps in zip(widths[1:], config.source_kernels, config.source_dilations, strict=True)
        )
        self.resblocks = nn.ModuleList(
            ResBlock(width, kernel, steps)
            for width in widths[1:]
            for kernel, steps in zip(config.block_kernels, config.block_dilations, strict=True)
        )
        self.conv_post = NormedConv(widths[-1], config.fft + 2, 7)
        self.f0_predictor = F0Predictor(config.mel, config.f0_channels)
        self.register_buffer("window", torch.hann_window(config.fft), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.window.device

    def decode(self, mel: Tensor, source: Tensor, frames: Tensor | None = None) -> Tensor:
        """Make sound of mel and excitation.

        Args:
            mel: ``[rows, mel, frames]``, zero behind each row's end.
            source: ``[rows, 1, 480 * frames]``.
            frames: each row's length where they differ.

        Returns:
            ``[rows, 480 * frames]`` within the limit (0.99); behind a row's end it means nothing.
        """
        lengths = None if frames is None else frames.to(mel.device)
        spectrum = self._analyse(source[:, 0], lengths)
        x = masked(self.conv_pre(mel), _mask(mel.shape[2], lengths))
        rate, last = 1, len(self.config.rates) - 1
        for level, step in enumerate(self.config.rates):
            x, rate = self.ups[level](F.leaky_relu(x, self.config.slope)), rate * step
            if level == last:
                x = F.pad(x, (1, 0), mode="reflect")
            mask = _mask(x.shape[2], None if lengths is None else lengths * rate + (level == last))
            injected = self.source_resblocks[level](masked(self.source_downs[level](spectrum), mask), mask)
            x = masked(x, mask) + injected
            x = self._blocks(level, x, mask)
        spectrum = self.conv_post(F.leaky_relu(x))
        return self._synthesise(spectrum, mask).clamp(-self.config.limit, self.config.limit)

    def _blocks(self, level: int, x: Tensor, mask: Tensor | None) -> Tensor:
        count = len(self.config.block_kernels)
        total = self.resblocks[level * count](x, mask)
        for at in range(1, count):
            total = total + self.resblocks[level * count + at](x, mask)
        return total / count  # type: ignore[no-any-return]

    def _analyse(self, source: Tensor, lengths: Tensor | None) -> Tensor:
        """Real and imaginary spectrum of the source, mirrored at both ends of each row: ``[rows, fft + 2, frames]``."""
        config, half = self.config, self.config.fft // 2
        at = torch.arange(-half, source.shape[1] + half, device=source.device).abs()[None]
        ends = torch.tensor([[source.shape[1]]], device=source.device)
        if lengths is not None:
            ends = lengths[:, None] * config.frame_samples
        at = torch.where(at < ends, at, 2 * (ends - 1) - at).clamp(min=0).expand(len(source), -1)
        windows = source.gather(1, at).unfold(1, config.fft, config.hop) * self.window
        spectrum = torch.fft.rfft(windows).transpose(1, 2)
        spectrum = torch.cat((spectrum.real, spectrum.imag), 1)
        return masked(spectrum, _mask(spectrum.shape[2], None if lengths is None else ends // config.hop + 1))

    def _synthesise(self, spectrum: Tensor, mask: Tensor | None) -> Tensor:
        """Overlap-add of the inverse transforms, divided by the summed squares of the windows."""
        config, bins = self.config, self.config.fft // 2 + 1
        size = spectrum[:, :bins].exp().clamp(max=1e2)
        phase = torch.sin(spectrum[:, bins:])
        windows = torch.fft.irfft(torch.polar(size, phase), n=config.fft, dim=1) * self.window[:, None]
        weights = self.window.square()[:, None].expand(len(windows), -1, windows.shape[2])
        total, weight = (self._overlap(masked(part, mask)) for part in (windows, weights))
        half = config.fft // 2
        return (total / weight.clamp(min=1e-11))[:, half : total.shape[1] - half]

    def _overlap(self, windows: Tensor) -> Tensor:
        fft, hop = self.config.fft, self.config.hop
        length = fft + hop * (windows.shape[2] - 1)
        return F.fold(windows, (1, length), (1, fft), stride=(1, hop))[:, 0, 0]


def _strides(config: HiftConfig) -> list[int]:
    """Samples of the source's spectrum that one frame of each level covers (15, 3, 1)."""
    strides, stride = [1], 1
    for rate in config.rates[:0:-1]:
        stride *= rate
        strides.append(stride)
    return strides[::-1]


def _down(inputs: int, outputs: int, stride: int) -> nn.Conv1d:
    if stride == 1:
        return nn.Conv1d(inputs, outputs, 1)
    return nn.Conv1d(inputs, outputs, 2 * stride, stride, padding=stride // 2)


def _mask(frames: int, lengths: Tensor | None) -> Tensor | None:
    if lengths is None:
        return None
    return (torch.arange(frames, device=lengths.device) < lengths.reshape(-1, 1))[:, None].float()
