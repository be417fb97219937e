"""The codec's encoder (log-mel to vectors) and decoder (codes to log-mel), both causal; they know no index."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.codec_parts.causal import Block, CausalConv, Chain, Fold, State, Unfold
from model.codec_parts.config import CodecConfig
from model.codec_parts.stages import Stage

SCALE = 4.0
"""Log-mel above the floor runs from 0 to about 12 nats; the networks see and give a fourth of it."""


class Encoder(nn.Module):
    """Log-mel [B, mel_bins, frames_per_unit * t] to vectors [B, channels, t]: no unit hears frames behind its own."""

    def __init__(self, config: CodecConfig) -> None:
        """Take the sizes."""
        super().__init__()
        size, blocks = config.hidden_size, config.encoder_blocks
        layers: list[nn.Module] = [CausalConv(config.mel_bins, size, 3), *(Block(size) for _ in range(blocks))]
        for _ in range(int(math.log2(config.frames_per_unit))):
            layers += [Fold(size), *(Block(size) for _ in range(blocks))]
        self.chain = Chain(layers)
        self.norm = nn.LayerNorm(size)
        self.out = nn.Linear(size, len(config.levels))

    def forward(self, mel: Tensor) -> Tensor:
        """Return one vector a unit."""
        hidden, _ = self.chain.step(mel / SCALE, self.chain.fresh(len(mel)))
        vectors: Tensor = self.out(self.norm(hidden.transpose(1, 2)))
        return vectors.transpose(1, 2)


class Decoder(Stage):
    """Codes [B, channels, t] to log-mel [B, mel_bins, frames_per_unit * t]."""

    def __init__(self, config: CodecConfig) -> None:
        """Take the sizes."""
        super().__init__()
        size, blocks = config.hidden_size, config.decoder_blocks
        self.look_ahead = config.decoder_look_ahead_units
        self.entry = CausalConv(len(config.levels), size, 3 + self.look_ahead)
        layers: list[nn.Module] = [Block(size) for _ in range(blocks)]
        for _ in range(int(math.log2(config.frames_per_unit))):
            layers += [Unfold(size), *(Block(size) for _ in range(blocks))]
        self.chain = Chain(layers)
        self.norm = nn.LayerNorm(size)
        self.out = nn.Linear(size, config.mel_bins)

    def fresh(self, batch: int) -> State:
        """Return the state before any code."""
        return self.entry.fresh(batch) + self.chain.fresh(batch)

    def nothing(self, batch: int) -> Tensor:
        """Return no frames."""
        return self.out.weight.new_zeros(batch, self.out.out_features, 0)

    def prime(self, x: Tensor, state: State) -> State:
        """Return the state that has heard the first codes [B, channels, look_ahead]."""
        return [torch.cat([state[0][..., self.look_ahead :], x], dim=-1), *state[1:]]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return log-mel for the codes [B, channels, n] that follow."""
        hidden, first = self.entry.step(x, state[:1])
        hidden, rest = self.chain.step(hidden, state[1:])
        mel = SCALE * functional.softplus(self.out(self.norm(hidden.transpose(1, 2))))
        return mel.transpose(1, 2), first + rest
