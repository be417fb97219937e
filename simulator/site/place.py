"""Puts a finished site where it belongs, whole or not at all; it knows which folders are sites, not what is on them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scenarios.errors import InputError
from simulator.site.names import TOP

MARKER = "clinic-site.json"
"""Says that a folder is a site made here, and of which run."""

MADE_BY = "clinic export --format site"


@contextmanager
def new_site(target: Path, about: Mapping[str, Any]) -> Iterator[Path]:
    """Give a folder to write a site into; at the end it takes the place of ``target``.

    The site is written beside ``target`` (``.NAME.partial``). After an error or a kill ``target`` is as it was.

    Args:
        target: where the site will be: a folder that is missing, empty or a site made here.
        about: what the marker says beside who made it.

    Raises:
        InputError: ``target`` is something else, cannot be written, or is being written by another export.
    """
    target = Path(os.path.abspath(target))
    partial, before = (target.with_name(f".{target.name}.{word}") for word in ("partial", "before"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if before.is_dir() and not target.exists():
            before.rename(target)
        check_target(target)
        lock = _begin(partial)
    except OSError as error:
        raise InputError(f"cannot write the site {target}: {error.strerror}") from error
    try:
        marker = {"made_by": MADE_BY, "format": 1, **about}
        (partial / MARKER).write_text(json.dumps(marker, ensure_ascii=False, indent=2) + "\n", "utf-8")
        yield partial
        check_target(target)
        _swap(partial, target, before)
    except OSError as error:
        raise InputError(f"cannot write the site {target}: {error.strerror}") from error
    finally:
        if partial.exists():
            shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)


def check_target(target: Path) -> None:
    """Raise InputError unless a site may take the place of ``target``."""
    if not target.is_symlink() and not target.exists():
        return
    if target.is_symlink() or not target.is_dir():
        raise InputError(f"{target} is not a folder. Choose another -o.")
    entries = sorted(entry.name for entry in target.iterdir())
    if entries and not _is_marked(target):
        raise InputError(f"{target} is not empty and is no site made by clinic export. Choose another -o.")
    if strange := [name for name in entries if not TOP.fullmatch(name)]:
        raise InputError(
            f"{target} holds what clinic export did not write ({', '.join(strange[:3])}), which replacing the site "
            "would delete. Move it away, or choose another -o and copy the site over."
        )


def _is_marked(folder: Path) -> bool:
    try:
        marker = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(marker, dict) and marker.get("made_by") == MADE_BY


def _begin(partial: Path) -> int:
    """Return the open lock of an empty folder ``partial``; what a killed export left there is removed."""
    if partial.is_symlink():
        raise InputError(f"{partial} is a link. Remove it.")
    partial.mkdir(exist_ok=True)
    handle = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not partial.exists() or not os.path.samestat(os.fstat(handle), partial.stat()):
            raise BlockingIOError
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"another export is writing {partial}. Wait for it, or choose another -o.") from None
    left = list(partial.iterdir())
    if strange := [entry.name for entry in left if not TOP.fullmatch(entry.name)]:
        os.close(handle)
        raise InputError(f"{partial} holds what clinic export did not write ({strange[0]}). Remove it.")
    for entry in left:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return handle


def _swap(partial: Path, target: Path, before: Path) -> None:
    """Give ``partial`` the name ``target``. A kill between the two renames leaves ``before``, which is put back."""
    if before.exists():
        shutil.rmtree(before)
    if target.exists():
        target.rename(before)
    try:
        partial.rename(target)
    except OSError:
        if before.exists():
            before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)
