"""One server as all agents of an event loop share it: connections, places, breaker; it knows no request."""

from __future__ import annotations

import asyncio
import importlib
import os
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakKeyDictionary, WeakSet

from agents.llm.breaker import Breaker
from agents.llm.connections import plain, spread
from agents.llm.options import DEFAULT_URL, LLMOptions
from agents.llm.places import Places
from scenarios.errors import InputError

CONNECT_S = 10.0
ANY_KEY = "EMPTY"
"""Sent when no key is named; local servers want some key and accept any."""


class Server:
    """A server at one address under one key."""

    def __init__(self, url: str, key: str, limit: int) -> None:
        """Open no connection yet."""
        from openai import AsyncOpenAI

        self.url = url
        self.places = Places(limit)
        self.breaker = Breaker(url, self._answers)
        self.holders: WeakSet[object] = WeakSet()
        self.http = http_library()
        timeout = self.http.Timeout(None, connect=CONNECT_S)
        self._pool = plain(self.http, url)
        client = self.http.AsyncClient(transport=spread(self.http, self._pool), timeout=timeout)
        self.client = AsyncOpenAI(base_url=url, api_key=key, max_retries=0, timeout=timeout, http_client=client)

    async def aclose(self) -> None:
        """End the probe and close the connections."""
        await self.breaker.aclose()
        await self.client.close()

    async def _answers(self) -> bool:
        """Whether a request is answered sensibly: by /health, or by /v1/models where there is no /health."""
        parts = urlsplit(self.url)
        health = urlunsplit((parts.scheme, parts.netloc, parts.path.removesuffix("/v1") + "/health", "", ""))
        try:
            status = await self._status(health)
            if status in (401, 403, 404, 405):
                status = await self._status(f"{self.url}/models")
        except self.http.HTTPError:
            return False
        return status < 500

    async def _status(self, url: str) -> int:
        # a connection of its own: one from the pool may be as dead as the server was
        async with self.http.AsyncClient(transport=self._pool(), timeout=CONNECT_S) as client:
            async with client.stream("GET", url) as response:
                return int(response.status_code)


class Servers:
    """The servers of one event loop, by address and key variable."""

    def __init__(self) -> None:
        """Start with none."""
        self._open: dict[tuple[str, str], Server] = {}

    def get(self, options: LLMOptions, holder: object) -> Server:
        """Return the server, opened for the first who asks. Raises InputError when the key's variable is not set."""
        name = (url_of(options), options.api_key_env)
        server = self._open.get(name)
        if server is None:
            server = self._open[name] = Server(name[0], key_of(options), options.max_concurrency)
        if holder not in server.holders:
            server.holders.add(holder)
            server.places.limit = min(server.places.limit, options.max_concurrency)
        return server

    async def let_go(self, holder: object) -> None:
        """Close the servers that nobody but ``holder`` holds."""
        for name, server in list(self._open.items()):
            if holder in server.holders:
                server.holders.discard(holder)
                if not server.holders:
                    del self._open[name]
                    await server.aclose()


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Servers] = WeakKeyDictionary()
"""Connections belong to an event loop; this is the only place that knows which servers each loop has open."""


def servers() -> Servers:
    """Return the servers of the running event loop."""
    return _by_loop.setdefault(asyncio.get_running_loop(), Servers())


def url_of(options: LLMOptions) -> str:
    """Return the server's address: the option, else ``$CLINIC_BASE_URL``, else vLLM's usual one."""
    return options.base_url or os.environ.get("CLINIC_BASE_URL", "").rstrip("/") or DEFAULT_URL


def key_of(options: LLMOptions) -> str:
    """Return the key from the environment. Raises InputError naming the variable that is not set."""
    if not options.api_key_env:
        return ANY_KEY
    if not (key := os.environ.get(options.api_key_env, "").strip()):
        raise InputError(
            f"the key for {url_of(options)} is read from the environment variable {options.api_key_env}, "
            f"which is not set: export {options.api_key_env}=..."
        )
    return key


def http_library() -> ModuleType:
    """Return the library that the installed openai package is built on: httpx2, in older ones httpx."""
    from openai import DefaultAsyncHttpxClient

    known = ("httpx2", "httpx")
    bases: list[Any] = [base for base in DefaultAsyncHttpxClient.__mro__ if base.__module__.split(".")[0] in known]
    return importlib.import_module(bases[0].__module__.split(".")[0])
