"""What the codec is trained on and judged by: distances of spectra, and how much of the codebook is in use."""

from __future__ import annotations

import torch
from torch import Tensor

SIZES = (256, 512, 1024, 2048)
"""Analysis windows in samples, each with a hop of a fourth."""


def spectral_distance(made: Tensor, true: Tensor, quietest: float = 1e-3) -> Tensor:
    """Return the multi-resolution STFT distance of sound [B, n] to sound [B, n], n at least 2,048: a scalar.

    Spectral convergence plus mean absolute difference of log magnitudes, mean over resolutions (Yamamoto, Song and Kim,
    Parallel WaveGAN, 2020, arXiv 1910.11480).
    """
    total = made.new_zeros(())
    for size in SIZES:
        window = torch.hann_window(size, device=made.device, dtype=made.dtype)
        ours, theirs = (
            torch.stft(x, size, size // 4, window=window, center=False, return_complex=True).abs() for x in (made, true)
        )
        convergence = torch.linalg.vector_norm(theirs - ours) / torch.linalg.vector_norm(theirs).clamp(min=quietest)
        logs = (theirs.clamp(min=quietest).log() - ours.clamp(min=quietest).log()).abs().mean()
        total = total + convergence + logs
    return total / len(SIZES)


def correlation(vectors: Tensor) -> Tensor:
    """Return how alike the channels of normalized vectors [n, channels] are: 0, or up to channels - 1 if all are equal.

    The sum over other channels of the squared correlation, mean over channels. Equal channels would leave most of the
    codebook unused.
    """
    count, channels = vectors.shape
    alike = vectors.T @ vectors / max(count, 1)
    return (alike - torch.diag(torch.diag(alike))).square().sum() / channels


def usage(units: Tensor, codebook: int) -> tuple[int, float]:
    """Return how many units of the codebook occur in ``units`` [n], and the perplexity of their frequencies."""
    if not units.numel():
        return 0, 1.0
    counts = torch.bincount(units.flatten(), minlength=codebook).double()
    shares = counts[counts > 0] / counts.sum()
    return len(shares), float(torch.exp(-(shares * shares.log()).sum()))
