"""Keeps the caches of what was computed, found again by their beginning; it knows symbols and bytes, no model.

A symbol is a token id, or the digest of a window of sound, which takes several positions. A dialogue's next turn begins
with everything that was said before: the longest common beginning with anything kept need not be computed again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from model.config import SPEECH_INDEX
from model.processor import Prompt
from model.streaming.cache import Parked

Symbol = int | str
Symbols = tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of a prompt: its first ``symbols`` symbols, which are the first ``positions`` of ``parked``."""

    symbols: int
    positions: int
    parked: Parked


class PrefixStore:
    """Caches by prefix, least recently used first to go."""

    def __init__(self, limit: int) -> None:
        """``limit``: bytes at most; 0 keeps nothing."""
        self._limit = limit
        self._kept: OrderedDict[Symbols, Parked] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, symbols: Symbols, widths: Sequence[int]) -> Found | None:
        """Return the longest kept beginning of ``symbols`` (never all of them: the last one must be computed anew).

        ``widths``: positions of each symbol. What is found counts as used now; of equals the latest.
        """
        best, longest = None, 0
        for kept in reversed(self._kept):
            shared = common(kept, symbols)
            if shared > longest:
                best, longest = kept, shared
        longest = min(longest, len(symbols) - 1)
        if best is None or not longest:
            return None
        self._kept.move_to_end(best)
        return Found(longest, sum(widths[:longest]), self._kept[best])

    def wants(self, symbols: Symbols, size: int) -> bool:
        """Return whether a cache of ``size`` bytes is worth a copy: it may be kept, and nothing kept begins with it."""
        if size > self._limit or not symbols:
            return False
        covered = next((kept for kept in self._kept if common(kept, symbols) == len(symbols)), None)
        if covered is not None:
            self._kept.move_to_end(covered)
        return covered is None

    def keep(self, symbols: Symbols, parked: Parked) -> None:
        """Keep a cache that is wanted; what it begins with is not kept twice, what is too much is forgotten."""
        for kept in [kept for kept in self._kept if common(kept, symbols) == len(kept)]:
            self._drop(kept)
        self._kept[symbols] = parked
        self.bytes += parked.bytes
        while self.bytes > self._limit:
            self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.bytes = 0

    def _drop(self, symbols: Symbols) -> None:
        self.bytes -= self._kept.pop(symbols).bytes


def common(left: Symbols, right: Symbols) -> int:
    """Return how many symbols two rows have in common at their beginning."""
    low, high = 0, min(len(left), len(right))
    if left[:high] == right[:high]:
        return high
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if left[:middle] == right[:middle] else (low, middle)
    return low


def symbols_of(prompt: Prompt) -> tuple[Symbols, tuple[int, ...]]:
    """Return a prompt's symbols and the positions that each takes."""
    digests, rows = iter(prompt.digests), iter(prompt.rows)
    spoken = [one == SPEECH_INDEX for one in prompt.ids]
    symbols = tuple(next(digests) if heard else one for one, heard in zip(prompt.ids, spoken, strict=True))
    return symbols, tuple(next(rows) if heard else 1 for heard in spoken)
