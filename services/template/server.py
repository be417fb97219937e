"""Template of a doctor server: standard library only; fill in ``Doctor`` with a model of your own.

It speaks the contract of README.md (version 1): ``GET /health`` and ``POST /v1/reply``. As it stands it is an echo
doctor, so that the way from the clinic to here can be tried before there is a model; it speaks with espeak-ng where
espeakng-loader is installed. It binds loopback, bounds what it reads, checks every request, and lets as many requests
generate at once as ``Doctor.parallel`` says.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hmac
import json
import logging
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from template_sound import EchoVoice, in_the_reply, wav_of  # noqa: E402

__all__ = ["Doctor", "Refused", "Server", "main", "wav_of"]

CONTRACT = 1
MAX_REQUEST_BYTES = 64_000_000
MAX_DIALOGUE = 1_000
BUSY_AFTER = 256
"""So many requests may wait; the next ones are told to come back."""

log = logging.getLogger("doctor")


class Refused(Exception):
    """An answer that is no reply: HTTP ``status``, ``kind`` (see README.md) and a sentence for people."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


class Doctor:
    """Your model. This one repeats what it heard.

    ``speaks`` says at /health whether ``reply`` can bring sound; it may be decided in ``load``.
    """

    name = "echo"
    hears = False
    speaks = False
    sample_rate_hz = 16_000
    parallel = 1

    def load(self) -> None:
        """Load weights; runs once, beside the server, which reports ``ready: false`` meanwhile."""
        self.voice = EchoVoice.found()
        self.speaks = self.voice is not None

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return ``{"text": ..., ...}`` for a checked request; keep nothing between calls.

        ``request["dialogue"]`` ends with what the patient said last. Sound is at ``audio["wav"]`` as bytes, or at
        ``audio["file"]`` as a path inside ``--audio-root``; its ``text`` may then be empty. Seed every sampler with
        ``request["seed"]``. Where ``request["speak"]`` is true and the model can, add ``"wav"``: the reply as a WAV
        file. Raise ``Refused(422, "context_overflow", ...)`` and its kin for what the model cannot do.
        """
        started = time.perf_counter()
        heard = next((said["text"] for said in reversed(request["dialogue"]) if said["role"] == "patient"), "")
        if request["exchange"] >= request["max_turns"]:
            text = "我会转告同事，请多休息。" if request["language"] == "zh" else "I will pass that on. Please rest."
        else:
            text = f"您说：{heard}还有什么不舒服吗？" if request["language"] == "zh" else f"You say: {heard} What else?"
        reply: dict[str, Any] = {"text": text, "first_s": time.perf_counter() - started}
        if request["speak"] and self.voice:
            reply["wav"] = self.voice.wav(text, request["language"])
        return reply


def checked(request: Any, audio_root: Path | None) -> dict[str, Any]:
    """Return the request with sound decoded. Raises Refused(400, bad_request) naming the first wrong key."""
    if not isinstance(request, dict):
        raise Refused(400, "bad_request", "the body must be a JSON object")
    if request.get("contract") != CONTRACT:
        raise Refused(400, "bad_request", f"contract {request.get('contract')!r}: this server speaks {CONTRACT}")
    kinds: dict[str, type] = {
        "language": str, "intake": dict, "dialogue": list, "exchange": int, "max_turns": int, "seed": int,
        "options": dict,
    }
    for key, kind in kinds.items():
        if not isinstance(request.get(key), kind):
            raise Refused(400, "bad_request", f"{key} must be {kind.__name__}")
    if request["language"] not in ("zh", "en"):
        raise Refused(400, "bad_request", "language must be zh or en")
    if not 1 <= len(request["dialogue"]) <= MAX_DIALOGUE:
        raise Refused(400, "bad_request", f"dialogue must have 1 to {MAX_DIALOGUE} utterances")
    if not isinstance(request.setdefault("speak", False), bool):
        raise Refused(400, "bad_request", "speak must be bool")
    return {**request, "dialogue": [_utterance(said, i, audio_root) for i, said in enumerate(request["dialogue"])]}


def _utterance(said: Any, index: int, audio_root: Path | None) -> dict[str, Any]:
    where = f"dialogue[{index}]"
    if not isinstance(said, dict) or said.get("role") not in ("patient", "doctor", "examiner"):
        raise Refused(400, "bad_request", f"{where}.role must be patient, doctor or examiner")
    if not isinstance(said.get("text"), str):
        raise Refused(400, "bad_request", f"{where}.text must be str")
    if said.get("audio") is None:
        return said
    return {**said, "audio": _sound(said["audio"], f"{where}.audio", audio_root)}


def _sound(audio: Any, where: str, audio_root: Path | None) -> dict[str, Any]:
    if not isinstance(audio, dict) or not isinstance(audio.get("wav_base64", audio.get("path")), str):
        raise Refused(400, "bad_request", f"{where} must have wav_base64 or path")
    if "wav_base64" in audio:
        try:
            content = base64.b64decode(audio["wav_base64"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused(400, "bad_request", f"{where}.wav_base64 is not base64") from error
        if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
            raise Refused(422, "audio_unreadable", f"{where} is not a WAV file")
        return {**{k: v for k, v in audio.items() if k != "wav_base64"}, "wav": content}
    if audio_root is None:
        raise Refused(400, "bad_request", f"{where}.path: start the server with --audio-root, or send wav_base64")
    try:
        file = (audio_root / audio["path"]).resolve()
        usable = file.is_relative_to(audio_root) and file.is_file()
    except (OSError, ValueError, RuntimeError):
        usable = False
    if not usable:
        raise Refused(422, "audio_unreadable", f"{where}.path is no file inside --audio-root")
    return {**audio, "file": str(file)}


class Server(ThreadingHTTPServer):
    """Holds the doctor, who may be generating, and who waits."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], doctor: Doctor, *, key: str, audio_root: Path | None) -> None:
        """Bind ``address``; an IPv6 host binds an IPv6 socket."""
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)
        self.doctor, self.key, self.audio_root = doctor, key, audio_root
        self.ready = threading.Event()
        self.failed = ""
        self.turns = threading.Semaphore(doctor.parallel)
        self.waiting, self.lock = 0, threading.Lock()

    def load(self) -> None:
        """Load the doctor; what goes wrong is said at /health, the server stays up to say it."""
        try:
            self.doctor.load()
        except Exception as error:  # noqa: BLE001 - whatever a model's loader raises must be reported, not lost
            log.exception("the model cannot be loaded")
            self.failed = f"{type(error).__name__}: {error}"
            return
        self.ready.set()
        log.info("ready: %s", self.doctor.name)

    def health(self) -> dict[str, Any]:
        """Return what GET /health says."""
        said = {
            "contract": CONTRACT, "name": self.doctor.name, "ready": self.ready.is_set(), "hears": self.doctor.hears,
            "speaks": self.doctor.speaks, "sample_rate_hz": self.doctor.sample_rate_hz,
        }
        return said | ({"problem": self.failed} if self.failed else {})

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let the doctor reply when it is this request's turn."""
        if not self.ready.is_set():
            if self.failed:
                raise Refused(500, "load_failed", self.failed)
            raise Refused(503, "not_ready", "the model is still being loaded")
        with self.lock:
            if self.waiting >= BUSY_AFTER:
                raise Refused(429, "overloaded", f"{self.waiting} requests are waiting")
            self.waiting += 1
        try:
            with self.turns:
                reply = self.doctor.reply(request)
        finally:
            with self.lock:
                self.waiting -= 1
        if not isinstance(reply, dict) or not isinstance(reply.get("text"), str):
            raise Refused(500, "server_error", "Doctor.reply must return a dict with text")
        if not reply["text"].strip():
            raise Refused(422, "empty_reply", "the model said nothing")
        sound = reply.pop("wav", None)
        try:
            return {**reply, "audio": in_the_reply(sound)} if sound and request["speak"] else reply
        except ValueError as error:
            raise Refused(422, "bad_audio", str(error)) from error


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 120

    def do_GET(self) -> None:
        """Serve /health."""
        if self.path == "/health":
            self._send(200, self.server.health())
        else:
            self._refuse(Refused(404, "bad_request", "there is /health and /v1/reply"))

    def do_POST(self) -> None:
        """Serve /v1/reply."""
        try:
            self._send(200, self.server.answer(checked(self._body(), self.server.audio_root)))
        except Refused as refused:
            self._refuse(refused)
        except Exception as error:  # noqa: BLE001 - a model may raise anything; the client must hear of it
            log.exception("the model failed")
            self._refuse(Refused(500, "server_error", f"{type(error).__name__}: {error}"))

    def _body(self) -> Any:
        if self.path != "/v1/reply":
            raise Refused(404, "bad_request", "there is /health and /v1/reply")
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

    def _refuse(self, refused: Refused) -> None:
        if refused.status in (411, 413):
            self.close_connection = True
        self._send(refused.status, {"error": {"kind": refused.kind, "message": refused.message}})

    def _send(self, status: int, said: dict[str, Any]) -> None:
        content = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            if status in (429, 503):
                self.send_header("Retry-After", "1")
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            log.info("the client is gone")

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests as debug messages instead of to stderr."""
        log.debug(format, *args)


def main(doctor: Doctor | None = None) -> None:
    """Read the command line and serve ``doctor`` (none: the one of this file) until stopped."""
    parser = argparse.ArgumentParser(description="A doctor behind the clinic's HTTP contract.")
    parser.add_argument("--host", default="127.0.0.1", help="loopback unless you say otherwise")
    parser.add_argument("--port", type=int, default=8200, help="0: any free port, printed at the start")
    parser.add_argument("--key-env", default="", help="the environment variable that holds the key clients must send")
    parser.add_argument("--audio-root", type=Path, help="the folder that audio paths may point into")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(level=logging.DEBUG if given.verbose else logging.INFO, format="%(asctime)s %(message)s")
    key = os.environ.get(given.key_env, "") if given.key_env else ""
    if given.key_env and not key:
        parser.error(f"--key-env: the variable {given.key_env} is empty")
    root = given.audio_root.resolve(strict=True) if given.audio_root else None
    server = Server((given.host, given.port), doctor or Doctor(), key=key, audio_root=root)
    log.info("listening on http://%s:%d", *server.server_address[:2])
    threading.Thread(target=server.load, name="load", daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
