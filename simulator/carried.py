"""Takes the sound of a run along into another run folder, with what was measured of it; it knows no consultation."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from agents.sound.shelf import AUDIO
from scenarios.errors import RunFolderError
from simulator.measuring.lines import SOUND


def carry_sound(run: Path, out: Path) -> None:
    """Put the sounds of ``run`` into ``out``: the same files where the disk can share them, else copies.

    Links in the audio folder are not followed. Raises RunFolderError when ``out`` cannot be written.
    """
    try:
        for file in sorted((run / AUDIO).glob("*/*.wav")):
            if file.is_symlink() or file.parent.is_symlink() or not file.is_file():
                continue
            there = out / AUDIO / file.parent.name / file.name
            there.parent.mkdir(parents=True, exist_ok=True)
            _same(file, there)
        if (run / SOUND).is_file():
            shutil.copyfile(run / SOUND, out / SOUND)
    except OSError as error:
        raise RunFolderError(f"cannot write the sounds of {run} into {out}: {error.strerror}") from error


def _same(file: Path, there: Path) -> None:
    if there.exists():
        return
    try:
        os.link(file, there)
    except OSError:
        shutil.copyfile(file, there)
