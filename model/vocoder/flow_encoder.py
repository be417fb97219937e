"""The flow's encoder: units at 25 Hz to conditions at 50 Hz; it knows no streams, only the memory that it is given.

A conformer without convolution modules, with relative positions (Transformer-XL, arXiv 1901.02860) and attention that
sees whole chunks, as CosyVoice2 (arXiv 2412.10117) has it. Names of parameters are those of the published ``flow.pt``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.vocoder.config import FlowConfig
from model.vocoder.memory import Memory


def relative_positions(past: int, new: int, width: int, like: Tensor) -> Tensor:
    """Return sinusoids of the distances query - key, from ``past + new - 1`` down to ``-(new - 1)``.

    Shape ``[past + 2 * new - 1, width]``: sines in the even columns, cosines in the odd ones.
    """
    distance = torch.arange(past + new - 1, -new, -1, dtype=torch.float32, device=like.device)
    even = torch.arange(0, width, 2, dtype=torch.float32, device=like.device)
    angles = distance[:, None] * torch.exp(even * -(math.log(10_000.0) / width))
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1).to(like.dtype)


class RelativeAttention(nn.Module):
    """Attention whose scores add a learned function of the distance."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear_q = nn.Linear(width, width)
        self.linear_k = nn.Linear(width, width)
        self.linear_v = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, width // heads))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, width // heads))

    def forward(self, x: Tensor, positions: Tensor, memory: Memory) -> Tensor:
        """``x`` ``[batch, new, width]``, ``positions`` as ``relative_positions`` gives them."""
        batch, new, width = x.shape
        split = (batch, new, self.heads, -1)
        query = self.linear_q(x).view(split)
        keys, values = memory.keys_values(
            self.linear_k(x).view(split).transpose(1, 2), self.linear_v(x).view(split).transpose(1, 2)
        )
        places = self.linear_pos(positions).view(-1, self.heads, width // self.heads).permute(1, 2, 0)
        by_distance = (query + self.pos_bias_v).transpose(1, 2) @ places
        at = torch.arange(keys.shape[2], device=x.device) + (new - 1 - torch.arange(new, device=x.device))[:, None]
        bias = by_distance.gather(-1, at.expand(batch, self.heads, -1, -1)) / math.sqrt(width // self.heads)
        if memory.mask is not None:
            bias = bias.masked_fill(~memory.mask, -math.inf)
        mixed = F.scaled_dot_product_attention((query + self.pos_bias_u).transpose(1, 2), keys, values, attn_mask=bias)
        return self.linear_out(mixed.transpose(1, 2).reshape(batch, new, width))  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """Two linear layers with SiLU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, hidden)
        self.w_2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return self.w_2(F.silu(self.w_1(x)))  # type: ignore[no-any-return]


class EncoderLayer(nn.Module):
    """Attention and feed-forward, each normalised before and added after."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.self_attn = RelativeAttention(config.width, config.heads)
        self.feed_forward = FeedForward(config.width, config.hidden)
        self.norm_mha = nn.LayerNorm(config.width, eps=1e-12)
        self.norm_ff = nn.LayerNorm(config.width, eps=1e-12)

    def forward(self, x: Tensor, positions: Tensor, memory: Memory) -> Tensor:
        """Keep the shape ``[batch, new, width]``."""
        x = x + self.self_attn(self.norm_mha(x), positions, memory)
        return x + self.feed_forward(self.norm_ff(x))  # type: ignore[no-any-return]


class Embed(nn.Module):
    """Linear layer and norm, scaled by the root of the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width, eps=1e-5))
        self.scale = math.sqrt(width)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return self.out(x) * self.scale  # type: ignore[no-any-return]


class Lookahead(nn.Module):
    """A convolution that sees the next units and a causal one after it, added to the input."""

    def __init__(self, width: int, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead
        self.conv1 = nn.Conv1d(width, width, ahead + 1)
        self.conv2 = nn.Conv1d(width, width, 3)

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """``x`` ``[batch, new + ahead, width]``, zeros where no unit is; gives ``[batch, new, width]``."""
        seen = F.leaky_relu(self.conv1(x.transpose(1, 2)))
        return self.conv2(memory.left(seen, 2)).transpose(1, 2) + x[:, : x.shape[1] - self.ahead]  # type: ignore[no-any-return]


class Double(nn.Module):
    """Every unit twice, then a causal convolution over the last five frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 5)

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """``[batch, new, width]`` to ``[batch, 2 * new, width]``."""
        return self.conv(memory.left(x.transpose(1, 2), 2).repeat_interleave(2, -1)).transpose(1, 2)  # type: ignore[no-any-return]


class FlowEncoder(nn.Module):
    """Embedded units in, twice as many conditions out."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.embed = Embed(config.width)
        self.pre_lookahead_layer = Lookahead(config.width, config.lookahead)
        self.encoders = nn.ModuleList(EncoderLayer(config) for _ in range(config.blocks))
        self.up_layer = Double(config.width)
        self.up_embed = Embed(config.width)
        self.up_encoders = nn.ModuleList(EncoderLayer(config) for _ in range(config.up_blocks))
        self.after_norm = nn.LayerNorm(config.width, eps=1e-5)

    def forward(self, x: Tensor, present: Tensor, units: Memory, frames: Memory) -> Tensor:
        """Encode.

        Args:
            x: embedded units, those to encode and the look-ahead: ``[batch, new + lookahead, width]``.
            present: 1 where a unit is and 0 where none is (yet): ``[batch, new + lookahead, 1]``.
            units: memory of the layers at 25 Hz.
            frames: memory of the layers at 50 Hz.

        Returns:
            ``[batch, 2 * new, width]``.
        """
        x = self.pre_lookahead_layer(self.embed(x) * present, units)
        x = _through(self.encoders, x, units)
        x = self.up_embed(self.up_layer(x, units))
        return self.after_norm(_through(self.up_encoders, x, frames))  # type: ignore[no-any-return]


def _through(layers: nn.ModuleList, x: Tensor, memory: Memory) -> Tensor:
    positions = relative_positions(memory.past, x.shape[1], x.shape[2], x)
    for layer in layers:
        x = layer(x, positions, memory)
    return x
