"""A turn's time limit that stands still while the agent waits for its place or for a dead server; it knows no agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

_limit: ContextVar[_Limit | None] = ContextVar("turn_limit", default=None)


class _Limit:
    """One running limit; waits may nest or overlap, the clock goes on when the last one is over."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self.timeout = timeout
        self.waits = 0
        self.left_s = 0.0
        self.over = False

    @property
    def runs(self) -> bool:
        """Whether it can still be moved: a task that outlives the turn may come here when the turn is over."""
        return not self.over and not self.timeout.expired()

    def stop(self) -> None:
        when = self.timeout.when()
        if self.waits == 0 and when is not None and self.runs:
            self.left_s = when - asyncio.get_running_loop().time()
            self.timeout.reschedule(None)
        self.waits += 1

    def go_on(self) -> None:
        self.waits -= 1
        if self.waits == 0 and self.runs:
            self.timeout.reschedule(asyncio.get_running_loop().time() + self.left_s)


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError when the body works for more than ``seconds``, waits not counted."""
    async with asyncio.timeout(seconds) as timeout:
        limit = _Limit(timeout)
        token = _limit.set(limit)
        try:
            yield
        finally:
            limit.over = True
            _limit.reset(token)


@contextmanager
def waiting() -> Iterator[None]:
    """Do not count the body towards the turn's limit: it waits for something that is not the agent's own work."""
    limit = _limit.get()
    if limit is None:
        yield
        return
    limit.stop()
    try:
        yield
    finally:
        limit.go_on()
