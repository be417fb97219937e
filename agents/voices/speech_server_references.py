"""Reference recordings made ready to be sent: checked, 16-bit mono, base64, known by their content; knows no table."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from agents.sound.levels import levels
from agents.sound.wave import read_sound, resampled, wav_bytes
from agents.voices.speakers import Reference
from scenarios.errors import AgentFailure, SoundError

SHORTEST_S, LONGEST_S = 0.5, 30.0
"""What the speech contract takes; CosyVoice's own code takes no recording of more than 30 s."""
_LOWEST_HZ, _HIGHEST_HZ = 16_000, 48_000
_Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it is sent, and the hash of what was sent."""

    wav_base64: str
    digest: str


class Recordings:
    """The recordings that were used last, at most ``keep_bytes`` of them; safe to use from several threads."""

    def __init__(self, keep_bytes: int) -> None:
        """Start with none."""
        self._left = keep_bytes
        self._ready: OrderedDict[_Place, Recording] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, reference: Reference) -> Recording:
        """Return the recording, read again when its file has changed.

        Raises:
            AgentFailure: owner ``voice``, kind ``reference_`` missing, not_audio, empty, corrupt, too_long, too_short
                or silent.
        """
        try:
            about = reference.wav.stat()
        except OSError as error:
            raise _failure(reference, "missing", f"cannot be read: {error.strerror}") from error
        place = (str(reference.wav), about.st_size, about.st_mtime_ns)
        with self._lock:
            if place in self._ready:
                self._ready.move_to_end(place)
                return self._ready[place]
        recording = _ready(reference)
        with self._lock:
            if place not in self._ready:
                self._ready[place] = recording
                self._left -= len(recording.wav_base64)
            while self._left < 0:
                self._left += len(self._ready.popitem(last=False)[1].wav_base64)
        return recording


def _ready(reference: Reference) -> Recording:
    try:
        sound = read_sound(reference.wav, max_seconds=LONGEST_S)
    except SoundError as error:
        raise _failure(reference, error.kind, str(error)) from error
    if sound.seconds < SHORTEST_S:
        raise _failure(reference, "too_short", f"is {sound.seconds:.2f} s long; {SHORTEST_S:g} s are needed")
    if levels(sound).silent:
        raise _failure(reference, "silent", "is silent")
    content = wav_bytes(resampled(sound, min(max(sound.rate_hz, _LOWEST_HZ), _HIGHEST_HZ)))
    return Recording(base64.b64encode(content).decode("ascii"), hashlib.sha256(content).hexdigest())


def _failure(reference: Reference, kind: str, what: str) -> AgentFailure:
    return AgentFailure("voice", f"reference_{kind}", f"the recording of {reference.speaker}, {reference.wav}, {what}")
