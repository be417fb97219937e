"""The flow's decoder: the velocity of a mel at one time of the flow; it knows no solver and no streams.

A U-Net of one resolution (arXiv 2309.03199, made causal in arXiv 2412.10117): causal convolutions and transformer
blocks whose attention sees whole chunks. Names of parameters are those of the published ``flow.pt``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.vocoder.config import FlowConfig
from model.vocoder.memory import Memory


class CausalConv(nn.Conv1d):
    """A convolution over the frame and the two before it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def remembering(self, x: Tensor, memory: Memory) -> Tensor:
        """``[rows, inputs, frames]`` to ``[rows, outputs, frames]``."""
        return self(memory.left(x, 2))  # type: ignore[no-any-return]


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of ``[rows, channels, frames]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class CausalBlock(nn.Module):
    """Convolution, norm, Mish; the gaps in the numbering are the published file's."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block = nn.ModuleDict({"0": CausalConv(inputs, outputs), "2": ChannelNorm(outputs)})

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """``[rows, inputs, frames]`` to ``[rows, outputs, frames]``."""
        convolution = self.block["0"]
        assert isinstance(convolution, CausalConv)
        return F.mish(self.block["2"](convolution.remembering(x, memory)))


class ResidualBlock(nn.Module):
    """Two causal blocks around the time embedding, and a pointwise way past them."""

    def __init__(self, inputs: int, outputs: int, time: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Mish(), nn.Linear(time, outputs))
        self.block1 = CausalBlock(inputs, outputs)
        self.block2 = CausalBlock(outputs, outputs)
        self.res_conv = nn.Conv1d(inputs, outputs, 1)

    def forward(self, x: Tensor, time: Tensor, memory: Memory) -> Tensor:
        """``time``: ``[1, time]``, embedded."""
        inside = self.block1(x, memory) + self.mlp(time)[..., None]
        return self.block2(inside, memory) + self.res_conv(x)  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Plain attention without positions."""

    def __init__(self, width: int, heads: int, size: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, heads * size, bias=False)
        self.to_k = nn.Linear(width, heads * size, bias=False)
        self.to_v = nn.Linear(width, heads * size, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(heads * size, width)])

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Keep the shape ``[rows, frames, width]``."""
        split = (x.shape[0], x.shape[1], self.heads, -1)
        query, keys, values = (layer(x).view(split).transpose(1, 2) for layer in (self.to_q, self.to_k, self.to_v))
        keys, values = memory.keys_values(keys, values)
        mixed = F.scaled_dot_product_attention(query, keys, values, attn_mask=memory.mask)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Gelu(nn.Module):
    """A linear layer and GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., width]`` to ``[..., hidden]``."""
        return F.gelu(self.proj(x))


class FeedForward(nn.Module):
    """Four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleDict({"0": Gelu(width, 4 * width), "2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return self.net["2"](self.net["0"](x))  # type: ignore[no-any-return]


class TransformerBlock(nn.Module):
    """Attention and feed-forward, each normalised before and added after."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.channels)
        self.attn1 = Attention(config.channels, config.decoder_heads, config.head_size)
        self.norm3 = nn.LayerNorm(config.channels)
        self.ff = FeedForward(config.channels)

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Keep the shape ``[rows, frames, channels]``."""
        x = x + self.attn1(self.norm1(x), memory)
        return x + self.ff(self.norm3(x))  # type: ignore[no-any-return]


class TimeEmbedding(nn.Module):
    """Sinusoids of a thousand times the time, then two linear layers."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.linear_1 = nn.Linear(inputs, outputs)
        self.linear_2 = nn.Linear(outputs, outputs)

    def forward(self, time: float) -> Tensor:
        """Give ``[1, outputs]``."""
        weight, half = self.linear_1.weight, self.inputs // 2
        rates = torch.exp(torch.arange(half, device=weight.device).float() * -(math.log(10_000) / (half - 1)))
        angles = (1000 * torch.tensor([[time]], dtype=torch.float32, device=weight.device)) * rates
        waves = torch.cat((angles.sin(), angles.cos()), -1).to(weight.dtype)
        return self.linear_2(F.silu(self.linear_1(waves)))  # type: ignore[no-any-return]


class Stage(nn.ModuleList):
    """A residual block, transformer blocks and, at both ends of the network, a causal convolution."""

    def __init__(self, inputs: int, config: FlowConfig, *, convolution: bool) -> None:
        width = config.channels
        blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.level_blocks))
        parts: list[nn.Module] = [ResidualBlock(inputs, width, 4 * width), blocks]
        super().__init__([*parts, CausalConv(width, width)] if convolution else parts)

    def forward(self, x: Tensor, time: Tensor, memory: Memory) -> Tensor:
        """``[rows, inputs, frames]`` to ``[rows, channels, frames]``, without the convolution."""
        x = self[0](x, time, memory).transpose(1, 2)
        blocks = self[1]
        assert isinstance(blocks, nn.ModuleList)
        for block in blocks:
            x = block(x, memory)
        return x.transpose(1, 2)

    def closing(self, x: Tensor, memory: Memory) -> Tensor:
        """Run the convolution at the end."""
        last = self[2]
        assert isinstance(last, CausalConv)
        return last.remembering(x, memory)


class Estimator(nn.Module):
    """The velocity field."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width, inputs = config.channels, 4 * config.mel
        self.time_mlp = TimeEmbedding(inputs, 4 * width)
        self.down_blocks = nn.ModuleList([Stage(inputs, config, convolution=True)])
        self.mid_blocks = nn.ModuleList(Stage(width, config, convolution=False) for _ in range(config.mid_levels))
        self.up_blocks = nn.ModuleList([Stage(2 * width, config, convolution=True)])
        self.final_block = CausalBlock(width, width)
        self.final_proj = nn.Conv1d(width, config.mel, 1)

    def forward(self, x: Tensor, time: float, memory: Memory) -> Tensor:
        """Give the velocity.

        Args:
            x: mel at this time, condition, speaker and prompt one after another: ``[rows, 4 * mel, frames]``.
            time: 0 (noise) to 1 (mel).
            memory: this Euler step's memory.

        Returns:
            ``[rows, mel, frames]``.
        """
        embedded = self.time_mlp(time)
        down, up = self.down_blocks[0], self.up_blocks[0]
        assert isinstance(down, Stage) and isinstance(up, Stage)
        skip = down(x, embedded, memory)
        x = down.closing(skip, memory)
        for stage in self.mid_blocks:
            x = stage(x, embedded, memory)
        x = up(torch.cat((x, skip), 1), embedded, memory)
        x = self.final_block(up.closing(x, memory), memory)
        return self.final_proj(x)  # type: ignore[no-any-return]
