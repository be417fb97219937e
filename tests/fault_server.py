"""A small server that speaks OpenAI's chat completions and can go wrong in every way a real one does.

In good mode it answers any JSON schema with a valid instance and any other request with words, the same ones for the
same request and seed, after ``latency_s`` and with ``places`` requests at once: a modelled GPU server. What it is to do
wrong is a queue of ``Answer`` that requests take from. Standard library only:

    with FaultServer() as server:                       # in a thread; server.url, server.script, server.requests
    python -m tests.fault_server --latency-s 0.3 --places 64          # in a process of its own; prints its URL
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from tests.fault_answers import Answer, broken, overflow, too_many
from tests.model_replies import Reply, good_reply

__all__ = ["Answer", "FaultServer", "Hub", "broken", "overflow", "too_many"]

Body = dict[str, Any]
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


class Hub:
    """The server's state, used from its own loop only, except for ``script``, ``requests`` and the plain settings."""

    def __init__(
        self, *, models: Iterable[str] = ("good",), latency_s: float = 0.0, places: int = 64,
        max_model_len: int | None = None, key: str = "", words: int = 20,
        rule: Callable[[Body], Answer | None] | None = None,
    ) -> None:
        self.models, self.latency_s, self.max_model_len, self.key = tuple(models), latency_s, max_model_len, key
        self.words, self.rule = words, rule
        self.script: deque[Answer] = deque()
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = self.at_once = self.connections = self.bytes_out = self.health_asked = 0
        self.healthy = True
        self.seen: set[str] = set()
        self.free = asyncio.Semaphore(places)
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        self.connections += 1
        try:
            while await self.one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        method, path, _ = head[0].split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "POST" and path.endswith("/chat/completions"):
            return await self.chat(json.loads(body), headers, writer)
        await self.plain(path, headers, writer)
        return True

    async def plain(self, path: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if path == "/health":
            self.health_asked += 1
            await self.send(writer, 200 if self.healthy else 503, b"")
        elif not self.allowed(headers):
            await self.send(writer, 401, _json({"error": {"message": "Unauthorized"}}))
        elif path.endswith("/models"):
            card = {} if self.max_model_len is None else {"max_model_len": self.max_model_len}
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "test", **card} for name in self.models]
            await self.send(writer, 200, _json({"object": "list", "data": data}))
        else:
            await self.send(writer, 404, _json({"detail": "Not Found"}))

    def allowed(self, headers: dict[str, str]) -> bool:
        return not self.key or headers.get("authorization") == f"Bearer {self.key}"

    async def chat(self, body: Body, headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        self.requests.append(body)
        self.headers.append(headers)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.answer(body, headers, writer)
        finally:
            self.at_once -= 1

    async def answer(self, body: Body, headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        answer = (self.rule(body) if self.rule else None) or (self.script.popleft() if self.script else Answer())
        await asyncio.sleep(answer.wait_s)
        if answer.hang:
            await asyncio.sleep(3600)
        if answer.reset_after == 0 or (answer.reset_after is not None and not body.get("stream")):
            writer.transport.abort()
            return False
        if not self.allowed(headers):
            answer = Answer(401, error={"message": "Incorrect API key provided"})
        elif body["model"] not in self.models:
            answer = Answer(404, error={"message": f"The model `{body['model']}` does not exist.", "code": 404})
        if answer.raw is not None:
            await self.send(writer, answer.status, answer.raw, answer.headers)
        elif answer.status != 200:
            await self.send(writer, answer.status, _json({"error": answer.error}), answer.headers)
        elif body.get("stream"):
            return await self.stream(body, answer, writer)
        else:
            await self.whole(body, answer, writer)
        return True

    def reply(self, body: Body, answer: Answer) -> Reply:
        made = good_reply(body, self.words, self.seen)
        text = (made.text if answer.text is None else answer.text) + "x" * answer.pad_bytes
        return Reply(text, answer.finish or made.finish, made.prompt, made.cached, made.completion)

    async def whole(self, body: Body, answer: Answer, writer: asyncio.StreamWriter) -> None:
        async with self.free:
            await asyncio.sleep(self.latency_s)
            made = self.reply(body, answer)
        message = {"role": "assistant", "content": None if answer.refusal else made.text, "refusal": answer.refusal}
        choice = {"index": 0, "message": message, "finish_reason": made.finish, "logprobs": None}
        whole = {**_frame(body, "chat.completion"), "choices": [choice], "usage": made.usage()}
        await self.send(writer, 200, _json(whole), answer.headers)

    async def stream(self, body: Body, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        await self.head(writer, 200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        async with self.free:
            made = self.reply(body, answer)
            pieces = _pieces(made.text)
            pause = self.latency_s / (len(pieces) + 1)
            for number, piece in enumerate(pieces):
                if answer.reset_after == number:
                    writer.transport.abort()
                    return False
                if answer.hang_after == number:
                    await asyncio.sleep(3600)
                await asyncio.sleep(pause)
                delta = {"refusal": piece} if answer.refusal else {"content": piece}
                await self.event(writer, _chunk(body, delta, None))
        await self.event(writer, _chunk(body, {}, made.finish))
        if body.get("stream_options", {}).get("include_usage"):
            await self.event(writer, {**_frame(body, "chat.completion.chunk"), "choices": [], "usage": made.usage()})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()
        return True

    async def event(self, writer: asyncio.StreamWriter, event: Body) -> None:
        data = b"data: " + _json(event) + b"\n\n"
        self.bytes_out += len(data)
        writer.write(b"%x\r\n" % len(data) + data + b"\r\n")
        await writer.drain()

    async def head(self, writer: asyncio.StreamWriter, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{k}: {v}" for k, v in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def send(
        self, writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        base = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        await self.head(writer, status, base | (headers or {}))
        for start in range(0, len(body), 65_536):
            writer.write(body[start : start + 65_536])
            await writer.drain()
            self.bytes_out += len(body[start : start + 65_536])


class FaultServer:
    """A ``Hub`` behind a loopback port, in a thread with a loop of its own; ``stop`` and ``start`` keep the port."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.port = 0
        self.hub: Hub
        self.script: deque[Answer] = deque()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> list[Body]:
        return self.hub.requests

    def start(self) -> Self:
        self._up, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._up.wait()
        return self

    def stop(self) -> None:
        """Go away as a killed process does: the port refuses, open connections are reset."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        self._end = asyncio.Event()
        self.hub = Hub(**self.settings)
        self.hub.script = self.script
        server = await asyncio.start_server(self.hub.serve, "127.0.0.1", self.port, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._end.wait()
        server.close()
        for writer in list(self.hub.open):
            writer.transport.abort()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _frame(body: Body, kind: str) -> Body:
    return {"id": "chatcmpl-1", "object": kind, "created": 0, "model": body["model"]}


def _chunk(body: Body, delta: Body, finish: str | None) -> Body:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**_frame(body, "chat.completion.chunk"), "choices": [choice]}


def _pieces(text: str) -> list[str]:
    step = 4 if len(text) < 100_000 else 65_536
    return [text[start : start + step] for start in range(0, len(text), step)]


async def serve(port: int, **settings: Any) -> None:
    """Serve in good mode until the process is told to end; print the URL first."""
    server = await asyncio.start_server(Hub(**settings).serve, "127.0.0.1", port, limit=1 << 26)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-s", type=float, default=0.3)
    parser.add_argument("--places", type=int, default=64)
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=["good"])
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
