"""The run folders in one place, and one of them opened for reading; it writes nothing but the derived index."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scenarios.errors import RunFolderError, UnknownName
from scenarios.schema.base import Slug
from simulator.run_folder import Run
from simulator.store import CONSULTATIONS, RUN, TURNS

__all__ = ["Run", "RunEntry", "RunList"]

OPEN = 8
"""Runs whose index stays in memory; the one not asked for the longest goes first."""


OWN = (RUN, CONSULTATIONS, TURNS)
"""A folder with any of these is shown, if only to say what it lacks."""


@dataclass(frozen=True)
class RunEntry:
    """One run in the list.

    ``described`` is its run.json, ``summary`` its summary.json when that speaks of all that is finished. ``problem``
    says what keeps the folder from being opened, '' when nothing does. ``underway``: something was written lately
    and not all is finished.
    """

    name: str
    folder: Path
    described: dict[str, Any]
    finished: int
    planned: int
    created_at: str
    summary: dict[str, Any] | None
    underway: bool = False
    problem: str = ""


class RunList:
    """A folder of run folders, or one run folder. Names are compared with what is there, never made into paths."""

    def __init__(self, root: Path) -> None:
        """Prepare; reads nothing. ``root`` need not exist yet."""
        self.root = root
        self._runs: dict[str, Run] = {}
        self._open: OrderedDict[str, Run] = OrderedDict()
        self._lock = Lock()

    def runs(self) -> list[RunEntry]:
        """Return every run, newest first, broken ones with what is wrong; raises RunFolderError without access."""
        entries = [self._entry(name, folder) for name, folder in self._folders()]
        return sorted(entries, key=lambda one: (one.created_at, one.name), reverse=True)

    def find(self, name: str) -> Run:
        """Return a run opened for reading; raises UnknownName, RunFolderError when it cannot be opened."""
        folders = dict(self._folders())
        if name not in folders:
            raise UnknownName("run", name, folders)
        if problem := _bad_name(name):
            raise RunFolderError(problem)
        run = self._run(name, folders[name])
        with self._lock:
            self._open[name] = run
            self._open.move_to_end(name)
            closing = self._open.popitem(last=False)[1] if len(self._open) > OPEN else None
        if closing:
            closing.close()
        return run

    def _run(self, name: str, folder: Path) -> Run:
        with self._lock:
            return self._runs.setdefault(name, Run(name, folder))

    def _entry(self, name: str, folder: Path) -> RunEntry:
        try:
            if problem := _bad_name(name):
                raise RunFolderError(problem)
            run = self._run(name, folder)
            described, finished = run.described, run.finished()
            planned = max(int(described["planned"]), finished)
            return RunEntry(
                name, folder, described, finished, planned, run.created_at, run.stored_summary(finished),
                underway=run.underway(finished),
            )
        except RunFolderError as error:
            return RunEntry(name, folder, {}, 0, 0, "", None, problem=str(error))

    def _folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the names and folders of what looks like a run; links and everything else are passed over."""
        if _is_run(self.root):
            yield _own_name(self.root), self.root
            return
        try:
            with os.scandir(self.root) as found:
                places = [Path(one.path) for one in found
                          if one.is_dir(follow_symlinks=False) and not one.name.startswith(".")]
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunFolderError(f"cannot read the folder of runs {self.root}: {error.strerror}") from error
        for place in places:
            if _is_run(place):
                yield place.name, place


def _is_run(folder: Path) -> bool:
    """Whether the folder holds a run's own files (a link is not one)."""
    try:
        return any((folder / name).is_file() and not (folder / name).is_symlink() for name in OWN)
    except OSError:
        return False


def _own_name(folder: Path) -> str:
    """Return the name of a run that is the whole list; one that no address can hold becomes ``run``."""
    name = folder.resolve().name
    return "run" if _bad_name(name) else name


def _bad_name(name: str) -> str:
    """Return why a folder's name cannot stand in an address; '' when it can."""
    try:
        TypeAdapter(Slug).validate_python(name)
    except ValidationError:
        return (f"the folder's name {name!r} cannot stand in an address: rename it to letters, digits, '.', '_' "
                f"and '-', at most 100")
    return ""
