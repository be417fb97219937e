"""Copies the sounds of chosen consultations into a site; it trusts no path that a journal names and hears nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from scenarios.errors import RunFolderError
from scenarios.schema import Consultation, KeyId, Turn
from simulator.showing.sound import AUDIO, MEDIA_TYPES
from simulator.site import names


def copy_sounds(folder: Path, record: Consultation, site: Path) -> tuple[dict[int, str], list[str]]:
    """Copy what was spoken in one consultation.

    Args:
        folder: the run folder.
        record: a consultation of it.
        site: the top of the site, which is being written.

    Returns:
        The file of each turn by its index, relative to ``site``; and the files that the run folder lacks, as the
        journal names them.

    Raises:
        RunFolderError: a turn names what is no plain file below the run's ``audio/`` (a path that climbs out, a
            link, another kind of file), or a sound cannot be copied.
    """
    name = KeyId(record.key.case, record.key.doctor, record.key.trial)
    copied: dict[int, str] = {}
    missing: list[str] = []
    for turn in record.turns:
        if turn.audio is None:
            continue
        source = sound_path(folder, name, turn)
        if source is None:
            missing.append(turn.audio.path)
            continue
        copied[turn.index] = names.sound(name, turn.index, source.suffix.lower())
        _copy(source, site / copied[turn.index])
    return copied, missing


def sound_path(folder: Path, name: KeyId, turn: Turn) -> Path | None:
    """Return the file of a turn's sound, None when it is not there; raises RunFolderError as ``copy_sounds`` does."""
    named = turn.audio.path if turn.audio else ""
    path = PurePosixPath(named)
    plain = path.parts[:1] == (AUDIO,) and len(path.parts) > 1 and ".." not in path.parts
    if not plain or any(char in named for char in "\\\0") or path.suffix.lower() not in MEDIA_TYPES:
        raise _refused(folder, name, turn, f"is no path of a sound below {AUDIO}/")
    place = folder
    for piece in path.parts:
        place /= piece
        if place.is_symlink():
            raise _refused(folder, name, turn, "leads through a link")
    if not place.exists():
        return None
    if not place.is_file():
        raise _refused(folder, name, turn, "is no file")
    return place


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        with open(handle, "rb") as sound, target.open("xb") as file:
            shutil.copyfileobj(sound, file, 1 << 20)
    except OSError as error:
        raise RunFolderError(f"cannot copy the sound {source} to {target}: {error.strerror}") from error


def _refused(folder: Path, name: KeyId, turn: Turn, why: str) -> RunFolderError:
    return RunFolderError(
        f"{folder}: the sound {turn.audio.path if turn.audio else ''!r} of turn {turn.index + 1} (case {name.case}, "
        f"doctor {name.doctor}, trial {name.trial + 1}) {why}. Nothing was exported: mend that line of the journal, or "
        "leave this consultation out."
    )
