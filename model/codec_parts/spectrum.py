"""Between sound, short-time spectra and log-mel; it has no weights and keeps no state of its own.

Frame t is centred on its own hop: its window of four hops begins one and a half hops before it. Squared periodic Hann
windows then add up to 1.5 everywhere; what lies before the first and after the last frame counts as silence.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.audio_utils import mel_filter_bank

from model.codec_parts.config import CodecConfig

FLOOR = 1e-5
"""The quietest mel magnitude; log-mel is counted in nats above it, so that 0 is silence."""
OVERLAP = 1.5


class Spectrum(nn.Module):
    """Log-mel of sound and its inverse, short-time spectra and overlap-add.

    Buffers (not stored): ``window`` [4 * hop], ``mel`` [mel_bins, bins], ``inverse`` [bins, mel_bins], with
    bins = 2 * hop + 1.
    """

    window: Tensor
    mel: Tensor
    inverse: Tensor

    def __init__(self, config: CodecConfig) -> None:
        """Make the window and the filters."""
        super().__init__()
        self.config = config
        for name, value in self._made().items():
            self.register_buffer(name, value, persistent=False)

    def refill(self) -> None:
        """Write the buffers anew: transformers creates a model that it loads without their values."""
        for name, value in self._made().items():
            getattr(self, name).copy_(value)

    def log_mel(self, samples: Tensor) -> Tensor:
        """Return log-mel [B, mel_bins, n // hop] of sound [B, n], n a multiple of the hop; nats above the floor."""
        padded = functional.pad(samples, (self.config.edge, self.config.edge))
        magnitudes = self.analyse(padded.unfold(-1, self.config.window, self.config.hop)).abs()
        return self.compress(magnitudes)

    def compress(self, magnitudes: Tensor) -> Tensor:
        """Return log-mel [B, mel_bins, t] of magnitudes [B, t, bins]."""
        heard = magnitudes @ self.mel.T
        return (heard.clamp(min=FLOOR) / FLOOR).log().transpose(1, 2)

    def magnitudes(self, mel: Tensor) -> Tensor:
        """Return magnitudes [B, t, bins] that would sound like log-mel [B, mel_bins, t].

        The pseudo-inverse, kept above zero, is a start; a few multiplicative steps (Lee and Seung, 2001) then lower the
        distance to the log-mel's magnitudes without ever leaving the positive numbers.
        """
        wanted = (mel.transpose(1, 2).clamp(max=20.0).exp() - 1.0) * FLOOR
        found = (wanted @ self.inverse.T).clamp(min=FLOOR * 0.1)
        target = wanted @ self.mel
        for _ in range(8):
            found = found * (target / ((found @ self.mel.T) @ self.mel).clamp(min=1e-12))
        return found

    def analyse(self, pieces: Tensor) -> Tensor:
        """Return complex spectra [..., bins] of pieces [..., window] of sound."""
        spectra: Tensor = torch.fft.rfft(pieces * self.window)
        return spectra

    def synthesize(self, spectra: Tensor) -> Tensor:
        """Return windowed pieces [..., window] of complex spectra [..., bins]."""
        pieces: Tensor = torch.fft.irfft(spectra, n=self.config.window)
        return pieces * self.window

    def overlap(self, pieces: Tensor) -> Tensor:
        """Return the sum [B, (t + 3) * hop] of windowed pieces [B, t, window], each one hop behind the one before."""
        batch, count, _ = pieces.shape
        parts = pieces.view(batch, count, 4, self.config.hop)
        total = pieces.new_zeros(batch, count + 3, self.config.hop)
        for k in range(4):
            total = total + functional.pad(parts[:, :, k], (0, 0, k, 3 - k))
        return total.view(batch, -1)

    def _made(self) -> dict[str, Tensor]:
        hop, window = self.config.hop, self.config.window
        filters: Any = mel_filter_bank(
            num_frequency_bins=2 * hop + 1, num_mel_filters=self.config.mel_bins, min_frequency=0.0,
            max_frequency=self.config.sample_rate / 2, sampling_rate=self.config.sample_rate, norm="slaney",
            mel_scale="slaney",
        )
        mel = torch.as_tensor(filters, dtype=torch.float64, device="cpu").T.contiguous()
        return {
            "window": torch.hann_window(window, device="cpu"),
            "mel": mel.float(),
            "inverse": torch.linalg.pinv(mel).float(),
        }
