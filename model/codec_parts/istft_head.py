"""The learned way from log-mel to sound: a causal network names magnitude and phase, an inverse STFT does the rest.

After Vocos (Siuzdak, 2023, arXiv 2306.00814), made causal with a look-ahead of a few frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.codec_parts.causal import Block, CausalConv, Chain, State
from model.codec_parts.config import CodecConfig
from model.codec_parts.networks import SCALE
from model.codec_parts.spectrum import OVERLAP, Spectrum
from model.codec_parts.stages import SoundStage

LOUDEST = 6.0
"""Log of the largest magnitude of a bin: full scale gives log(0.5 * sum of the window), 5.5 at 24 kHz."""


class IstftHead(SoundStage):
    """Log-mel [B, mel_bins, n] to sound [B, n * hop]; a frame that is all zeros (padding) stays silent."""

    def __init__(self, config: CodecConfig, spectrum: Spectrum) -> None:
        """Take the sizes; ``spectrum`` has no weights and is shared."""
        super().__init__()
        self.look_ahead, self.late, self.hop = config.head_look_ahead_frames, config.edge, config.hop
        self.spectrum = spectrum
        size = config.head_size
        self.entry = CausalConv(config.mel_bins, size, 5 + self.look_ahead)
        self.chain = Chain([Block(size) for _ in range(config.head_blocks)])
        self.norm = nn.LayerNorm(size)
        self.out = nn.Linear(size, 2 * (2 * config.hop + 1))

    def fresh(self, batch: int) -> State:
        """Return the state before any frame."""
        waiting = self.entry.weight.new_zeros(batch, 3 * self.hop)
        return [*self.entry.fresh(batch), *self.chain.fresh(batch), waiting]

    def prime(self, x: Tensor, state: State) -> State:
        """Return the state that has heard the first frames [B, mel_bins, look_ahead]."""
        return [torch.cat([state[0][..., self.look_ahead :], x / SCALE], dim=-1), *state[1:]]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return sound [B, n * hop] for the frames [B, mel_bins, n] that follow."""
        silent = self._silent(x, state[0])
        hidden, first = self.entry.step(x / SCALE, state[:1])
        hidden, rest = self.chain.step(hidden, state[1:-1])
        size, phase = self.out(self.norm(hidden.transpose(1, 2))).chunk(2, dim=-1)
        spectra = torch.polar(size.clamp(max=LOUDEST).exp(), phase).masked_fill(silent.unsqueeze(-1), 0.0)
        total = self.spectrum.overlap(self.spectrum.synthesize(spectra)) / OVERLAP
        total = torch.cat([total[:, : 3 * self.hop] + state[-1], total[:, 3 * self.hop :]], dim=-1)
        done = x.shape[-1] * self.hop
        return total[:, :done], [*first, *rest, total[:, done:]]

    def _silent(self, x: Tensor, before: Tensor) -> Tensor:
        """Return which of the frames [B, n] that this step gives out are all zeros."""
        seen = torch.cat([before, x], dim=-1)
        own = before.shape[-1] - self.look_ahead
        return seen[..., own : own + x.shape[-1]].amax(dim=1) <= 0.0
