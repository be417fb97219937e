"""A patient's sound before it is said: read, bounded, at the rate that doctors hear; it knows no doctor."""

from __future__ import annotations

from pathlib import Path

from agents.sound.wave import Sound, read_sound, resampled
from scenarios.errors import SoundError
from scenarios.schema import HEARD_HZ

SHORTEST_S = 0.1
KINDS = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".caf"})
"""Names that a typed line is taken for a file by."""


def read_turn(path: Path, longest_s: float) -> Sound:
    """Return the sound of a file as one turn, 16 kHz; blocks.

    Raises:
        SoundError: missing, not_audio, empty, too_long or corrupt.
        MissingExtra: soundfile is not installed.
    """
    return as_turn(read_sound(path, max_seconds=longest_s), str(path), longest_s)


def as_turn(sound: Sound, name: str, longest_s: float) -> Sound:
    """Return ``sound`` at 16 kHz. Raises SoundError: empty or too_long."""
    if sound.seconds < SHORTEST_S:
        raise SoundError("empty", f"{name} holds {sound.seconds:.2f} s of sound: a turn has {SHORTEST_S:g} s at least")
    if sound.seconds > longest_s:
        raise SoundError("too_long", f"{name} is {sound.seconds:.0f} s long, and at most {longest_s:g} s are read: "
                                     f"cut it")
    return resampled(sound, HEARD_HZ)


def named_in(line: str) -> Path | None:
    """Return the file that a line names and nothing else, as a terminal writes one that is dropped on it."""
    text = line.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    text = text.replace("\\ ", " ")
    path = Path(text).expanduser() if text and "\x00" not in text and len(text) < 1000 else None
    return path if path is not None and path.suffix.lower() in KINDS and _is_file(path) else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
