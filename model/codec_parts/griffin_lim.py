"""The way from log-mel to sound without weights: Griffin and Lim's iterations in real time; it learns nothing.

After RTISI-LA (Zhu, Beauregard and Wyse, 2007): a block of frames is settled by iterations over itself and the frames
that follow it, on top of the sound that is settled already, and then never touched again. New frames start from phases
that go on from the frame before at the frequencies of the spectral peaks (Beauregard, Harish and Wyse, 2015).

The whole sound is made by the very same steps as its pieces. That alone would not make them equal: the iterations are
chaotic, and a difference of 1e-7 (another batch size is enough) ends as another, equally good waveform. So this runs in
double precision, and log-mel, magnitudes, phases and settled pieces are rounded to grids far coarser than its noise and
far finer than hearing: what rounding errors there are do not reach the next block.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from model.codec_parts.causal import State
from model.codec_parts.config import CodecConfig
from model.codec_parts.spectrum import OVERLAP, Spectrum
from model.codec_parts.stages import SoundStage

MEL_GRID, SIZE_GRID, PHASE_GRID, PIECE_GRID = 2.0**-10, 2.0**-16, 2.0**-20, 2.0**-14
MOMENTUM = 0.9
"""How far an iteration goes beyond its result (Perraudin et al., 2013, call it alpha)."""


class GriffinLim(SoundStage):
    """Log-mel [B, mel_bins, n] to sound [B, n * hop], n a multiple of the frames of a unit.

    Log-mel must be float64 and right to about 1e-12, or pieces and whole drift apart (they sound alike all the same).
    State: magnitudes [B, look_ahead, bins] and windowed pieces [B, look_ahead, window] of the frames that are not
    settled, the last phases [B, bins], and the samples that wait [B, 3 * hop].
    """

    share: Tensor

    def __init__(self, config: CodecConfig, spectrum: Spectrum) -> None:
        """Take the sizes; nothing has weights."""
        super().__init__()
        self.look_ahead, self.block = config.griffin_lim_look_ahead_frames, config.frames_per_unit
        self.late, self.hop, self.iterations = config.edge, config.hop, config.griffin_lim_iterations
        self.spectrum = spectrum
        self.register_buffer("share", self._share(), persistent=False)

    def refill(self) -> None:
        """Write the buffer anew: transformers creates a model that it loads without its values."""
        self.share.copy_(self._share())

    def fresh(self, batch: int) -> State:
        """Return the state before any frame."""
        new, bins, hop = self.share.new_zeros, 2 * self.hop + 1, self.hop
        return [new(batch, 0, bins), new(batch, 0, 4 * hop), new(batch, bins), new(batch, 3 * hop)]

    def prime(self, x: Tensor, state: State) -> State:
        """Return the state that has taken in the first frames [B, mel_bins, look_ahead]."""
        if not self.look_ahead:
            return state
        sizes, pieces, phase = self._begun(x, state[2])
        return [sizes, pieces, phase, state[3]]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return sound [B, n * hop] for the frames [B, mel_bins, n] that follow; n is a multiple of ``block``."""
        made = []
        for at in range(0, x.shape[-1], self.block):
            sizes, pieces, phase = self._begun(x[..., at : at + self.block], state[2])
            sizes, pieces = torch.cat([state[0], sizes], dim=1), torch.cat([state[1], pieces], dim=1)
            pieces = _rounded(self._settled(sizes, pieces, state[3]), PIECE_GRID)
            total = self.spectrum.overlap(pieces[:, : self.block])
            total[:, : 3 * self.hop] += state[3]
            done = self.block * self.hop
            made.append(total[:, :done] / OVERLAP)
            state = [sizes[:, self.block :], pieces[:, self.block :], phase, total[:, done:]]
        return torch.cat(made, dim=-1) if made else x.new_zeros(len(x), 0), state

    def tail(self, state: State) -> Tensor:
        """Return the samples [B, late] that come last."""
        return super().tail(state) / OVERLAP

    def _settled(self, sizes: Tensor, pieces: Tensor, waiting: Tensor) -> Tensor:
        """Return windowed pieces [B, t, window] whose spectra have the magnitudes [B, t, bins] as nearly as may be."""
        before = torch.zeros((), dtype=sizes.dtype, device=sizes.device)
        for _ in range(self.iterations):
            total = self.spectrum.overlap(pieces)
            total = torch.cat([total[:, : 3 * self.hop] + waiting, total[:, 3 * self.hop :]], dim=-1) / self.share
            spectra = self.spectrum.analyse(total.unfold(-1, 4 * self.hop, self.hop))
            ahead = spectra - before * (MOMENTUM / (1.0 + MOMENTUM))
            before = spectra
            pieces = self.spectrum.synthesize(ahead * (sizes / ahead.abs().clamp(min=1e-9)))
        return pieces

    def _begun(self, mel: Tensor, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return magnitudes, first pieces and the last phases [B, bins] of new frames [B, mel_bins, t]."""
        sizes = _rounded(self.spectrum.magnitudes(_rounded(mel, MEL_GRID)), SIZE_GRID)
        phases = []
        for frame in self._peaks(sizes).unbind(1):
            phase = torch.remainder(_rounded(phase + frame, PHASE_GRID), 2 * math.pi)
            phases.append(phase)
        pieces = self.spectrum.synthesize(torch.polar(sizes, torch.stack(phases, dim=1)))
        return sizes, _rounded(pieces, PIECE_GRID), phase

    def _peaks(self, sizes: Tensor) -> Tensor:
        """Return how far the phase of each bin moves in one hop [B, t, bins]: as far as that of the nearest peak."""
        left, mid, right = sizes[..., :-2], sizes[..., 1:-1], sizes[..., 2:]
        peak = (mid > left) & (mid >= right)
        curve = (left - 2 * mid + right).clamp(max=-1e-12)
        bins = torch.arange(1, sizes.shape[-1] - 1, device=sizes.device, dtype=sizes.dtype)
        place = torch.where(peak, bins + (0.5 * (left - right) / curve).clamp(-0.5, 0.5), 0.0)
        place = torch.nn.functional.pad(place, (1, 1))
        at = torch.arange(sizes.shape[-1], device=sizes.device, dtype=sizes.dtype)
        below = torch.where(place > 0, at, -1.0).cummax(dim=-1).values
        above = torch.where(place > 0, at, 1e6).flip(-1).cummin(dim=-1).values.flip(-1)
        nearest = torch.where(at - below <= above - at, below, above)
        nearest = torch.where((nearest < 0) | (nearest > at[-1]), at, nearest)
        found = place.gather(-1, nearest.long())
        return 2 * math.pi * torch.where(found > 0, found, at) * self.hop / (4 * self.hop)

    def _share(self) -> Tensor:
        """Return the sum of squared windows at each sample [(t + 3) * hop] of a step's frames, settled ones too."""
        count, hop = self.look_ahead + self.block, self.hop
        window = torch.hann_window(4 * hop, device="cpu") ** 2
        total = torch.zeros((count + 6) * hop, device="cpu")
        for k in range(count + 3):
            total[k * hop : (k + 4) * hop] += window
        return total[3 * hop :].clamp(min=1e-3)


def _rounded(x: Tensor, grid: float) -> Tensor:
    return (x / grid).round() * grid
