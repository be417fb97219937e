"""The sound card, through the optional package sounddevice: a microphone to read, a speaker to write to."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np

from agents.sound.wave import Samples, Sound
from scenarios.errors import ClinicError
from scenarios.schema import HEARD_HZ

BLOCK_S = 0.05


class SoundCard:
    """What the machine hears and plays with; opening it asks for no device yet."""

    def __init__(self) -> None:
        """Load the library. Raises ClinicError with the command that installs it."""
        try:
            import sounddevice
        except ModuleNotFoundError as error:
            raise ClinicError(
                "microphone and speaker need the package sounddevice: pip install sounddevice"
            ) from error
        except OSError as error:  # the package is there, the library behind it is not
            raise ClinicError(
                f"sounddevice finds no PortAudio ({error}): install it, on Debian and Ubuntu "
                "apt install libportaudio2, on macOS brew install portaudio"
            ) from error
        self._library: Any = sounddevice

    async def heard(self) -> AsyncGenerator[Samples, None]:
        """Yield what the microphone hears, 16 kHz in pieces of 50 ms, until it is left. Raises ClinicError."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Samples] = asyncio.Queue()

        def take(block: Any, frames: int, time: Any, status: Any) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, np.array(block[:, 0], np.float32))

        try:
            stream = self._library.InputStream(
                samplerate=HEARD_HZ, channels=1, dtype="float32", blocksize=round(HEARD_HZ * BLOCK_S), callback=take)
            stream.start()
        except (self._library.PortAudioError, ValueError) as error:
            raise ClinicError(f"the microphone cannot be opened: {error}. Say it with a file: /file PATH") from error
        try:
            while True:
                yield await queue.get()
        finally:
            stream.close(ignore_errors=True)

    def speaker(self) -> Speaker:
        """Return a speaker for one answer; it is opened with the first sound."""
        return Speaker(self._library)


class Speaker:
    """Plays pieces of sound without a gap, as they come; silence where they come too late."""

    def __init__(self, library: Any) -> None:
        """Open nothing yet."""
        self._library = library
        self._stream: Any = None
        self._pieces: deque[Samples] = deque()
        self._lock = threading.Lock()
        self._given = self._played = 0
        self.rate_hz = 0

    @property
    def played_s(self) -> float:
        """Seconds that were played."""
        return self._played / self.rate_hz if self.rate_hz else 0.0

    def play(self, sound: Sound) -> None:
        """Play ``sound`` after what was given before; all must have one rate. Raises ClinicError."""
        if self._stream is None:
            self.rate_hz = sound.rate_hz
            try:
                self._stream = self._library.OutputStream(
                    samplerate=sound.rate_hz, channels=1, dtype="float32", callback=self._fill)
                self._stream.start()
            except (self._library.PortAudioError, ValueError) as error:
                self._stream = None
                raise ClinicError(f"the speaker cannot be opened: {error}. Leave --play out") from error
        with self._lock:
            self._pieces.append(sound.samples)
            self._given += len(sound.samples)

    async def finish(self) -> None:
        """Wait until everything given was played, then close; leaving early falls silent at once."""
        try:
            while self._stream is not None and self._played < self._given and self._stream.active:
                await asyncio.sleep(BLOCK_S)
        finally:
            self.stop()

    def stop(self) -> None:
        """Fall silent and close; more than once is fine."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)

    def _fill(self, out: Any, frames: int, time: Any, status: Any) -> None:
        """Fill ``out`` [frames, 1]; called by the sound card's own thread."""
        at = 0
        with self._lock:
            while at < frames and self._pieces:
                piece = self._pieces.popleft()
                used = piece[: frames - at]
                out[at : at + len(used), 0] = used
                at += len(used)
                if len(used) < len(piece):
                    self._pieces.appendleft(piece[len(used) :])
            self._played += at
        out[at:] = 0
