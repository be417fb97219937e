"""A speech server in the test's own event loop that can go wrong in every way a real one does."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.sound.wave import Sound, wav_bytes

RATE_HZ = 24_000


def tone(text: str = "a tone", hertz: float = 220.0, rate_hz: int = RATE_HZ) -> Sound:
    """Return 10 ms of sound a character."""
    turns = np.arange(len(text) * rate_hz // 100) * (2 * np.pi * hertz / rate_hz)
    return Sound((0.3 * np.sin(turns)).astype(np.float32), rate_hz)


@dataclass
class Answer:
    """What becomes of one request; without ``content`` it is the tone of its text."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    wait_s: float = 0.0
    chunked: bool = False
    reset_after: int | None = None
    hang_after: int | None = None
    for_ever: bytes = b""


def error(status: int, kind: str = "", **headers: str) -> Answer:
    said: dict[str, Any] = {"message": f"as wished: {kind}"} | ({"kind": kind} if kind else {})
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **names}, json.dumps({"error": said}).encode())


class Speaking:
    """The server; ``script`` is a queue of answers, ``requests`` what was asked."""

    def __init__(self, **health: Any) -> None:
        self.health: dict[str, Any] = {
            "contract": 1, "name": "some-voice", "ready": True, "clones": True, "languages": ["zh", "en"], **health
        }
        self.script: deque[Answer] = deque()
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.models: list[str] | None = ["some-voice"]
        self.rule: Callable[[dict[str, Any]], Answer | None] = lambda body: None
        self.port = self.at_once = self.most_at_once = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 26)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = head[0].split(" ")
        if method == "POST":
            self.keys.append(headers.get("authorization", ""))
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            try:
                return await self._speech(json.loads(body), writer)
            finally:
                self.at_once -= 1
        if path == "/health":
            await _whole(writer, Answer(200, {"Content-Type": "application/json"}, json.dumps(self.health).encode()))
        elif path == "/v1/models" and self.models is not None:
            listed = {"object": "list", "data": [{"id": name} for name in self.models]}
            await _whole(writer, Answer(200, {"Content-Type": "application/json"}, json.dumps(listed).encode()))
        else:
            await _whole(writer, Answer(404, {}, b"{}"))
        return True

    async def _speech(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        self.requests.append(body)
        answer = self.rule(body) or (self.script.popleft() if self.script else Answer())
        await asyncio.sleep(answer.wait_s)
        if answer.content is None:
            sound = wav_bytes(tone(body["input"]))
            answer.content = sound[44:] if body["response_format"] == "pcm" else sound
            answer.headers = {"Content-Type": "audio/wav", **answer.headers}
        if answer.reset_after is None and answer.hang_after is None and not answer.chunked and not answer.for_ever:
            await _whole(writer, answer)
            return True
        return await _pieces(writer, answer)


async def _whole(writer: asyncio.StreamWriter, answer: Answer) -> None:
    content = answer.content or b""
    writer.write(_head(answer, f"Content-Length: {len(content)}") + content)
    await writer.drain()


async def _pieces(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    writer.write(_head(answer, "Transfer-Encoding: chunked"))
    content = answer.content or b""
    for number, at in enumerate(range(0, len(content), 2048)):
        if answer.reset_after == number:
            await writer.drain()
            writer.transport.abort()
            return False
        if answer.hang_after == number:
            await asyncio.sleep(3600)
        writer.write(b"%x\r\n%b\r\n" % (len(content[at:at + 2048]), content[at:at + 2048]))
        await writer.drain()
        await asyncio.sleep(0.005)
    while answer.for_ever:
        writer.write(b"%x\r\n%b\r\n" % (len(answer.for_ever), answer.for_ever))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _head(answer: Answer, length: str) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} Status", length, *(f"{key}: {value}" for key, value in answer.headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@asynccontextmanager
async def speaking(**health: Any) -> AsyncIterator[Speaking]:
    server = Speaking(**health)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
