"""Whisper's log-mel spectrogram of 16 kHz sound; it knows nothing of what is said.

Window 400, hop 160, Slaney mel filters, log10 floored at 1e-10 and at the clip's maximum minus 8, then (x + 4) / 4
(openai/whisper, MIT; Radford et al. 2022, arXiv 2212.04356).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from transformers.audio_utils import mel_filter_bank

from model.config import SAMPLE_RATE, WINDOW_SECONDS
from model.errors import BadSound

WINDOW, HOP = 400, 160
WINDOW_SAMPLES = SAMPLE_RATE * WINDOW_SECONDS


def log_mel(samples: torch.Tensor, bins: int = 128, *, padded: bool = True) -> torch.Tensor:
    """Return the log-mel frames of one sound.

    Args:
        samples: float [n], 16 kHz, in [-1, 1]; at most 30 s.
        bins: mel bins (80 or 128 in Whisper's models).
        padded: zeros are appended up to 30 s, as published; else only up to a whole number of ten frames (0.1 s), which
            is what one embedding of the model covers.

    Returns:
        float32 [frames, bins]; 3,000 frames when padded.

    Raises:
        BadSound: for more than 30 s; nothing is cut here.
    """
    if samples.numel() > WINDOW_SAMPLES:
        raise BadSound(
            f"{samples.numel() / SAMPLE_RATE:.1f} s of sound, the encoder's window is {WINDOW_SECONDS} s"
        )
    wanted = WINDOW_SAMPLES if padded else max(10 * HOP, -(-samples.numel() // (10 * HOP)) * 10 * HOP)
    sound = torch.nn.functional.pad(samples.float(), (0, wanted - samples.numel()))
    window = torch.hann_window(WINDOW, device=sound.device)
    power = torch.stft(sound, WINDOW, HOP, window=window, return_complex=True)[:, :-1].abs() ** 2
    filters = torch.from_numpy(_filters(bins)).to(sound.device)
    log = (filters @ power).clamp(min=1e-10).log10()
    return ((torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0).T.contiguous()


@cache
def _filters(bins: int) -> np.ndarray:
    """Return the filters, float32 [bins, 201]."""
    made = mel_filter_bank(1 + WINDOW // 2, bins, 0.0, SAMPLE_RATE / 2, SAMPLE_RATE, norm="slaney", mel_scale="slaney")
    return np.ascontiguousarray(made.T.astype(np.float32))
