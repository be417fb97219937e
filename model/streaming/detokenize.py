"""Turns ids into text as they come: whole characters only, and nothing of a stop text; it knows one answer's ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model.streaming.types import TextPiece

HALF = "\ufffd"


class Detokenizer:
    """Text of a growing row of ids.

    Text is held back while its last character may be half, and while its end may be the beginning of a stop text.
    ``stopped`` is set when a stop text was met; neither it nor what follows is given out.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str] = ()) -> None:
        """``decode`` is the tokenizer's; empty stop texts are ignored."""
        self._decode, self._stop = decode, tuple(text for text in stop if text)
        self._open: list[int] = []
        self._shown = 0
        self._held, self._ids = "", list[int]()
        self.stopped = False

    @property
    def holds(self) -> bool:
        """Whether the latest ids may be part of a stop text."""
        return bool(self._stop) and bool(self._held or self._open)

    def push(self, new: int) -> TextPiece | None:
        """Take an id; return the text that is certain now, with the ids that it completes, or None."""
        self._open.append(new)
        self._ids.append(new)
        text = self._decode(self._open)
        sure = text.rstrip(HALF)
        fresh, self._shown = sure[self._shown :], max(self._shown, len(sure))
        if sure == text:
            self._open, self._shown = [], 0
        return self._emit(fresh, half=sure != text)

    def flush(self) -> TextPiece | None:
        """Return what was held back: the answer is over, so halves stay halves and no stop text can follow."""
        fresh = self._decode(self._open)[self._shown :]
        self._open, self._shown = [], 0
        return self._emit(fresh, half=False, final=True)

    def _emit(self, fresh: str, *, half: bool, final: bool = False) -> TextPiece | None:
        text = self._held + fresh
        found = [place for place in map(text.find, self._stop) if place >= 0]
        if found:
            self.stopped, self._held, self._ids = True, "", []
            return TextPiece(text[: min(found)]) if min(found) else None
        kept = 0 if final else max((_overlap(text, stop) for stop in self._stop), default=0)
        shown, self._held = text[: len(text) - kept], text[len(text) - kept :]
        if not shown:
            return None
        if half or self._held:
            return TextPiece(shown)
        ids, self._ids = tuple(self._ids), []
        return TextPiece(shown, ids)


def _overlap(text: str, stop: str) -> int:
    """Return how long the longest end of ``text`` is that begins ``stop``."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
