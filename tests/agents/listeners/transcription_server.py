"""A small server of ``/v1/audio/transcriptions`` that really transcribes, with openai-whisper, and can go wrong.

It reads the form with the standard library's own parser. What it is to do wrong is a queue of ``Answer``.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Form = dict[str, bytes]


@dataclass(frozen=True)
class Answer:
    """What to send instead of a transcription; ``reset`` breaks the connection, ``wait_s`` comes first."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    wait_s: float = 0.0


def read_form(body: bytes, content_type: str) -> Form:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in message.iter_parts()}
    return {name: bytes(part.get_payload(decode=True)) for name, part in parts.items()}


class TranscriptionServer:
    """``transcribe`` gets the form and returns the text; ``forms`` are those that came in."""

    def __init__(self, transcribe: Callable[[Form], str], *, model: str = "tiny", key: str = "") -> None:
        self.transcribe, self.model, self.key = transcribe, model, key
        self.script: deque[Answer] = deque()
        self.forms: list[Form] = []
        self.most_at_once = self.at_once = 0
        self.lock = threading.Lock()
        self.over = threading.Event()

    def __enter__(self) -> Self:
        server = self

        class Handler(_Handler):
            hub = server

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.over.set()
        self.http.shutdown()
        self.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: TranscriptionServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send(Answer(200 if self.path == "/health" else 404))

    def do_POST(self) -> None:
        hub = self.hub
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with hub.lock:
            hub.at_once += 1
            hub.most_at_once = max(hub.most_at_once, hub.at_once)
            answer = hub.script.popleft() if hub.script else None
        try:
            if answer is not None:
                hub.over.wait(answer.wait_s)
            self.send(answer or self.answer(body))
        finally:
            with hub.lock:
                hub.at_once -= 1

    def answer(self, body: bytes) -> Answer:
        hub = self.hub
        if hub.key and self.headers.get("Authorization") != f"Bearer {hub.key}":
            return Answer(401, b'{"error": {"message": "wrong key"}}')
        form = read_form(body, self.headers["Content-Type"])
        hub.forms.append(form)
        if form["model"].decode() != hub.model:
            return Answer(404, b'{"error": {"message": "The model does not exist."}}')
        text = hub.transcribe(form)
        if form["response_format"] == b"text":
            return Answer(200, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})
        told: dict[str, Any] = {"text": text}
        if form["response_format"] == b"verbose_json":
            told |= {"language": "english", "duration": 1.0, "segments": [{"id": 0, "text": text}]}
        return Answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def send(self, answer: Answer) -> None:
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
