"""Remembers what lately spoken answers said, so that a later request may name one by its id; sound is not kept."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

KEPT, KEPT_S = 4_096, 3_600


class Transcripts:
    """Texts by the id of their sound: the newest 4,096, each for an hour."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Nothing is remembered yet."""
        self._clock = clock
        self._texts: OrderedDict[str, tuple[int, str]] = OrderedDict()

    @staticmethod
    def new_id() -> str:
        """Return an id that cannot be guessed."""
        return f"audio-{secrets.token_hex(16)}"

    def expires_at(self) -> int:
        """Return when an answer given now is forgotten, in seconds since 1970."""
        return int(self._clock()) + KEPT_S

    def keep(self, name: str, text: str) -> int:
        """Remember a text; returns when it is forgotten."""
        until = self.expires_at()
        self._texts[name] = (until, text)
        while len(self._texts) > KEPT:
            self._texts.popitem(last=False)
        return until

    def find(self, name: str) -> str | None:
        """Return the text; None when it was never there or is forgotten."""
        until, text = self._texts.get(name, (0, ""))
        if until > self._clock():
            return text
        self._texts.pop(name, None)
        return None
