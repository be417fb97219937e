"""Keys and values of many answers side by side, each row with a length of its own; it knows rows, no text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache

SMALLEST = 256
"""Positions that a row has room for at first; room doubles from there."""


@dataclass(eq=False, slots=True)
class Row:
    """One answer's place: ``index`` may change when others leave; ``length`` positions are filled."""

    index: int
    length: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Parked:
    """Keys and values that were taken out, [2, layers, key heads, positions, D]."""

    states: torch.Tensor

    @property
    def length(self) -> int:
        """How many positions it holds."""
        return int(self.states.shape[3])

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return self.states.numel() * self.states.element_size()


class RaggedCache:
    """Every layer's keys and values, [rows, key heads, capacity, D], and which rows are taken.

    Taken rows are always the first ones: when one leaves, the last moves into its place. A forward pass over a range of
    rows therefore needs no copy. Positions beyond a row's length hold finite leftovers; masks hide them.
    """

    def __init__(
        self, layers: int, heads: int, width: int, device: torch.device, dtype: torch.dtype, max_rows: int, limit: int
    ) -> None:
        """Note the sizes; memory is taken as it is needed, up to ``max_rows`` rows of ``limit`` positions."""
        self._shape, self._device, self._dtype = (heads, width), device, dtype
        self._layers, self._max_rows, self._limit = layers, max_rows, limit
        self.rows: list[Row] = []
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.room = (0, 0)

    @property
    def bytes(self) -> int:
        """What the cache takes in memory, filled or not."""
        return sum(one.numel() * one.element_size() for one in (*self.keys, *self.values))

    @property
    def position_bytes(self) -> int:
        """What one position of one row takes."""
        heads, width = self._shape
        return 2 * self._layers * heads * width * self._dtype.itemsize

    def take(self) -> Row:
        """Return a new, empty row."""
        row = Row(len(self.rows))
        self.reserve(len(self.rows) + 1, SMALLEST)
        self.rows.append(row)
        return row

    def leave(self, row: Row) -> None:
        """Free a row; leaving twice is fine."""
        if row not in self.rows:
            return
        last = self.rows.pop()
        if last is not row:
            for one in (*self.keys, *self.values):
                one[row.index, :, : last.length] = one[last.index, :, : last.length]
            self.rows[row.index], last.index = last, row.index
        row.length = 0

    def park(self, row: Row, length: int) -> Parked:
        """Return a copy of the first ``length`` positions."""
        both = [torch.stack([one[row.index, :, :length] for one in part]) for part in (self.keys, self.values)]
        return Parked(torch.stack(both))

    def restore(self, row: Row, parked: Parked, length: int) -> None:
        """Fill an empty row with the first ``length`` positions of what was parked; that stays as it is."""
        self.reserve(len(self.rows), length)
        for part, saved in zip((self.keys, self.values), parked.states, strict=True):
            for one, layer in zip(part, saved, strict=True):
                one[row.index, :, :length] = layer[:, :length]
        row.length = length

    def reserve(self, rows: int, length: int) -> None:
        """Make room for so many rows of so many positions: both grow by doubling and never shrink."""
        have_rows, have = self.room
        if rows <= have_rows and length <= have:
            return
        wanted = (
            max(have_rows, min(self._max_rows, power_of_two(rows)), rows),
            max(have, min(max(self._limit, length), power_of_two(max(length, SMALLEST)))),
        )
        heads, width = self._shape
        for part in (self.keys, self.values):
            for layer in range(self._layers):
                grown = torch.zeros(wanted[0], heads, wanted[1], width, device=self._device, dtype=self._dtype)
                if part[layer:]:
                    grown[:have_rows, :, :have] = part[layer][:have_rows, :, :have]
                    part[layer] = grown
                else:
                    part.append(grown)
        self.room = wanted

    def clear(self) -> None:
        """Give all memory back; the rows are gone."""
        self.rows, self.keys, self.values, self.room = [], [], [], (0, 0)


class Window(Cache):
    """What one forward pass sees of a cache, in the form that transformers asks for.

    New keys and values are written where ``rows`` [B] and ``positions`` [B, L] say; attention reads the first ``width``
    positions of the rows ``first .. first + B - 1``, or, when ``first`` is None, of copies of the rows named.
    """

    def __init__(
        self,
        keys: list[torch.Tensor],
        values: list[torch.Tensor],
        rows: torch.Tensor,
        positions: torch.Tensor,
        first: int | None,
        width: int,
    ) -> None:
        """Keep the parts."""
        super().__init__(layers=[])
        self._keys, self._values, self._rows, self._positions = keys, values, rows, positions
        self._first, self._width = first, width

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write a layer's new states [B, key heads, L, D]; return all that may be seen, [B, key heads, width, D]."""
        return self._one(self._keys[layer_idx], key_states), self._one(self._values[layer_idx], value_states)

    def _one(self, kept: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        kept[self._rows[:, None], :, self._positions] = new.transpose(1, 2).to(kept.dtype)
        if self._first is None:
            return kept[:, :, : self._width].index_select(0, self._rows)
        return kept[self._first : self._first + len(self._rows), :, : self._width]


def power_of_two(count: int) -> int:
    """Return the least power of two that is not below ``count``."""
    return 1 << max(count - 1, 0).bit_length()
