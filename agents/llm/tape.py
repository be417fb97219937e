"""The tape of a run: every model reply under the hash of its request, to be kept and to be played again.

What a model was asked can be built again from the run; what it answered cannot. The tape is set by whoever holds
consultations and found by the client through a context variable, so that agents know nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from scenarios.identity import content_hash

Reply = dict[str, Any]
"""``{"text", "finish", "usage": {...}, "first_s", "total_s"}`` of one successful request.

A spoken reply has ``audio``, too: where its sound is stored (an ``AudioRef``), never the sound; and ``first_audio_s``.
"""


class Tape(Protocol):
    """Keeps and finds replies."""

    replaying: bool

    def find(self, request: str) -> Reply | None:
        """Return the recorded reply of the request with this hash; None when there is none."""
        ...

    def keep(self, request: str, reply: Reply) -> None:
        """Record a reply."""
        ...


_tape: ContextVar[Tape | None] = ContextVar("tape", default=None)


def current_tape() -> Tape | None:
    """Return the tape of the consultation under way."""
    return _tape.get()


@contextmanager
def on_tape(tape: Tape | None) -> Iterator[None]:
    """Let all model calls in the body, and in tasks started there, use ``tape``."""
    token = _tape.set(tape)
    try:
        yield
    finally:
        _tape.reset(token)


def request_hash(request: dict[str, Any]) -> str:
    """Return the name of a request: everything that can change the reply, nothing of where it is sent."""
    return content_hash(request, 24)
