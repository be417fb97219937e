"""The patients of a run folder without holding them: a note of each, the whole case on demand; knows no figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from scenarios.errors import RunFolderError
from scenarios.schema import Case
from simulator.store import CASES

HELD = 64
"""Whole cases kept in memory; a run may have thousands."""


@dataclass(frozen=True)
class CaseNote:
    """What lists and figures need of a case, and where its line stands in cases.jsonl (bytes)."""

    id: str
    title: str
    language: str
    department: str
    diagnosis: str
    complaint: str
    critical: tuple[str, ...]
    offset: int
    length: int

    @property
    def critical_ids(self) -> frozenset[str]:
        """Ids of the items that count for coverage."""
        return frozenset(self.critical)


def read_notes(folder: Path) -> dict[str, CaseNote]:
    """Return a note of every case by id, reading cases.jsonl once; empty without the file.

    Raises:
        RunFolderError: the file cannot be read, or a line is no case; it names the line.
    """
    path, notes, offset = folder / CASES, {}, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                case = parse_case(line, f"{path}:{number}")
                notes[case.id] = CaseNote(
                    case.id, case.title, case.language, case.department,
                    case.diagnosis.name if case.diagnosis else "", case.chief_complaint,
                    tuple(sorted(case.critical_ids)), offset, len(line),
                )
                offset += len(line)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
    return notes


def parse_case(line: bytes, place: str) -> Case:
    """Return the case of one line; raises RunFolderError that names ``place``."""
    try:
        return Case.model_validate_json(line)
    except ValidationError as error:
        raise RunFolderError(f"{place}: is not a case: {briefly(error)}") from error


def briefly(error: ValidationError) -> str:
    """Return the first thing that is wrong, without repeating what stands in the file."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


class CaseShelf(Mapping[str, Case]):
    """The cases of a run by id; each is read from its place in cases.jsonl when asked for."""

    def __init__(self, folder: Path, notes: Mapping[str, CaseNote]) -> None:
        """Prepare; reads nothing."""
        self._path, self._notes = folder / CASES, notes
        self._held: dict[str, Case] = {}
        self._lock = Lock()

    def __getitem__(self, name: str) -> Case:
        """Return the case; raises KeyError when the run has none of this id, RunFolderError when it moved."""
        note = self._notes[name]
        with self._lock:
            if name in self._held:
                return self._held[name]
        case = parse_case(read_slice(self._path, note.offset, note.length), str(self._path))
        if case.id != name:
            raise RunFolderError(f"{self._path} was changed while it was read: load the page again")
        with self._lock:
            while len(self._held) >= HELD:
                self._held.pop(next(iter(self._held)))
            self._held[name] = case
        return case

    def __iter__(self) -> Iterator[str]:
        """Yield the ids."""
        return iter(self._notes)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self._notes)

    def __contains__(self, name: object) -> bool:
        """Whether the run has a case of this id; reads nothing."""
        return name in self._notes


def read_slice(path: Path, offset: int, length: int) -> bytes:
    """Return ``length`` bytes from ``offset``, fewer at the file's end; raises RunFolderError."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
