"""A Qwen2 that continues many rows at once, each from its own position; it knows embeddings, no sampling.

Rows of different lengths share one forward pass: every row has its own positions, and an explicit mask lets each query
see its own row up to itself. With ``compile`` the short passes (single steps, and the few rows that begin a call of the
unit LM) run through torch.compile with fixed shapes: few sizes of batch and few numbers of visible positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from transformers.models.qwen2.modeling_qwen2 import Qwen2Model

from model.streaming.attention import attending
from model.streaming.cache import RaggedCache, Row, Window

SEEN = 1024
"""Positions that a compiled step sees at least; then four times as many, and so on: each number is compiled once."""

Step = Callable[..., tuple[torch.Tensor, torch.Tensor]]


class RaggedLM:
    """Layers, head and the cache of their rows."""

    def __init__(
        self,
        body: Qwen2Model,
        head: nn.Module,
        max_rows: int,
        limit: int,
        short: Sequence[int] = (1,),
        *,
        compiled: bool,
    ) -> None:
        """Make it.

        Args:
            body: the layers with the final norm.
            head: states -> logits.
            max_rows: rows at most.
            limit: positions of a row at most.
            short: numbers of new positions that are compiled for (others are not compiled).
            compiled: short passes go through torch.compile.
        """
        config, weight = body.config, body.embed_tokens.weight
        heads = config.num_key_value_heads or config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.cache = RaggedCache(config.num_hidden_layers, heads, width, weight.device, weight.dtype, max_rows, limit)
        self.computed = 0
        self._body, self._head, self._device, self._max_rows = body, head, weight.device, max_rows
        self._limit = limit
        self._short = tuple(sorted(short)) if compiled else ()
        self._compiled: Step | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._device

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of ids, [..., hidden]."""
        return self._body.embed_tokens(ids)  # type: ignore[no-any-return]

    def put(self, numbers: Sequence[Any]) -> torch.Tensor:
        """Return integers on the model's device, without waiting for the device."""
        return upload(torch.tensor(numbers, dtype=torch.long), self._device)

    def extend(
        self, rows: Sequence[Row], embeds: torch.Tensor, counts: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append positions to rows and return what stands at each row's last one.

        Args:
            rows: which rows, each once.
            embeds: [n, L, hidden], right-padded.
            counts: how many of L belong to each row.

        Returns:
            States after the final norm [n, hidden] and logits [n, vocabulary].
        """
        self.cache.reserve(len(self.cache.rows), max(row.length for row in rows) + embeds.shape[1])
        short = next((length for length in self._short if length >= embeds.shape[1]), None)
        with torch.no_grad(), attending(self._body.config):
            made = self._plain(rows, embeds, counts) if short is None else self._fixed(rows, embeds, counts, short)
        for row, count in zip(rows, counts, strict=True):
            row.length += count
        self.computed += sum(counts)
        return made

    def warm(self, positions: int) -> None:
        """Compile the short passes for all sizes of batch and for rows of up to ``positions`` positions."""
        for batch in sizes(1, 8, self._max_rows) if self._short else ():
            rows = [self.cache.take() for _ in range(batch)]
            for width in sizes(SEEN, 4, min(positions, self._limit)):
                for length in self._short:
                    for row in rows:
                        row.length = width - length
                    empty = self.embed(self.put([[0] * length] * batch))
                    self.extend(rows, empty.detach(), [length] * batch)
            for row in rows:
                self.cache.leave(row)

    def _plain(
        self, rows: Sequence[Row], embeds: torch.Tensor, counts: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = self.put([[row.index for row in rows], [row.length for row in rows], [n - 1 for n in counts]])
        beside = all(left.index + 1 == right.index for left, right in pairwise(rows))
        width = max(row.length for row in rows) + embeds.shape[1]
        where, starts, lasts = numbers.unbind()
        first = rows[0].index if beside else None
        return self._pass(embeds, where, starts, lasts, self.cache.keys, self.cache.values, first, width)

    def _fixed(
        self, rows: Sequence[Row], embeds: torch.Tensor, counts: Sequence[int], length: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute all rows up to the last one taken; those that were not asked for write where nobody looks."""
        taken = self.cache.rows
        batch = step_up(len(taken), 1, 8, self._max_rows)
        width = step_up(max(row.length for row in rows) + length, SEEN, 4, self._limit)
        self.cache.reserve(batch, max(width, max(row.length for row in taken) + length))
        starts, lasts, places = [0] * batch, [0] * batch, [row.index for row in rows]
        for row in taken:
            starts[row.index] = row.length
        for row, count in zip(rows, counts, strict=True):
            lasts[row.index] = count - 1
        numbers = self.put([list(range(batch)), starts, lasts])
        where = self.put(places)
        spread = embeds.new_zeros(batch, length, embeds.shape[2])
        spread[:, : embeds.shape[1]].index_copy_(0, where, embeds)
        step = self._compiled or self._compile()
        if self._device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
        with torch._dynamo.config.patch(recompile_limit=256, accumulated_recompile_limit=4096):
            kept = self._static(self.cache.keys), self._static(self.cache.values)
            states, logits = step(spread, *numbers.unbind(), *kept, 0, width)
        return states.index_select(0, where), logits.index_select(0, where)

    def _compile(self) -> Step:
        mode = "reduce-overhead" if self._device.type == "cuda" else None
        self._compiled = torch.compile(self._pass, dynamic=False, mode=mode)
        return self._compiled

    def _static(self, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        """Tell CUDA graphs that these tensors stay where they are, so that they may be written in place."""
        if self._device.type == "cuda":
            for one in tensors:
                if not hasattr(one, "_dynamo_static_input_type"):
                    torch._dynamo.mark_static_address(one)
        return tensors

    def _pass(
        self,
        embeds: torch.Tensor,
        rows: torch.Tensor,
        starts: torch.Tensor,
        lasts: torch.Tensor,
        keys: list[torch.Tensor],
        values: list[torch.Tensor],
        first: int | None,
        width: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        positions = starts[:, None] + torch.arange(embeds.shape[1], device=embeds.device)
        mask = (torch.arange(width, device=embeds.device) <= positions[..., None])[:, None]
        seen = {"full_attention": mask, "sliding_attention": mask}
        window = Window(keys, values, rows, positions, first, width)
        states = self._body(
            inputs_embeds=embeds, attention_mask=seen, position_ids=positions, past_key_values=window, use_cache=True
        ).last_hidden_state
        ends = states[torch.arange(len(states), device=states.device), lasts]
        return ends, self._head(ends)


def sizes(first: int, factor: int, last: int) -> list[int]:
    """Return ``first``, each time ``factor`` times as much, and ``last``."""
    made = []
    while first < last:
        made.append(first)
        first *= factor
    return [*made, last]


def step_up(count: int, first: int, factor: int, last: int) -> int:
    """Return the least of these sizes that is not below ``count``; ``count`` itself beyond the last."""
    return next((size for size in sizes(first, factor, last) if size >= count), count)


def upload(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a CPU tensor on a device; a GPU is not waited for."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
