"""The way to one espeak-ng process: starting it, asking it, ending it; it blocks, and knows no queue and no voices."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from agents.voices.espeak_worker import BROKEN, REFUSED, REPLY, REQUEST, SPOKEN, TOO_SLOW
from scenarios.errors import AgentFailure, MissingExtra

WORKER = Path(__file__).with_name("espeak_worker.py")
START_S, GRACE_S, END_S = 60.0, 10.0, 2.0
"""How long starting may take, how much longer than its own limit a reply may take, and ending."""


class ProcessGone(Exception):
    """The process ended, or what it says cannot be understood; another one may do better."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is to be said and how: an espeak voice, pitch and range 0 to 99, volume 0 to 100, words a minute.

    ``segments`` hold no NUL.
    """

    voice: str
    pitch: int
    pitch_range: int
    volume: int
    words_a_minute: int
    segments: tuple[str, ...]
    timeout_s: float = 60.0

    def packed(self) -> bytes:
        """Return the request as the process reads it."""
        how = (self.voice, self.pitch, self.pitch_range, self.volume, self.words_a_minute, self.timeout_s)
        fields = (*how, *self.segments)
        body = "\0".join(str(field) for field in fields).encode("utf-8", "replace")
        return REQUEST.pack(len(body)) + body


def library_places() -> tuple[str, str]:
    """Return where library and data lie. Raises MissingExtra, or AgentFailure where processes cannot fork."""
    if not hasattr(os, "fork"):
        raise AgentFailure("voice", "unsupported", "espeak needs a system that can fork processes (Linux, macOS)")
    try:
        import espeakng_loader
    except ImportError as error:
        raise MissingExtra("voice 'espeak'", "voice") from error
    return str(espeakng_loader.get_library_path()), str(espeakng_loader.get_data_path())


class EspeakProcess:
    """A running espeak-ng process, for one thread at a time; it ends when this process or the starting thread ends."""

    def __init__(self) -> None:
        """Start it and wait until it can speak. Raises AgentFailure, MissingExtra or ProcessGone."""
        library, data = library_places()
        try:
            self._line, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(WORKER), library, data, str(os.getpid())],
                    stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    env={**os.environ, "LC_ALL": "C.UTF-8"},
                )
        except OSError as error:
            raise AgentFailure(
                "infrastructure", "no_process", f"espeak's process cannot be started: {error}", retryable=True
            ) from error
        try:
            self._line.settimeout(START_S)
            status, payload = self._reply()
            if status == BROKEN:
                said = payload.decode("utf-8", "replace")
                raise AgentFailure("voice", "no_library", f"espeak-ng cannot be loaded: {said}")
        except BaseException:
            self.end(at_once=True)
            raise
        self.version = payload.decode("utf-8", "replace")

    @property
    def pid(self) -> int:
        """Return its process number."""
        return self._process.pid

    def say(self, utterance: Utterance) -> bytearray:
        """Return 16-bit PCM at the engine's rate. Raises AgentFailure(voice), or ProcessGone: start another one."""
        self._line.settimeout(utterance.timeout_s + GRACE_S)
        try:
            self._line.sendall(utterance.packed())
        except OSError as error:
            raise ProcessGone(str(error)) from error
        status, payload = self._reply()
        if status == SPOKEN:
            return payload
        if status == TOO_SLOW:
            limit = f"{utterance.timeout_s:g} s"
            raise AgentFailure("voice", "timeout", f"espeak did not finish within {limit}", retryable=True)
        if status == REFUSED:
            raise AgentFailure("voice", "refused", f"espeak: {payload.decode('utf-8', 'replace')}")
        raise ProcessGone(f"unknown status {status}")

    def end(self, *, at_once: bool = False) -> None:
        """End the process, whatever it is doing, and leave nothing behind; ``at_once``: without letting it finish."""
        self._line.close()
        try:
            self._process.wait(0.0 if at_once else END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _reply(self) -> tuple[int, bytearray]:
        status, length = REPLY.unpack(self._received(REPLY.size))
        return int(status), self._received(length)

    def _received(self, length: int) -> bytearray:
        data = bytearray(length)
        view, have = memoryview(data), 0
        while have < length:
            try:
                count = self._line.recv_into(view[have:], 0, socket.MSG_WAITALL)
            except OSError as error:
                raise ProcessGone(str(error)) from error
            if not count:
                raise ProcessGone("the process ended")
            have += count
        return data
