"""Server-sent events over a real server: what arrives, heartbeats, errors, and that a browser's leaving is noticed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from scenarios.errors import InputError
from simulator.web.sse import BEHIND, Event, encoded, sse

Events = Callable[[], AsyncIterator[Event]]


@asynccontextmanager
async def served(events: Events, heartbeat_s: float = 15.0) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()

    async def stream() -> StreamingResponse:
        return sse(events(), heartbeat_s=heartbeat_s)

    app.add_api_route("/events", stream)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client
    server.should_exit = True
    await running


async def test_events_arrive_one_by_one_with_their_headers() -> None:
    gate = asyncio.Event()

    async def events() -> AsyncIterator[Event]:
        yield Event("turn", {"text": "两行\n一句"}, id="7")
        await gate.wait()
        yield Event("end", None)

    async with served(events) as client, client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.aiter_lines()
        first = [await anext(lines) for _ in range(6)]
        assert first == ["retry: 2000", "", "id: 7", "event: turn", 'data: {"text": "两行\\n一句"}', ""]
        gate.set()
        assert [line async for line in lines] == ["event: end", "data: null", ""]


async def test_a_silent_stream_is_kept_alive() -> None:
    async def events() -> AsyncIterator[Event]:
        await asyncio.sleep(0.35)
        yield Event("end", 1)

    async with served(events, heartbeat_s=0.1) as client:
        text = (await client.get("/events")).text
    assert 2 <= text.count(": still here\n\n") <= 3
    assert text.endswith("event: end\ndata: 1\n\n")


async def test_the_generator_ends_when_the_browser_leaves() -> None:
    left = asyncio.Event()

    async def events() -> AsyncIterator[Event]:
        try:
            yield Event("first", 1)
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            left.set()

    async with served(events) as client:
        async with client.stream("GET", "/events") as answer:
            async for line in answer.aiter_lines():
                if line == "event: first":
                    break
        await asyncio.wait_for(left.wait(), 5)


async def test_an_expected_error_is_told_and_another_one_breaks_the_stream() -> None:
    async def wrong() -> AsyncIterator[Event]:
        yield Event("first", 1)
        raise InputError("the batch is gone")

    async with served(wrong) as client:
        assert (await client.get("/events")).text.endswith('event: problem\ndata: {"message": "the batch is gone"}\n\n')

    async def broken() -> AsyncIterator[Event]:
        yield Event("first", 1)
        raise RuntimeError("a defect")

    async with served(broken) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/events")


async def test_a_browser_that_takes_nothing_is_let_go() -> None:
    async def events() -> AsyncIterator[Event]:
        for number in range(BEHIND + 10):
            yield Event("n", number)

    body = [part async for part in sse(events()).body_iterator]
    assert len(body) == BEHIND + 1


def test_text_cannot_forge_an_event() -> None:
    text = "a\n\nevent: forged\ndata: 1\ud800"
    wire = encoded(Event("turn\nevent: forged", {"text": text}, id="1\r\nid: 2")).decode()
    assert wire.count("\n") == 4
    assert [line.split(":")[0] for line in wire.strip().split("\n")] == ["id", "event", "data"]
    assert json.loads(wire.split("data: ", 1)[1])["text"].startswith("a\n\nevent: forged")
