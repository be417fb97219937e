"""Whisper's audio encoder with OpenAI's key names; log-mel frames in, states out; it knows no text.

Source: Radford et al. 2022 (arXiv 2212.04356), openai/whisper. Two convolutions halve the frame rate to 50 states a
second; pre-norm transformer blocks follow, without a mask: within one utterance everything sees everything.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from model.config import SpeechLMConfig


class EncoderAttention(nn.Module):
    """Multi-head self-attention; the key projection has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        """Make the four projections."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Return [B, T, width]; ``mask`` is bool [B, 1, 1, T], True where there is sound, or None."""
        batch, length, width = x.shape
        q, k, v = (
            part(x).view(batch, length, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))  # type: ignore[no-any-return]


class EncoderBlock(nn.Module):
    """Attention and a feed-forward network, each added to its normalised input."""

    def __init__(self, width: int, heads: int) -> None:
        """Make one block."""
        super().__init__()
        self.attn = EncoderAttention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Return [B, T, width]."""
        x = x + self.attn(self.attn_ln(x), mask)
        return x + self.mlp(self.mlp_ln(x))  # type: ignore[no-any-return]


class SpeechEncoder(nn.Module):
    """Log-mel frames [B, F, bins] -> states [B, F // 2, width]."""

    positional_embedding: torch.Tensor

    def __init__(self, config: SpeechLMConfig) -> None:
        """Make the encoder; its positions are weights of the checkpoint, filled with Whisper's sinusoids here."""
        super().__init__()
        width = config.speech_encoder_hidden_size
        self.conv1 = nn.Conv1d(config.num_mel_bins, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        self.register_buffer("positional_embedding", sinusoids(config.speech_encoder_positions, width))
        self.blocks = nn.ModuleList(
            EncoderBlock(width, config.speech_encoder_heads) for _ in range(config.speech_encoder_layers)
        )
        self.ln_post = nn.LayerNorm(width)

    def forward(self, mels: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the states.

        Args:
            mels: [B, F, bins], F at most twice the positions.
            lengths: frames of each sound, [B], for ragged batches: what lies beyond is neither seen nor meaningful.
                None: all of F belongs to every sound.
        """
        x, mask = mels.transpose(1, 2).to(self.conv1.weight.dtype), None
        if lengths is not None and bool((lengths < mels.shape[1]).any()):
            inside = torch.arange(mels.shape[1], device=mels.device) < lengths[:, None]
            x = gelu(self.conv1(x * inside[:, None])) * inside[:, None]
            mask = inside[:, ::2][:, None, None]
        else:
            x = gelu(self.conv1(x))
        x = gelu(self.conv2(x)).transpose(1, 2)
        x = (x + self.positional_embedding[: x.shape[1]]).to(x.dtype)
        for block in self.blocks:
            x = block(x, mask)
        return self.ln_post(x)  # type: ignore[no-any-return]


def sinusoids(length: int, width: int, longest: float = 10_000.0) -> torch.Tensor:
    """Return Whisper's fixed positions, float32 [length, width]: sines in the first half, cosines in the second."""
    half = width // 2
    step = torch.exp(-torch.log(torch.tensor(longest)) / max(half - 1, 1) * torch.arange(half))
    angles = torch.arange(length)[:, None] * step[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)
