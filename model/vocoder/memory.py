"""What a causal network remembers of the frames before: convolution contexts, keys and values; it knows no network.

A network asks its memory twice: ``left`` puts the columns that a causal convolution needs in front of its input,
``keys_values`` puts the past in front of an attention's keys and values. ``Whole`` answers for a sequence computed at
once (zeros in front, a chunk mask); ``Continued`` answers for several streams' next chunks, from what each has kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Memory(Protocol):
    """``past``: key positions in front of the new ones. ``mask``: bool, which keys a query sees; None where all."""

    past: int
    mask: Tensor | None

    def left(self, x: Tensor, width: int) -> Tensor:
        """Return ``[rows, channels, width + frames]`` for ``x`` of ``[rows, channels, frames]``."""
        ...

    def keys_values(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return both with the past in front: ``[rows, heads, past + frames, head size]``."""
        ...

    def keep(self) -> None:
        """Take note that the run through the network is over."""
        ...


class Whole:
    """Memory of a sequence that is computed at once: every frame sees its own chunk and the chunks before it."""

    def __init__(self, frames: int, chunk: int, left_chunks: int | None = None, device: torch.device | None = None):
        """``left_chunks``: how many chunks before its own a frame sees; None: all."""
        at = torch.arange(frames, device=device) // chunk
        behind = at[:, None] - at[None, :]
        seen = behind >= 0
        if left_chunks is not None:
            seen &= behind <= left_chunks
        self.past = 0
        self.mask: Tensor | None = seen[None, None]

    def left(self, x: Tensor, width: int) -> Tensor:
        """Put zeros in front."""
        return F.pad(x, (width, 0))

    def keys_values(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return them as they are."""
        return keys, values

    def keep(self) -> None:
        """Keep nothing."""


@dataclass(slots=True)
class Level:
    """What one stream keeps for one run through a network.

    ``lefts``: the last columns before each causal convolution, in order of the calls, ``[halves, channels, width]``.
    ``chunks``: keys and values of each completed chunk, ``[attentions, 2, halves, heads, frames, head size]``.
    """

    left_chunks: int | None = None
    lefts: list[Tensor] = field(default_factory=list)
    chunks: deque[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        """Bound the past where that was asked for."""
        self.chunks = deque(maxlen=self.left_chunks)

    @property
    def frames(self) -> int:
        """Frames whose keys and values are kept."""
        return sum(chunk.shape[-2] for chunk in self.chunks)


class Window:
    """Shape of one batched run: each stream's past is padded on its left, its new frames on their right."""

    def __init__(self, pasts: Sequence[int], new: Sequence[int], device: torch.device) -> None:
        """``pasts``, ``new``: frames of each stream."""
        self.pasts, self.new = list(pasts), list(new)
        self.past, self.longest = max(pasts), max(new)
        self.ragged_past = min(pasts) != self.past
        self.mask: Tensor | None = None
        if self.ragged_past or min(new) != self.longest:
            at = torch.arange(self.past + self.longest, device=device)
            first = torch.tensor([self.past - past for past in pasts], device=device)
            end = torch.tensor([self.past + frames for frames in new], device=device)
            self.mask = ((at >= first[:, None]) & (at < end[:, None]))[:, None, None]


class Continued:
    """Memory of several streams' next frames; rows are ``halves x streams``, the halves outermost.

    ``keep`` runs once at the end and stores the new chunk of the streams that are marked; the others are left as they
    were, so that their frames can be computed again when more of their chunk is there.
    """

    def __init__(self, levels: Sequence[Level], window: Window, kept: Sequence[bool], halves: int = 1) -> None:
        """``levels`` and ``kept``: one a stream, in the order of ``window``."""
        self._levels, self._window, self._halves = levels, window, halves
        self._kept = [row for row, marked in enumerate(kept) if marked]
        self._buffer = self._filled() if window.past else None
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self._lefts: list[list[Tensor]] = [[] for _ in levels]
        self._convolutions = self._attentions = 0
        self.past = window.past
        mask = window.mask
        self.mask = mask if mask is None or halves == 1 else mask.repeat(halves, 1, 1, 1)

    def _filled(self) -> Tensor:
        """All attentions' past, ``[attentions, 2, halves, streams, heads, past + longest, head size]``."""
        window = self._window
        some = next(level.chunks[0] for level in self._levels if level.chunks)
        blocks, pair, halves, heads, _, size = some.shape
        shape = (blocks, pair, halves, len(self._levels), heads, window.past + window.longest, size)
        buffer = some.new_zeros(shape) if window.ragged_past else some.new_empty(shape)
        for row, level in enumerate(self._levels):
            at = window.past - window.pasts[row]
            for chunk in level.chunks:
                buffer[:, :, :, row, :, at : at + chunk.shape[-2]] = chunk
                at += chunk.shape[-2]
        return buffer

    def left(self, x: Tensor, width: int) -> Tensor:
        """Put each stream's kept columns in front; zeros where it has none yet."""
        rows = x.unflatten(0, (self._halves, len(self._levels)))
        blank = x.new_zeros((self._halves, x.shape[1], width))
        kept = [level.lefts[self._convolutions] if level.lefts else blank for level in self._levels]
        joined = torch.cat((torch.stack(kept, 1), rows), -1)
        for row in self._kept:
            end = self._window.new[row]
            self._lefts[row].append(joined[:, row, :, end : end + width].clone())
        self._convolutions += 1
        return joined.flatten(0, 1)

    def keys_values(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put each stream's kept keys and values in front."""
        if self._buffer is None:
            if self._kept:
                self._pairs.append((keys, values))
            return keys, values
        held = self._buffer[self._attentions]
        self._attentions += 1
        for slot, new in zip(held, (keys, values), strict=True):
            slot[..., self.past :, :] = new.unflatten(0, slot.shape[:2])
        return held[0].flatten(0, 1), held[1].flatten(0, 1)

    def keep(self) -> None:
        """Store the new chunk of the marked streams."""
        for row in self._kept:
            level, frames = self._levels[row], self._window.new[row]
            level.lefts = self._lefts[row]
            level.chunks.append(self._chunk(row, frames))

    def _chunk(self, row: int, frames: int) -> Tensor:
        if self._buffer is not None:
            return self._buffer[:, :, :, row, :, self.past : self.past + frames].clone()
        halves = (self._halves, len(self._levels))
        pairs = [torch.stack([part.unflatten(0, halves)[:, row, :, :frames] for part in pair]) for pair in self._pairs]
        return torch.stack(pairs)
