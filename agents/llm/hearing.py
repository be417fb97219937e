"""Who listens to replies while they are produced: found through a context variable, so that agents know nothing of it.

Whoever lets one agent speak sets a listener around that one turn::

    with heard_by(listener):
        reply = await doctor.reply(view)

The model's client then streams the call, also where the options do not ask for it (no word depends on that), and tells
the listener the words as they come. A reply that is asked for again begins with ``again``. What was heard since the
last ``again`` is what the model said: agents may still trim it, so the finished turn has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import structlog

from agents.llm.spoken import Spoken

log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Hears one turn; called in the event loop of the one who speaks, so it must not block.

    What it raises is logged and ends its listening, never the call.
    """

    def words(self, text: str) -> None:
        """Take the next piece of what is being said; never empty."""
        ...

    def again(self) -> None:
        """Forget all pieces: the reply starts over (it was unusable, broke off, or proved to be thought)."""
        ...


class _Safe:
    """A listener that cannot do harm, and that is told ``again`` only after it has heard something."""

    def __init__(self, listener: Listener) -> None:
        self._listener: Listener | None = listener
        self._has_heard = False

    def words(self, text: str) -> None:
        if text:
            self._has_heard = True
            self._tell(lambda listener: listener.words(text))

    def again(self) -> None:
        if self._has_heard:
            self._has_heard = False
            self._tell(lambda listener: listener.again())

    def _tell(self, what: Callable[[Listener], None]) -> None:
        if self._listener is None:
            return
        try:
            what(self._listener)
        except Exception:
            log.exception("a listener failed and hears no more")
            self._listener = None


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def current_listener() -> Listener | None:
    """Return who listens to the turn under way; it may be called freely, for it raises nothing."""
    return _listener.get()


@contextmanager
def heard_by(listener: Listener | None) -> Iterator[None]:
    """Let ``listener`` hear what models say in the body and in tasks started there; None: nobody does."""
    token = _listener.set(None if listener is None else _Safe(listener))
    try:
        yield
    finally:
        _listener.reset(token)


class Hearing:
    """What is heard of one reply while it grows, try after try."""

    def __init__(self, listener: Listener, field: str = "") -> None:
        """``field``: the JSON key whose text is spoken; '' when all of the reply is."""
        self._listener, self._field = listener, field
        self._spoken, self._fed = Spoken(field), False

    def begin(self) -> None:
        """Start over: the request is sent, for the first time or again."""
        self._listener.again()
        self._spoken, self._fed = Spoken(self._field), False

    def feed(self, raw: str) -> None:
        """Take the next piece of the raw reply."""
        self._fed = True
        over, words = self._spoken.feed(raw)
        if over:
            self._listener.again()
        self._listener.words(words)

    def end(self, raw: str) -> None:
        """Take note that the whole reply is there: say what was held back, or all when it did not come in pieces."""
        if not self._fed:
            self.feed(raw)
        self._listener.words(self._spoken.rest())


def tell(text: str) -> None:
    """Let who listens hear a whole turn at once: for agents whose words do not come piece by piece from the client."""
    listener = current_listener()
    if listener is not None:
        listener.again()
        listener.words(text)


def hearing(field: str = "") -> Hearing | None:
    """Return what the reply under way is told to; None when nobody listens."""
    listener = current_listener()
    return None if listener is None else Hearing(listener, field)
