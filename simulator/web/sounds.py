"""Answers with the sound file of a turn, whole or in part; which turn, and whose, the routes decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi.responses import FileResponse

from scenarios.errors import UnknownName
from scenarios.schema import Turn
from simulator.showing.sound import sound_file


def turn_of(turns: Sequence[Turn], index: int) -> Turn:
    """Return the turn of this ``Turn.index``; raises UnknownName."""
    for turn in turns:
        if turn.index == index:
            return turn
    raise UnknownName("turn", str(index), [str(turn.index) for turn in turns])


def sound_answer(folder: Path, turn: Turn, heard: bool) -> FileResponse:
    """Return the answer to a request for a sound, or for the range of it that was asked for.

    Args:
        folder: what the turn's paths are relative to.
        turn: the turn.
        heard: what arrived behind the room and the line is meant.

    Raises:
        UnknownName: the turn has no such sound, or names a file that may not be opened.
    """
    path, media_type = sound_file(folder, turn, heard)
    return FileResponse(path, media_type=media_type, headers={"X-Content-Type-Options": "nosniff"})
