"""Finds the sound file of a stored turn; what the journal says is data, and nothing outside ``audio/`` is opened."""

from __future__ import annotations

from pathlib import Path

from scenarios.errors import UnknownName
from scenarios.schema import Turn

AUDIO = "audio"
MEDIA_TYPES = {
    ".wav": "audio/wav", ".mp3": "audio/mpeg", ".flac": "audio/flac", ".ogg": "audio/ogg", ".opus": "audio/ogg",
    ".m4a": "audio/mp4", ".webm": "audio/webm",
}


def sound_file(folder: Path, turn: Turn, heard: bool = False) -> tuple[Path, str]:
    """Return where a turn's sound is and its media type.

    Args:
        folder: the run folder.
        turn: a turn of the run; the path it names is relative to ``folder``.
        heard: what arrived behind the room and the line is meant, where that is a sound of its own.

    Raises:
        UnknownName: the turn has no sound, or names a file that is missing, of another kind or, once links are
            followed, outside ``folder/audio``.
    """
    audio = turn.heard_audio if heard else turn.audio
    named = audio.path if audio else ""
    try:
        path = (folder / named).resolve(strict=True)
        inside = path.is_relative_to(folder.resolve(strict=True) / AUDIO) and path.is_file()
    except (OSError, ValueError, RuntimeError):
        inside = False
    if not named or not inside or path.suffix.lower() not in MEDIA_TYPES:
        raise UnknownName("sound of turn", str(turn.index + 1), ())
    return path, MEDIA_TYPES[path.suffix.lower()]
