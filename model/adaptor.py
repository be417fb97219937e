"""The adaptor between the speech encoder and the language model; it knows widths only.

Source: LLaMA-Omni2 (arXiv 2505.02625), there ``speech_projector``: five neighbouring encoder states are joined, the
earliest first, and projected by linear, ReLU, linear.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import relu

from model.config import SpeechLMConfig


class SpeechProjector(nn.Module):
    """States [B, T, encoder width] -> embeddings [B, T // rate, hidden]; states beyond a whole group are dropped."""

    def __init__(self, config: SpeechLMConfig) -> None:
        """Make the two layers."""
        super().__init__()
        self.rate = config.speech_encoder_ds_rate
        joined = config.speech_encoder_hidden_size * self.rate
        self.linear1 = nn.Linear(joined, config.speech_projector_hidden_size)
        self.linear2 = nn.Linear(config.speech_projector_hidden_size, config.hidden_size)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the embeddings."""
        batch, length, width = states.shape
        groups = length // self.rate
        joined = states[:, : groups * self.rate].reshape(batch, groups, self.rate * width)
        return self.linear2(relu(self.linear1(joined)))  # type: ignore[no-any-return]
