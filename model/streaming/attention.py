"""Attention over ragged caches: grouped heads without copying keys; it knows tensors, no cache and no answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PretrainedConfig

NAME = "clinic_ragged"


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attend, the query heads of one key head standing as further queries of it, so that nothing is repeated.

    Args:
        module: the attention module; not used.
        query: [B, heads, L, D].
        key: [B, key heads, T, D].
        value: [B, key heads, T, D].
        attention_mask: bool [B, 1, L, T], True where a query sees a key.
        scaling: of the scores; None: 1 / sqrt(D).
        more: what other attention functions take.

    Returns:
        [B, L, heads, D] and None, as transformers wants it.
    """
    batch, heads, length, width = query.shape
    groups = heads // key.shape[1]
    queries = query.reshape(batch, key.shape[1], groups * length, width)
    mask = attention_mask if length == 1 or groups == 1 else attention_mask.repeat(1, 1, groups, 1)
    mixed = scaled_dot_product_attention(queries, key, value, attn_mask=mask, scale=scaling)
    return mixed.reshape(batch, heads, length, width).transpose(1, 2), None


@contextmanager
def attending(config: PretrainedConfig) -> Iterator[None]:
    """Let the layers of this configuration attend so; afterwards they attend as before."""
    before = config._attn_implementation
    AttentionInterface.register(NAME, grouped_attention)
    config._attn_implementation_internal = NAME
    try:
        yield
    finally:
        config._attn_implementation_internal = before
