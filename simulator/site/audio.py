"""Copies the sounds of chosen consultations into a site; it trusts no path that a journal names and hears nothing."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from scenarios.errors import RunFolderError
from scenarios.schema import AudioRef, Consultation, KeyId, Turn
from simulator.showing.sound import AUDIO, MEDIA_TYPES
from simulator.site import names


@dataclass
class Copied:
    """Files of turns by their index, relative to the site: as spoken, and as heard where that is another sound.

    ``missing`` are the files that the run folder lacks, as the journal names them.
    """

    spoken: dict[int, str] = field(default_factory=dict)
    heard: dict[int, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def copy_sounds(folder: Path, record: Consultation, site: Path) -> Copied:
    """Copy what was spoken in one consultation.

    Args:
        folder: the run folder.
        record: a consultation of it.
        site: the top of the site, which is being written.

    Raises:
        RunFolderError: a turn names what is no plain file below the run's ``audio/`` (a path that climbs out, a
            link, another kind of file), or a sound cannot be copied.
    """
    name = KeyId(record.key.case, record.key.doctor, record.key.trial)
    copied = Copied()
    for turn in record.turns:
        for heard, audio, files in ((False, turn.audio, copied.spoken), (True, turn.heard_audio, copied.heard)):
            if audio is None:
                continue
            source = sound_path(folder, name, turn, audio)
            if source is None:
                copied.missing.append(audio.path)
                continue
            files[turn.index] = names.sound(name, turn.index, source.suffix.lower(), heard)
            _copy(source, site / files[turn.index])
    return copied


def sound_path(folder: Path, name: KeyId, turn: Turn, audio: AudioRef) -> Path | None:
    """Return the file of a sound of a turn, None when it is not there; raises RunFolderError as ``copy_sounds``."""
    named = audio.path
    path = PurePosixPath(named)
    plain = path.parts[:1] == (AUDIO,) and len(path.parts) > 1 and ".." not in path.parts
    if not plain or any(char in named for char in "\\\0") or path.suffix.lower() not in MEDIA_TYPES:
        raise _refused(folder, name, turn, named, f"is no path of a sound below {AUDIO}/")
    place = folder
    for piece in path.parts:
        place /= piece
        if place.is_symlink():
            raise _refused(folder, name, turn, named, "leads through a link")
    if not place.exists():
        return None
    if not place.is_file():
        raise _refused(folder, name, turn, named, "is no file")
    return place


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        with open(handle, "rb") as sound, target.open("xb") as file:
            shutil.copyfileobj(sound, file, 1 << 20)
    except OSError as error:
        raise RunFolderError(f"cannot copy the sound {source} to {target}: {error.strerror}") from error


def _refused(folder: Path, name: KeyId, turn: Turn, named: str, why: str) -> RunFolderError:
    return RunFolderError(
        f"{folder}: the sound {named!r} of turn {turn.index + 1} (case {name.case}, doctor {name.doctor}, trial "
        f"{name.trial + 1}) {why}. Nothing was exported: mend that line of the journal, or "
        "leave this consultation out."
    )
