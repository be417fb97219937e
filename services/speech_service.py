"""Serves a voice behind the speech contract: sockets, keys, queues, streams; it knows no model.

Standard library only, Python 3.9 or newer. It binds loopback, bounds what it reads and what it sends, checks every
request, and lets as many texts be spoken at once as ``Voice.parallel`` says.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import json
import logging
import os
import socket
import threading
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from speech_contract import CONTRACT, FORMATS, MAX_SECONDS, UNKNOWN_LENGTH, Refused, Voice, checked, wav_header

MAX_REQUEST_BYTES = 16_000_000
BUSY_AFTER = 64
"""So many requests may wait; the next ones are told to come back."""
WHERE = "there is /health, /v1/models and /v1/audio/speech"

log = logging.getLogger("voice")


class Gone(Exception):
    """The client does not listen any more."""


class Server(ThreadingHTTPServer):
    """Holds the voice, who may be speaking, and who waits."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], voice: Voice, *, key: str) -> None:
        """Bind ``address``; an IPv6 host binds an IPv6 socket."""
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)
        self.voice, self.key = voice, key
        self.ready = threading.Event()
        self.failed = ""
        self.turns = threading.Semaphore(voice.parallel)
        self.waiting, self.lock = 0, threading.Lock()

    def load(self) -> None:
        """Load the voice; what goes wrong is said at /health, the server stays up to say it."""
        try:
            self.voice.load()
        except Exception as error:  # noqa: BLE001 - whatever a model's loader raises must be reported, not lost
            log.exception("the model cannot be loaded")
            self.failed = f"{type(error).__name__}: {error}"
            return
        self.ready.set()
        log.info("ready: %s", self.voice.name)

    def health(self) -> dict[str, Any]:
        """Return what GET /health says."""
        voice = self.voice
        said = {
            "contract": CONTRACT, "name": voice.name, "ready": self.ready.is_set(),
            "sample_rate_hz": voice.sample_rate_hz, "clones": voice.clones, "needs_reference": voice.needs_reference,
            "streams": voice.streams, "languages": list(voice.languages), "formats": list(FORMATS),
        }
        return said | ({"problem": self.failed} if self.failed else {})

    def pieces(self, request: dict[str, Any]) -> Generator[bytes, None, None]:
        """Let the voice speak when it is this request's turn; yields samples that are not empty, a bounded number."""
        if not self.ready.is_set():
            if self.failed:
                raise Refused(500, "load_failed", self.failed)
            raise Refused(503, "not_ready", "the model is still being loaded")
        with self.lock:
            if self.waiting >= BUSY_AFTER:
                raise Refused(429, "overloaded", f"{self.waiting} requests are waiting")
            self.waiting += 1
        left = int(MAX_SECONDS * self.voice.sample_rate_hz) * 2
        try:
            with self.turns:
                for piece in self.voice.speak(request):
                    left -= len(piece)
                    if left < 0:
                        raise Refused(422, "model_error", f"the model spoke for more than {MAX_SECONDS:g} s")
                    if piece:
                        yield piece
        finally:
            with self.lock:
                self.waiting -= 1


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 120

    def do_GET(self) -> None:
        """Serve /health and /v1/models."""
        if self.path == "/health":
            self._say(200, self.server.health())
        elif self.path == "/v1/models":
            self._say(200, {"object": "list", "data": [{"id": self.server.voice.name, "object": "model"}]})
        else:
            self._refuse(Refused(404, "bad_request", WHERE))

    def do_POST(self) -> None:
        """Serve /v1/audio/speech."""
        begun = False
        try:
            request = checked(self._body(), self.server.voice)
            stream = request["stream"] and self.server.voice.streams and self.request_version == "HTTP/1.1"
            with contextlib.closing(self.server.pieces(request)) as pieces:
                first = next(pieces, b"")
                if not first:
                    raise Refused(422, "empty_sound", "the model made no sound of this text")
                begun = stream
                if stream:
                    self._stream(request, first, pieces)
                else:
                    self._whole(request, first + b"".join(pieces))
        except Gone:
            log.info("the client is gone")
        except Refused as refused:
            self._end(refused, begun)
        except Exception as error:  # noqa: BLE001 - a model may raise anything; the client must hear of it
            log.exception("the model failed")
            self._end(Refused(500, "server_error", f"{type(error).__name__}: {error}"), begun)

    def _end(self, refused: Refused, begun: bool) -> None:
        """Refuse; when half of the sound is out, end without a last chunk: that is how HTTP says it is not whole."""
        if begun:
            self.close_connection = True
        else:
            self._refuse(refused)

    def _body(self) -> Any:
        if self.path != "/v1/audio/speech":
            raise Refused(404, "bad_request", WHERE)
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise Refused(411, "bad_request", "Content-Length is missing")
        if int(length) > MAX_REQUEST_BYTES:
            raise Refused(413, "bad_request", f"the request is over {MAX_REQUEST_BYTES} bytes")
        content = self.rfile.read(int(length))
        given = self.headers.get("Authorization", "").encode()
        if self.server.key and not hmac.compare_digest(given, f"Bearer {self.server.key}".encode()):
            raise Refused(401, "unauthorised", "the key is missing or wrong")
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "bad_request", "the body must be application/json")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Refused(400, "bad_request", f"the body is not JSON: {error}") from error

    def _whole(self, request: dict[str, Any], samples: bytes) -> None:
        header = self._header(request, len(samples))
        self._head(200, FORMATS[request["response_format"]], len(header) + len(samples))
        self._write(header + samples)

    def _stream(self, request: dict[str, Any], first: bytes, others: Iterator[bytes]) -> None:
        self._head(200, FORMATS[request["response_format"]], None)
        self._chunk(self._header(request, UNKNOWN_LENGTH) + first)
        for piece in others:
            self._chunk(piece)
        self._write(b"0\r\n\r\n")

    def _header(self, request: dict[str, Any], size: int) -> bytes:
        return wav_header(self.server.voice.sample_rate_hz, size) if request["response_format"] == "wav" else b""

    def _chunk(self, content: bytes) -> None:
        self._write(b"%x\r\n%b\r\n" % (len(content), content))

    def _refuse(self, refused: Refused) -> None:
        if refused.status in (404, 411, 413):  # its body may not have been read
            self.close_connection = True
        self._say(refused.status, {"error": {"kind": refused.kind, "message": refused.message}})

    def _say(self, status: int, said: dict[str, Any]) -> None:
        content = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
        with contextlib.suppress(Gone):
            self._head(status, "application/json; charset=utf-8", len(content))
            self._write(content)

    def _head(self, status: int, kind: str, size: int | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Sample-Rate", str(self.server.voice.sample_rate_hz))
        self.send_header(*(("Transfer-Encoding", "chunked") if size is None else ("Content-Length", str(size))))
        if status in (429, 503):
            self.send_header("Retry-After", "1")
        if self.close_connection:
            self.send_header("Connection", "close")
        try:
            self.end_headers()
        except OSError as error:
            self.close_connection = True
            raise Gone from error

    def _write(self, content: bytes) -> None:
        try:
            self.wfile.write(content)
        except OSError as error:
            self.close_connection = True
            raise Gone from error

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests as debug messages instead of to stderr."""
        log.debug(format, *args)


def serve(voice: Voice, port: int) -> None:
    """Read the command line (see ``--help``) and serve ``voice`` until stopped; ``port`` is the default one."""
    parser = argparse.ArgumentParser(description="A voice behind the clinic's speech contract.")
    parser.add_argument("--host", default="127.0.0.1", help="loopback unless you say otherwise")
    parser.add_argument("--port", type=int, default=port, help="0: any free port, printed at the start")
    parser.add_argument("--key-env", default="", help="the environment variable that holds the key clients must send")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(level=logging.DEBUG if given.verbose else logging.INFO, format="%(asctime)s %(message)s")
    key = os.environ.get(given.key_env, "") if given.key_env else ""
    if given.key_env and not key:
        parser.error(f"--key-env: the variable {given.key_env} is empty")
    server = Server((given.host, given.port), voice, key=key)
    log.info("listening on http://%s:%d", *server.server_address[:2])
    threading.Thread(target=server.load, name="load", daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
