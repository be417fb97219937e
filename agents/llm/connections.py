"""Connections to one server in several small pools, because one pool looks at all its connections at every request."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

PER_POOL = 16
"""Requests in a pool before the next one is used: what a request costs stays flat up to thousands at once."""
IDLE_S = 30.0
LOOPBACK = ("localhost", "::1")


def plain(http: ModuleType, url: str) -> Callable[[], Any]:
    """Return what makes one pool of connections for ``url``; ``http`` is httpx or its successor."""
    trusted = http.create_ssl_context()  # reading the certificates takes 40 ms: once for all pools
    limits = http.Limits(max_connections=None, max_keepalive_connections=PER_POOL, keepalive_expiry=IDLE_S)
    return lambda: http.AsyncHTTPTransport(verify=trusted, limits=limits, proxy=proxy_of(url))


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for ``url``; this machine itself is never asked through one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK or host.startswith("127.") or proxy_bypass_environment(host):
        return None
    proxies = getproxies_environment()
    return proxies.get(parts.scheme) or proxies.get("all")


def spread(http: ModuleType, make: Callable[[], Any]) -> Any:
    """Return a transport of ``http`` that sends each request through the first pool that has room."""
    ended = _ended(http)

    class Spread(http.AsyncBaseTransport):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            self.pools: list[Any] = []
            self.busy: list[int] = []

        async def handle_async_request(self, request: Any) -> Any:
            number = self._with_room()
            self.busy[number] += 1
            try:
                response = await self.pools[number].handle_async_request(request)
            except BaseException:
                self.busy[number] -= 1
                raise
            response.stream = ended(response.stream, self.busy, number)
            return response

        def _with_room(self) -> int:
            for number, busy in enumerate(self.busy):
                if busy < PER_POOL:
                    return number
            self.pools.append(make())
            self.busy.append(0)
            return len(self.busy) - 1

        async def aclose(self) -> None:
            for pool in self.pools:
                await pool.aclose()

    return Spread()


def _ended(http: ModuleType) -> type[Any]:
    class Ended(http.AsyncByteStream):  # type: ignore[name-defined, misc]
        """A reply's bytes; gives the room in its pool back when it is closed."""

        def __init__(self, stream: Any, busy: list[int], number: int) -> None:
            self.stream, self.busy, self.number, self.closed = stream, busy, number, False

        def __aiter__(self) -> Any:
            return self.stream.__aiter__()

        async def aclose(self) -> None:
            if not self.closed:
                self.closed = True
                self.busy[self.number] -= 1
            await self.stream.aclose()

    return Ended
