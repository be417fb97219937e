"""The places at one server: so many requests at once, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.patience import waiting


class Places:
    """Like a semaphore whose ``limit`` may shrink: of all agents that share a server the most careful one decides."""

    def __init__(self, limit: int) -> None:
        """Start with all places free."""
        self.limit = limit
        self.taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a place in the body; waiting for it does not count towards a turn's time."""
        if self.taken < self.limit and not self._queue:
            self.taken += 1
        else:
            with waiting():
                await self._wait()
        try:
            yield
        finally:
            self._give_back()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def _give_back(self) -> None:
        self.taken -= 1
        while self._queue and self.taken < self.limit:
            turn = self._queue.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)
