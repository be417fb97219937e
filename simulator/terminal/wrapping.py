"""Breaks text into lines of a terminal: Latin at spaces, Chinese between characters but never before punctuation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from rich.cells import cell_len

_NOT_FIRST = frozenset("，。！？；：、）》」』】”’…—～·,.!?;:)]}%％℃")
_NOT_LAST = frozenset("（《「『【“‘([{")


@lru_cache(maxsize=512)
def wrapped(text: str, width: int) -> str:
    """Return ``text`` with line feeds, so that no line takes more than ``width`` cells (at least 2)."""
    return "\n".join(line for paragraph in text.split("\n") for line in _lines(paragraph, max(2, width)))


def _lines(paragraph: str, width: int) -> Iterator[str]:
    line, taken = "", 0
    for piece in _pieces(paragraph):
        size = cell_len(piece.rstrip(" "))
        if line and taken + size > width:
            yield line.rstrip(" ")
            line, taken = "", 0
        while size > width:
            head = _fitting(piece, width)
            yield head
            piece = piece[len(head):]
            size = cell_len(piece.rstrip(" "))
        line += piece
        taken += cell_len(piece)
    yield line.rstrip(" ")


def _pieces(text: str) -> Iterator[str]:
    """Yield what may not be broken: a word with the spaces after it, a character with its punctuation."""
    start = 0
    for place in range(1, len(text)):
        if _may_break(text[place - 1], text[place]):
            yield text[start:place]
            start = place
    if text:
        yield text[start:]


def _may_break(before: str, after: str) -> bool:
    if after == " ":
        return False
    if before == " ":
        return True
    wide = cell_len(before) > 1 or cell_len(after) > 1
    return wide and after not in _NOT_FIRST and before not in _NOT_LAST


def _fitting(piece: str, width: int) -> str:
    taken = 0
    for place, char in enumerate(piece):
        taken += cell_len(char)
        if taken > width:
            return piece[:max(1, place)]
    return piece
