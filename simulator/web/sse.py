"""Server-sent events: turns an iterator of events into a response that stays open; it knows no content.

The generator behind a stream ends (its ``finally`` runs) as soon as the browser goes away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from scenarios.errors import ClinicError

HEARTBEAT_S = 15.0
RETRY_MS = 2000
BEHIND = 10_000
"""So many events that a browser did not take close its connection; it connects again by itself."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class Event:
    """One event: ``name`` is what ``addEventListener`` hears, ``data`` a JSON value.

    ``id`` comes back as the header ``Last-Event-ID`` when the browser connects again ('': none).
    """

    name: str
    data: Any
    id: str = ""


def sse(events: AsyncIterator[Event], *, heartbeat_s: float = HEARTBEAT_S) -> StreamingResponse:
    """Answer with ``events`` as they come, and a comment every ``heartbeat_s`` seconds in which none came.

    A ``ClinicError`` that ``events`` raises becomes a last event ``problem`` with ``{"message": ...}``; any other error
    breaks the stream. When the events end the connection closes: a browser would connect again after ``RETRY_MS``
    unless the page calls ``EventSource.close()``, so say with an event of your own that there is no more.
    """
    return _Stream(_body(events, heartbeat_s))


def encoded(event: Event) -> bytes:
    """Return one event as it goes over the wire."""
    lines = [f"id: {_one_line(event.id)}"] if event.id else []
    lines += [f"event: {_one_line(event.name)}", f"data: {json.dumps(event.data, ensure_ascii=False)}"]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


class _Stream(StreamingResponse):
    """Closes its body whatever way the connection ended."""

    def __init__(self, body: AsyncGenerator[bytes, None]) -> None:
        super().__init__(body, media_type="text/event-stream", headers=HEADERS)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._body.aclose()


async def _body(events: AsyncIterator[Event], heartbeat_s: float) -> AsyncGenerator[bytes, None]:
    ready: asyncio.Queue[Event | None] = asyncio.Queue()
    pump = asyncio.create_task(_pump(events, ready))
    pump.add_done_callback(lambda _: ready.put_nowait(None))
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while True:
            try:
                event = await asyncio.wait_for(ready.get(), heartbeat_s)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if event is None:
                break
            yield encoded(event)
        await pump
    finally:
        pump.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait((pump,))


async def _pump(events: AsyncIterator[Event], ready: asyncio.Queue[Event | None]) -> None:
    """Move events into ``ready``, all in one task (a generator must not change tasks between two events)."""
    try:
        async for event in events:
            if ready.qsize() >= BEHIND:
                return
            ready.put_nowait(event)
    except ClinicError as error:
        ready.put_nowait(Event("problem", {"message": str(error)}))
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _one_line(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
