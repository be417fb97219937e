"""Clients that leave, servers that end, more requests than may wait, a model that is gone: nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import APIError, OpenAI

from tests.doctor_server.conftest import (
    ENVIRONMENT,
    NAME,
    ROOT,
    Served,
    asked,
    chat,
    command,
    http,
    said,
    wait_until_ready,
)
from tests.tiny_server import free_port

CHAT = "/v1/chat/completions"
LONG = {"max_tokens": 3000, "modalities": ["text", "audio"], "temperature": 1}


def until(holds: Callable[[], bool], within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_cancels_its_answer(server: Served, streamed: bool) -> None:
    before = server.numbers()
    with httpx.Client(timeout=60) as client:
        request = client.build_request("POST", server.root + CHAT, json=chat("Go on and on.", **LONG, stream=streamed))
        if streamed:
            answer = client.send(request, stream=True)
            lines = answer.iter_lines()
            assert any("content" in next(lines) for _ in range(8))
            assert server.numbers()["running_streams"] == 1
            answer.close()
        else:
            with pytest.raises(httpx.ReadTimeout):
                request.extensions["timeout"]["read"] = 0.7
                client.send(request)
    until(lambda: server.numbers()["running_streams"] == 0)
    after = server.numbers()
    gone = 'answers_total{finish="cancelled"}'
    until(lambda: server.numbers()[gone] == before[gone] + 1)
    assert after["waiting_streams"] == 0
    assert after["completion_tokens_total"] - before["completion_tokens_total"] < 2500


def test_many_clients_that_leave_at_once_leave_nothing(server: Served) -> None:
    address = (server.root.rpartition(":")[0].removeprefix("http://"), int(server.root.rpartition(":")[2]))
    body = httpx.Request("POST", server.root + CHAT, json=chat("Speak.", **LONG, stream=True))
    head = "\r\n".join(["POST /v1/chat/completions HTTP/1.1", *(f"{k}: {v}" for k, v in body.headers.items()), "", ""])
    for _ in range(20):
        with socket.create_connection(address) as connection:
            connection.sendall(head.encode() + body.content)
    until(lambda: server.numbers()["running_streams"] + server.numbers()["waiting_streams"] == 0)
    assert http().post(server.root + CHAT, json=chat("Still there?")).status_code == 200


async def test_those_who_find_no_place_come_back_later(opened: Any) -> None:
    async with asked(opened, max_streams=1, max_waiting=1) as client:
        begun = [asyncio.create_task(client.post(CHAT, json=chat("Slow.", max_tokens=40))) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await client.post(CHAT, json=chat("Me too."))
        assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
        assert refused.json()["error"] | {"message": ""} == {
            "message": "", "type": "rate_limit_error", "param": None, "code": "overloaded",
        }
        assert [(await task).status_code for task in begun] == [200, 200]
        assert (await client.post(CHAT, json=chat("Now?"))).status_code == 200


async def test_a_body_that_does_not_come_is_given_up(opened: Any) -> None:
    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(5)

    async with asked(opened, read_s=0.2) as client:
        assert (await client.post(CHAT, content=slow())).status_code == 408


async def test_a_stream_in_which_nothing_comes_shows_that_it_lives(opened: Any) -> None:
    async with asked(opened, heartbeat_s=0.0005) as client:
        answer = await client.post(CHAT, json=chat(said(), max_tokens=30, stream=True))
    assert ": still here\n\n" in answer.text and answer.text.endswith("data: [DONE]\n\n")


async def test_a_client_that_takes_nothing_is_given_up(opened: Any) -> None:
    from simulator.doctor_server.app import make_app
    from simulator.doctor_server.settings import ServerSettings

    app = make_app(opened, ServerSettings(NAME, write_s=0.1, max_streams=1, max_waiting=0))
    body, stuck = json.dumps(chat("Go on.", **LONG, stream=True)).encode(), asyncio.Event()
    incoming = iter([{"type": "http.request", "body": body}])

    async def receive() -> Any:
        return next(incoming, None) or await asyncio.sleep(60)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            stuck.set()
            await asyncio.sleep(60)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": CHAT,
        "raw_path": CHAT.encode(), "query_string": b"", "scheme": "http", "root_path": "",
        "server": ("127.0.0.1", 8300), "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1:8300"), (b"content-length", b"%d" % len(body))],
    }
    async with asyncio.timeout(20):
        await app(scope, receive, send)
    assert stuck.is_set()
    until(lambda: opened.worker.counters.running == 0)
    assert app.state.chat.inside == 0


async def test_a_model_that_is_gone_is_said_to_be(checkpoint: Path) -> None:
    from simulator.doctor_server.starting import open_worker, options_of

    opened = open_worker(options_of(checkpoint=str(checkpoint), device="cpu", max_streams=3))
    async with asked(opened) as client:
        assert (await client.get("/health")).status_code == 200
        opened.close()
        for more in ({}, {"stream": True}):
            answer = await client.post(CHAT, json=chat("Anybody?", **more))
            assert answer.status_code == 503 and answer.json()["error"]["code"] == "model_gone"
        health = await client.get("/health")
        assert health.status_code == 503 and health.json()["status"] == "failed" and health.json()["problem"]


@pytest.mark.parametrize(("number", "words"), [
    (signal.SIGINT, "the server is about to end"), pytest.param(signal.SIGKILL, None, marks=pytest.mark.soak),
])
def test_a_server_that_ends_cancels_its_answers(
    checkpoint: Path, tmp_path: Path, number: signal.Signals, words: str | None
) -> None:
    port, log = free_port(), tmp_path / "log"
    env = {**os.environ, **ENVIRONMENT, "SECRET": "a-token-of-some-length"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command(checkpoint, port, "--token-env", "SECRET"), env=env, stdout=out, stderr=out, cwd=ROOT
        )
    try:
        served = wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        assert http().get(served.url + "/models").status_code == 401
        with OpenAI(base_url=served.url, api_key=env["SECRET"], max_retries=0) as client:
            stream = client.chat.completions.create(**chat("Go on and on.", **LONG), stream=True)
            next(iter(stream))
            process.send_signal(number)
            with pytest.raises((APIError, httpx.TransportError), match=words):
                for _ in stream:
                    pass
        assert process.wait(20) == (0 if number == signal.SIGINT else -number)
    finally:
        process.kill()
    said = log.read_text()
    assert f"tiny answers at {served.url} (hears and speaks; context 4096" in said
    assert "Traceback" not in said and env["SECRET"] not in said
