"""Sends one request to an OpenAI-compatible server, streamed or whole; it forms no opinion of the reply."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from agents.llm.faults import GATEWAY, of_status
from agents.llm.options import LLMOptions
from agents.llm.preflight import check_card
from agents.llm.server import Server, servers, url_of
from agents.llm.transport import Fault, Raw, Request
from agents.llm.wire import Reading, ReadingStream, ReadingWhole

STREAMED = {"X-Stainless-Raw-Response": "stream", "Content-Type": "application/json"}
"""Tells the SDK to hand over the open response: its own reading of a streamed reply costs ten times the time."""

CHUNK_BYTES = 512
"""What a streamed token takes on the wire besides its text, at most; usual are 200 to 300."""


class HttpTransport:
    """The way to one server; all transports of an event loop that name the same server share its state."""

    def __init__(self, options: LLMOptions) -> None:
        """Open nothing yet: connections belong to the event loop of the first request."""
        self.options = options

    def server(self) -> Server:
        """Return the shared server. Raises InputError when its key is missing."""
        return servers().get(self.options, self)

    async def wait_until_up(self, patience_s: float) -> float:
        """Return the seconds waited for a dead server; raises Fault ``server_down`` after ``patience_s``."""
        try:
            return await self.server().breaker.wait_until_up(patience_s)
        except TimeoutError as error:
            raise Fault("server_down", (
                f"{url_of(self.options)} has not answered for {self.options.patience_s:g} s (patience_s). "
                "Start the server again (`clinic serve --patient`, or the command it was started with) "
                "and go on with the same command and --resume"
            )) from error

    @asynccontextmanager
    async def place(self) -> AsyncIterator[bool]:
        """Wait for a place among the server's requests at once; False when it died in the meantime."""
        server = self.server()
        async with server.places.one():
            yield not server.breaker.is_open

    async def send(self, request: Request) -> Raw:
        """Send one request once. Raises Fault."""
        server = self.server()
        try:
            raw = await self.exchange(server, request)
        except Fault as fault:
            raise await self._judged(server, fault) from fault.__cause__
        server.breaker.answered()
        return raw

    async def exchange(self, server: Server, request: Request) -> Raw:
        """Put the request on the wire and read the reply; other contracts over HTTP replace this. Raises Fault."""
        try:
            return await _exchange(server, request)
        except Fault as fault:
            if fault.kind != "bad_request" or request.insists or request.hear is None:
                raise
            return await _exchange(server, replace(request, hear=None))  # perhaps the server cannot stream

    async def _judged(self, server: Server, fault: Fault) -> Fault:
        """Return the fault, marked as dead when the server proves to be."""
        if fault.dead:
            server.breaker.trip(fault.message)
        elif fault.kind == "connection":
            fault.dead = await server.breaker.is_dead(fault.message)
        elif fault.kind == "server_error" and getattr(fault.__cause__, "status_code", 0) in GATEWAY:
            fault.dead = server.breaker.gateway_error()
        else:
            server.breaker.answered()
        return fault

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the server cannot serve prompts of ``longest`` tokens now."""
        await check_card(self.server(), self.options, longest)

    async def aclose(self) -> None:
        """Let go of the server; its connections close when no other agent uses them."""
        await servers().let_go(self)


async def _exchange(server: Server, request: Request) -> Raw:
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    start = time.monotonic()
    content = json.dumps(request.body(), ensure_ascii=False).encode("utf-8", "replace")
    try:
        response = await server.client.post(
            "/chat/completions", content=content, cast_to=server.http.Response, options={"headers": STREAMED}
        )
        reading = _reading(request, response, start)
        await read_bounded(response, reading, _most_bytes(request))
    except APIStatusError as error:
        raise of_status(error.status_code, error.response.headers, error.response.text) from error
    except (APIConnectionError, APITimeoutError) as error:
        raise of_connection(server, error.__cause__ or error) from error
    except server.http.HTTPError as error:
        raise of_connection(server, error) from error
    return reading.raw()


def _reading(request: Request, response: Any, start: float) -> Reading:
    """Return how the reply is read; a server that cannot stream may answer whole where the options did not insist."""
    whole = response.headers.get("content-type", "").startswith("application/json")
    if request.insists or (request.streamed and not whole):
        return ReadingStream(start, request.hear)
    return ReadingWhole(start)


def _most_bytes(request: Request) -> int:
    """Return the bound of a reply's bytes; being listened to must not make a reply too long, so its frames are free."""
    options = request.options
    frames = CHUNK_BYTES * request.max_tokens if request.streamed and not options.stream else 0
    return options.max_reply_bytes + frames + (request.voice.max_bytes if request.voice else 0)


async def read_bounded(response: Any, reading: Reading, most: int) -> None:
    """Feed the reply's bytes to ``reading``; stop at ``most``, so that no reply can fill the memory."""
    size = 0
    try:
        packed = "content-encoding" in response.headers
        # of what is not packed, the stream itself: aiter_bytes and aiter_raw cut every token up once more
        async with aclosing(response.aiter_bytes() if packed else response.stream.__aiter__()) as parts:
            async for part in parts:
                size += len(part)
                if size > most:
                    raise Fault(
                        "oversized_reply", f"the reply is longer than {most} bytes (max_reply_bytes)", retry=True
                    )
                reading.feed(part)
    finally:
        await response.aclose()


def of_connection(server: Server, error: BaseException) -> Fault:
    """Return the fault behind a connection that failed or broke."""
    said = " ".join(f"{type(error).__name__} {error}".split())
    if isinstance(error, (server.http.ConnectError, server.http.ConnectTimeout)):
        return Fault("connection", f"nobody answers at {server.url}: {said}", retry=True, dead=True)
    return Fault("connection", f"the connection to {server.url} broke: {said}", retry=True)
