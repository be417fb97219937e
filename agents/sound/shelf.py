"""Where the sound of a run lies: each once, under the hash of its bytes, and found again by what was said.

Like the tape of model replies, the shelf is set by whoever holds consultations and found through a context variable.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from agents.sound.notes import Notes
from agents.sound.wave import Sound, read_sound, wav_bytes
from scenarios.errors import AgentFailure, RunFolderError, SoundError
from scenarios.schema import AudioRef

AUDIO = "audio"
SAID = "said.sqlite"
PARTS = ".parts"
"""Below the audio folder: files that are being written; nothing is ever read from there."""
_FORGOTTEN_S = 3600.0


class Shelf(Protocol):
    """Stores sound and finds it; every method may block for a moment and may be called from any thread."""

    def put(self, sound: Sound) -> AudioRef:
        """Store a sound, once, however often it is put. Raises RunFolderError when it cannot be written."""
        ...

    def get(self, ref: AudioRef) -> Sound:
        """Return a stored sound. Raises AgentFailure(voice) when it cannot be read."""
        ...

    def find(self, key: str) -> str | None:
        """Return what was noted under ``key``."""
        ...

    def has(self, ref: AudioRef) -> bool:
        """Whether the sound is here."""
        ...

    def note(self, key: str, about: str) -> None:
        """Note something (which sound a text became) under a key."""
        ...

    @property
    def root(self) -> Path:
        """The folder that paths of stored sound are relative to."""
        ...


class SoundShelf:
    """Sound below ``root/audio``: ``audio/ab/ab12....wav``, and ``audio/said.sqlite`` with what each was made of.

    A file appears whole or not at all, so a kill leaves nothing half written. The note of what was said is only a
    short cut: lost, sounds are made again.
    """

    def __init__(self, root: Path, source: Path | None = None) -> None:
        """Remember the folder; nothing is made before the first sound.

        ``source`` is the folder of another run: what was said there is taken over instead of being made again.
        """
        self._root = root
        self._source = _other(source) if source is not None and (source / AUDIO / SAID).is_file() else None
        self._notes = Notes(root / AUDIO / SAID)
        self._folder_made = False

    @property
    def root(self) -> Path:
        """The folder that paths are relative to."""
        return self._root

    def put(self, sound: Sound) -> AudioRef:
        """Store a sound as 16-bit WAV under the hash of its bytes."""
        return self.put_bytes(wav_bytes(sound), sound.rate_hz, sound.seconds)

    def put_bytes(self, content: bytes, rate_hz: int, seconds: float) -> AudioRef:
        """Store WAV bytes, whose rate and length are known. Raises RunFolderError when they cannot be written."""
        name = hashlib.sha256(content).hexdigest()[:40]
        ref = AudioRef(path=f"{AUDIO}/{name[:2]}/{name}.wav", sample_rate_hz=rate_hz, seconds=seconds)
        path = self._root / ref.path
        if _size(path) != len(content):
            self._store(path, content)
        return ref

    def get(self, ref: AudioRef) -> Sound:
        """Return a stored sound. Raises AgentFailure(voice): gone, damaged, or a path that leads elsewhere."""
        try:
            return read_sound(self.place(ref), name=ref.path)
        except SoundError as error:
            raise AgentFailure("voice", f"audio_{error.kind}", str(error)) from error

    def place(self, ref: AudioRef) -> Path:
        """Return where ``ref`` lies. Raises AgentFailure(voice, audio_outside) for a path that leaves the folder."""
        try:
            path = (self._root / ref.path).resolve()
            inside = path.is_relative_to(self._root.resolve() / AUDIO)
        except (OSError, ValueError, RuntimeError) as error:
            raise AgentFailure("voice", "audio_missing", f"{ref.path!r} is not a usable path") from error
        if not inside:
            raise AgentFailure("voice", "audio_outside", f"{ref.path!r} leads out of the run's {AUDIO} folder")
        return path

    def find(self, key: str) -> str | None:
        """Return what was noted under ``key``, here or in the run that is replayed."""
        known = self._notes.find(key) if self._has_folder() else None
        if known is None and self._source is not None:
            known = self._source.find(key)
        return known

    def has(self, ref: AudioRef) -> bool:
        """Whether a sound is here; one of the run that is replayed is copied first."""
        if self._holds(ref):
            return True
        if self._source is None or not self._source.has(ref):
            return False
        self.put_bytes(self._source.place(ref).read_bytes(), ref.sample_rate_hz, ref.seconds)
        return self._holds(ref)

    def _holds(self, ref: AudioRef) -> bool:
        try:
            return _size(self.place(ref)) > 0
        except AgentFailure:
            return False

    def _has_folder(self) -> bool:
        return (self._root / AUDIO).is_dir()

    def note(self, key: str, about: str) -> None:
        """Note which sound a text became; the first note stays."""
        if not self._has_folder():
            (self._root / AUDIO).mkdir(parents=True, exist_ok=True)
        self._notes.note(key, about)

    def close(self) -> None:
        """Let go of the notes."""
        if self._source is not None:
            self._source.close()
        self._notes.close()

    def _store(self, path: Path, content: bytes) -> None:
        parts = self._root / AUDIO / PARTS
        part = parts / f"{path.stem}.{os.getpid()}.{secrets.token_hex(6)}"
        try:
            self._make_folder(parts)
            path.parent.mkdir(exist_ok=True)
            part.write_bytes(content)
            os.replace(part, path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise RunFolderError(
                f"cannot write {path}: {error.strerror}. What was finished is kept; "
                f"make room, then run the same command with --resume."
            ) from error

    def _make_folder(self, parts: Path) -> None:
        """Make the folder of unfinished files, once, and throw away what a killed process left there."""
        if self._folder_made and parts.is_dir():
            return
        parts.mkdir(parents=True, exist_ok=True)
        self._folder_made = True
        for part in parts.iterdir():
            with suppress(OSError):
                if part.stat().st_mtime < time.time() - _FORGOTTEN_S:
                    part.unlink()


def _other(root: Path) -> SoundShelf:
    """Return the shelf of a run that is only looked into."""
    shelf = SoundShelf(root)
    shelf._notes = Notes(root / AUDIO / SAID, read_only=True)
    return shelf


def _size(path: Path) -> int:
    """Return how many bytes a regular file has; -1 where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


_shelf: ContextVar[Shelf | None] = ContextVar("shelf", default=None)


def current_shelf() -> Shelf | None:
    """Return the shelf of the consultation under way."""
    return _shelf.get()


@contextmanager
def shelved(shelf: Shelf | None) -> Iterator[None]:
    """Let the body, and tasks started there, store sound on ``shelf``."""
    token = _shelf.set(shelf)
    try:
        yield
    finally:
        _shelf.reset(token)
