"""Knows whether a server is there; when it is not, one probe asks for everybody and all callers wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from agents.patience import waiting

FIRST_PROBE_S, LONGEST_PROBE_S = 0.5, 10.0
GATEWAY_ERRORS_IN_A_ROW = 3
log = structlog.get_logger(__name__)


class Breaker:
    """Closed while the server answers. ``ask`` tells whether somebody answers at the address right now."""

    def __init__(self, url: str, ask: Callable[[], Awaitable[bool]]) -> None:
        """Assume the server is up."""
        self.url, self._ask = url, ask
        self._up = asyncio.Event()
        self._up.set()
        self._probe: asyncio.Task[None] | None = None
        self._check: asyncio.Task[bool] | None = None
        self._interval_s = FIRST_PROBE_S
        self._gateway_errors = 0

    @property
    def is_open(self) -> bool:
        """Whether the server is thought dead."""
        return not self._up.is_set()

    async def wait_until_up(self, patience_s: float) -> float:
        """Return the seconds waited. Raises TimeoutError after ``patience_s``."""
        if not self.is_open:
            return 0.0
        start = time.monotonic()
        with waiting():
            async with asyncio.timeout(max(0.0, patience_s)):
                await self._up.wait()
        return time.monotonic() - start

    def answered(self) -> None:
        """Note a reply that only a living server gives."""
        self._gateway_errors = 0
        if not self.is_open:
            self._interval_s = FIRST_PROBE_S

    def gateway_error(self) -> bool:
        """Note a 502, 503 or 504; True when there were so many in a row that the server counts as dead."""
        self._gateway_errors += 1
        if self._gateway_errors >= GATEWAY_ERRORS_IN_A_ROW:
            self.trip("it answers 502, 503 or 504 only")
        return self.is_open

    async def is_dead(self, reason: str) -> bool:
        """Ask now, once for all who wonder at the same time; trip when nobody answers."""
        if self.is_open:
            return True
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._answers())
        if not await asyncio.shield(self._check):
            self.trip(reason)
        return self.is_open

    def trip(self, reason: str) -> None:
        """Let all callers wait from now on, and start the one probe."""
        if self.is_open:
            return
        self._up.clear()
        log.warning("model server is away; waiting for it", url=self.url, reason=reason)
        self._probe = asyncio.create_task(self._probe_until_up())

    async def aclose(self) -> None:
        """End the probe."""
        tasks = [task for task in (self._probe, self._check) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _probe_until_up(self) -> None:
        start = time.monotonic()
        while True:
            await asyncio.sleep(self._interval_s)
            # stays long while the server only seems to come back: reset by the first real answer
            self._interval_s = min(self._interval_s * 2, LONGEST_PROBE_S)
            if await self._answers():
                break
        self._up.set()  # the count of gateway errors stays: one more, and it was not back
        log.info("model server is back", url=self.url, away_s=round(time.monotonic() - start, 1))

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(LONGEST_PROBE_S):
                return await self._ask()
        except TimeoutError:
            return False
