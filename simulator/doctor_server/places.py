"""How many requests may be inside at once, and how many bytes of bodies; it reads bodies within these bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from simulator.doctor_server.errors import Gone, Refused
from simulator.doctor_server.settings import ServerSettings


class Places:
    """Lets so many requests in as are answered or may wait; everybody else is told to come back."""

    def __init__(self, settings: ServerSettings) -> None:
        """Nobody is inside yet."""
        self._settings = settings
        self.inside = 0
        self.bytes = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a place for the body's time. Raises Refused(429)."""
        most = self._settings.max_streams + self._settings.max_waiting
        if self.inside >= most:
            raise Refused(
                429, f"{self.inside} requests are being answered or wait, and no more may: come back in a moment",
                code="overloaded",
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    @asynccontextmanager
    async def body(self, scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
        """Yield a request's body; while the ``with`` lasts its bytes count among those that are being read.

        Raises:
            Refused: 400, 408, 413 or 429; it is too large, too slow, or all bodies together are too many.
            Gone: the client left before its end.
        """
        limit = self._stated(scope)
        if self.bytes + limit > self._settings.max_bodies:
            raise Refused(429, "too many large requests come in at once: come back in a moment", code="overloaded")
        self.bytes += limit
        try:
            yield await self._in_time(receive, limit)
        finally:
            self.bytes -= limit

    def _stated(self, scope: Scope) -> int:
        """Return how many bytes the body has at most."""
        stated = Headers(scope=scope).get("content-length")
        if stated is None:
            return self._settings.max_body
        if not (stated.isascii() and stated.isdigit()):
            raise Refused(400, "the header Content-Length is not a number")
        if len(stated) > 12 or int(stated) > self._settings.max_body:
            raise self._too_large()
        return int(stated)

    async def _in_time(self, receive: Receive, limit: int) -> bytes:
        try:
            async with asyncio.timeout(self._settings.read_s):
                return await self._read(receive, limit)
        except TimeoutError as error:
            raise Refused(408, f"the body did not come in within {self._settings.read_s:g} s") from error

    async def _read(self, receive: Receive, limit: int) -> bytes:
        parts, size, more = list[bytes](), 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > limit:
                raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> Refused:
        return Refused(413, f"a request may bring at most {self._settings.max_body >> 20} MiB", code="body_too_large")
