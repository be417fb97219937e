r"""One espeak-ng process: a program of its own, without the project, that forks a fresh child for every utterance.

The library (GPL) is neither thread-safe nor reproducible once it has spoken. So this small process loads it, never
lets it speak, and forks: each child starts from the very same state, speaks once and is gone. Standard library only;
started as ``python -I -S espeak_worker.py LIBRARY DATA PARENT_PID`` with a socket as standard input.

Request: length (u32), then ``\0``-separated UTF-8: voice, pitch, range, volume, words a minute,
seconds allowed, segments.
Reply: status (u32), length (u32), payload; the first reply, before any request, greets with the library's version.
"""

import ctypes
import gc
import os
import signal
import socket
import struct
import sys

REQUEST, REPLY = struct.Struct("<I"), struct.Struct("<II")
SPOKEN, REFUSED, TOO_SLOW, STARTED, BROKEN = range(5)
"""Status: payload is 16-bit PCM; a sentence why not; nothing, time is up; version; why the library does not load."""
LANGUAGES = ("en", "en-us", "cmn")
SYNCHRONOUS, DONT_EXIT, UTF8, END_PAUSE = 2, 0x8000, 1, 0x1000
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4
BUFFER_MS = 2_000
SEED = 1
SET_PDEATHSIG = 1


class Engine:
    """The loaded library in its first state."""

    def __init__(self, library: str, data: str) -> None:
        """Load everything that children would otherwise load each; raises OSError."""
        os.chdir(os.path.dirname(data))
        self._pieces: list[bytes] = []
        self._lib = ctypes.CDLL(library)
        self._lib.espeak_Info.restype = ctypes.c_char_p
        self._lib.espeak_Synth.argtypes = (
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        )
        if self._lib.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, b".", DONT_EXIT) <= 0:
            raise OSError("the voice data cannot be read")
        for language in LANGUAGES:
            if self._lib.espeak_SetVoiceByName(language.encode()):
                raise OSError(f"there is no voice {language}")
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._heard = kind(self._hear)
        self._lib.espeak_SetSynthCallback(self._heard)

    @property
    def version(self) -> bytes:
        """Return the library's own version."""
        return bytes(self._lib.espeak_Info(None))

    def speak(self, fields: list[bytes]) -> tuple[int, list[bytes]]:
        """Return status and pieces of PCM; called once in the life of a child."""
        voice, pitch, pitch_range, volume, rate = fields[:5]
        if self._lib.espeak_SetVoiceByName(voice):
            return REFUSED, [b"there is no voice " + voice]
        for parameter, value in ((PITCH, pitch), (RANGE, pitch_range), (VOLUME, volume), (RATE, rate)):
            self._lib.espeak_SetParameter(parameter, int(value), 0)
        self._lib.espeak_ng_SetRandSeed(SEED)
        segments = fields[6:]
        for index, segment in enumerate(segments):
            flags = UTF8 | (END_PAUSE if index + 1 < len(segments) else 0)
            if self._lib.espeak_Synth(segment + b"\0", len(segment) + 1, 0, 0, 0, flags, None, None):
                return REFUSED, [b"the library could not read a text"]
        return SPOKEN, self._pieces

    def _hear(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._pieces.append(ctypes.string_at(samples, 2 * count))
        return 0


def serve(engine: Engine, line: socket.socket) -> int:
    """Answer requests until the other side is gone; the returned exit status tells of a child that crashed."""
    me = os.getpid()
    gc.disable()
    gc.freeze()
    while True:
        head = received(line, REQUEST.size)
        if not head:
            return 0
        fields = received(line, REQUEST.unpack(head)[0]).split(b"\0")
        child = os.fork()
        if child == 0:
            utter(engine, fields, line, me)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGALRM:
            line.sendall(REPLY.pack(TOO_SLOW, 0))
        elif code:
            return min(255, abs(code))


def utter(engine: Engine, fields: list[bytes], line: socket.socket, parent: int) -> None:
    """Speak, reply and end this child; time is up only while nothing of the reply is written."""
    try:
        end_with(parent)
        signal.setitimer(signal.ITIMER_REAL, float(fields[5]))
        status, pieces = engine.speak(fields)
        signal.setitimer(signal.ITIMER_REAL, 0)
        line.sendall(REPLY.pack(status, sum(map(len, pieces))))
        for piece in pieces:
            line.sendall(piece)
    except BaseException:  # noqa: BLE001 - a child must not go on as a second server
        os._exit(1)
    os._exit(0)


def received(line: socket.socket, length: int) -> bytes:
    """Return exactly so many bytes, or none when the other side is gone."""
    data = b""
    while len(data) < length:
        more = line.recv(length - len(data))
        if not more:
            return b""
        data += more
    return data


def end_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends (Linux); elsewhere the closed socket ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def main() -> int:
    """Load the library, greet, serve."""
    library, data, parent = sys.argv[1:4]
    end_with(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = socket.socket(fileno=0)
    try:
        engine = Engine(library, data)
    except OSError as error:
        reason = str(error).encode("utf-8", "replace")
        line.sendall(REPLY.pack(BROKEN, len(reason)) + reason)
        return 0
    line.sendall(REPLY.pack(STARTED, len(engine.version)) + engine.version)
    try:
        return serve(engine, line)
    except OSError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
