"""Reads sound files out of one folder and never out of another; it knows WAV headers, no model.

The folder is named, or it is the one in which the run under way stores its sound.
"""

from __future__ import annotations

import base64
import os
import threading
from collections import OrderedDict
from pathlib import Path

from agents.sound.shelf import AUDIO, current_shelf
from scenarios.errors import AgentFailure
from scenarios.schema import AudioRef

_HEADER = 12
_Key = tuple[str, int, int]


class SoundFolder:
    """The WAV files below a folder, base64 encoded; the last ``keep`` encodings stay in memory.

    Safe to use from several threads. Utterances are sent again with every further turn of their consultation, so
    encodings pay off. An entry is found by path, size and time of change: a file that changed is read again.
    """

    def __init__(self, root: str, max_bytes: int, keep: int) -> None:
        """Remember the folder; '' means the run's own, and outside of a run every sound is refused."""
        self._root = Path(root).resolve() if root else None
        self._max_bytes, self._keep = max_bytes, keep
        self._encoded: OrderedDict[_Key, str] = OrderedDict()
        self._lock = threading.Lock()

    def place(self, ref: AudioRef) -> Path:
        """Return where ``ref`` lies.

        Raises:
            AgentFailure: ``no_audio_root`` (infrastructure) without a folder; ``audio_outside`` (voice) for a path
                that leads out of it, links included; ``audio_missing`` (voice) where there is no such file.
        """
        start = within = self._root
        if start is None:
            start = self._shelf_root()
            within = start / AUDIO
        assert within is not None
        try:
            path = (start / ref.path).resolve()
            inside, there = path.is_relative_to(within), path.is_file()
        except (OSError, ValueError, RuntimeError) as error:
            raise AgentFailure("voice", "audio_missing", f"{ref.path!r} is not a usable path") from error
        where = "audio_root" if self._root else "the run's sound"
        if not inside:
            raise AgentFailure("voice", "audio_outside", f"{ref.path!r} leads out of {where}")
        if not there:
            raise AgentFailure("voice", "audio_missing", f"there is no file {ref.path!r} in {where}")
        return path

    def _shelf_root(self) -> Path:
        shelf = current_shelf()
        if shelf is None:
            raise AgentFailure("infrastructure", "no_audio_root", (
                "the patient's words have sound, but audio_root names no folder and no run is under way that stores any"
            ))
        return shelf.root.resolve()

    def wav_base64(self, ref: AudioRef) -> str:
        """Return the whole file in base64.

        Raises:
            AgentFailure: as ``place``; ``audio_too_long`` or ``audio_unreadable`` (voice) for what is in the file.
        """
        path = self.place(ref)
        try:
            with path.open("rb") as file:
                about = os.fstat(file.fileno())
                key = (str(path), about.st_size, about.st_mtime_ns)
                known = self._known(key)
                if known is not None:
                    return known
                content = file.read(self._max_bytes + 1)
        except OSError as error:
            raise AgentFailure("voice", "audio_unreadable", f"{ref.path!r} cannot be read: {error.strerror}") from error
        return self._keep_encoded(key, self._checked(content, ref))

    def _checked(self, content: bytes, ref: AudioRef) -> bytes:
        if len(content) > self._max_bytes:
            raise AgentFailure("voice", "audio_too_long", f"{ref.path!r} is over max_audio_bytes={self._max_bytes}")
        if len(content) <= _HEADER or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
            raise AgentFailure("voice", "audio_unreadable", f"{ref.path!r} is not a WAV file")
        return content

    def _known(self, key: _Key) -> str | None:
        with self._lock:
            if key in self._encoded:
                self._encoded.move_to_end(key)
            return self._encoded.get(key)

    def _keep_encoded(self, key: _Key, content: bytes) -> str:
        encoded = base64.b64encode(content).decode("ascii")
        with self._lock:
            self._encoded[key] = encoded
            while len(self._encoded) > self._keep:
                self._encoded.popitem(last=False)
        return encoded
