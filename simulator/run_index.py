"""What a run's pages need of its journal, so that no page reads it again; kept in a file that may be deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from scenarios.errors import RunFolderError
from scenarios.files import replace_whole
from scenarios.schema import KeyId
from simulator.report_data import Curves, Reasons
from simulator.run_cases import CaseNote, read_notes, read_slice
from simulator.run_rows import Gathered
from simulator.store import CASES, CONSULTATIONS, read_run
from simulator.table import Ints, MetricTable

INDEX = ".index.json"
"""Derived from consultations.jsonl and cases.jsonl: deleting it costs one reading of the journal."""

VERSION = 1
EVERY = 500
"""An unfinished run's index is written again when it has so many consultations more than the file."""

TAIL_BYTES = 4_096


@dataclass(frozen=True)
class RunIndex:
    """Every finished consultation of a run as columns; row k of ``table``, ``offset`` and ``length`` is one of them.

    Rows are sorted by case, doctor and trial. ``offset`` and ``length`` are bytes in consultations.jsonl; shape
    (rows,). ``failures`` holds for rows that have some the words ``owner: kind``. ``curves`` and ``reasons`` are what
    the figures need besides. ``revision`` changes with the journal.
    """

    table: MetricTable
    offset: Ints
    length: Ints
    failures: Mapping[int, tuple[str, ...]]
    notes: Mapping[str, CaseNote]
    curves: Curves
    reasons: Reasons
    revision: str

    def __len__(self) -> int:
        """Return the number of finished consultations."""
        return len(self.offset)

    def place(self, case: str, doctor: str, trial: int) -> int | None:
        """Return the row of a consultation, None when the run has none such."""
        names, table = self.table.names, self.table
        if case not in names["case"] or doctor not in names["doctor"]:
            return None
        here = (table.case == names["case"].index(case)) & (table.doctor == names["doctor"].index(doctor))
        found = np.flatnonzero(here & (table.trial == trial))
        return int(found[0]) if len(found) else None

    def key(self, row: int) -> KeyId:
        """Return whose consultation a row is."""
        names, table = self.table.names, self.table
        return KeyId(names["case"][table.case[row]], names["doctor"][table.doctor[row]], int(table.trial[row]))


class Stamp(NamedTuple):
    """How a file looked: when size and time are the same it was not changed; ``inode`` says it is the same file."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Look at ``path``; a missing file has a stamp too. Raises RunFolderError."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return cls(0, 0, 0)
        except OSError as error:
            raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)

    def same(self, other: Stamp) -> bool:
        """Whether nothing was written between the two looks; a copy of a folder keeps its index."""
        return self[:2] == other[:2]


class IndexFile:
    """The index of one run folder, kept up to date: in memory, and in the folder where that can be written."""

    def __init__(self, folder: Path) -> None:
        """Prepare; reads nothing."""
        self._folder, self._path, self._journal = folder, folder / INDEX, folder / CONSULTATIONS
        self._gathered: Gathered | None = None
        self._seen, self._cases = Stamp(0, 0, 0), Stamp(0, 0, 0)
        self._covered, self._tail, self._kept = 0, "", -1
        self._view: RunIndex | None = None
        self._broken = ""

    def index(self) -> RunIndex:
        """Return the index as the journal is now. Unchanged: two looks at files; grown: the new lines are read.

        Raises:
            RunFolderError: no run folder, or a line of the journal or of the cases that cannot be understood.
        """
        journal, cases = Stamp.of(self._journal), Stamp.of(self._folder / CASES)
        if self._view is not None and journal.same(self._seen) and cases.same(self._cases):
            return self._view
        if self._broken and journal.same(self._seen) and cases.same(self._cases):
            raise RunFolderError(self._broken)
        described = read_run(self._folder)
        if self._gathered is None:
            self._load()
        gathered = self._gathered if self._continues(journal, cases) else None
        if gathered is None or not journal.same(self._seen):
            gathered = self._read_on(gathered, journal, cases)
            if len(gathered) - self._kept >= EVERY or len(gathered) >= int(described.get("planned", 0)):
                self.keep()
        self._view = view(gathered, described.get("batch", {}).get("doctors", {}), self._tail)
        return self._view

    def _continues(self, journal: Stamp, cases: Stamp) -> bool:
        """Whether what was gathered is the beginning of the journal as it is now."""
        if self._gathered is None or not cases.same(self._cases):
            return False
        if journal.same(self._seen):
            return True
        grown = journal.inode == self._seen.inode and journal.size >= self._covered
        return grown and self._tail_hash() == self._tail

    def _read_on(self, before: Gathered | None, journal: Stamp, cases: Stamp) -> Gathered:
        """Take in the whole lines behind those of ``before``, all without it; after an error nothing is held."""
        covered, kept = (self._covered, self._kept) if before is not None else (0, -1)
        self._gathered, self._view, self._seen, self._cases = None, None, journal, cases
        try:
            gathered = before if before is not None else Gathered.empty(read_notes(self._folder))
            covered = self._take(gathered, covered)
        except RunFolderError as error:
            self._broken = "" if isinstance(error.__cause__, OSError) else str(error)
            raise
        self._gathered, self._covered, self._kept, self._broken = gathered, covered, kept, ""
        self._tail = self._tail_hash()
        return gathered

    def _take(self, gathered: Gathered, covered: int) -> int:
        """Add the journal's whole lines from byte ``covered`` on; return the byte behind the last."""
        try:
            with self._journal.open("rb") as file:
                file.seek(covered)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    gathered.add(line, covered, self._folder, CONSULTATIONS)
                    covered += len(line)
        except FileNotFoundError:
            return covered
        except OSError as error:
            raise RunFolderError(f"cannot read {self._journal}: {error.strerror}") from error
        return covered

    def _tail_hash(self) -> str:
        start = max(0, self._covered - TAIL_BYTES)
        if not self._covered:
            return ""
        return hashlib.sha256(read_slice(self._journal, start, self._covered - start)).hexdigest()

    def _load(self) -> None:
        """Take the folder's index file when it is whole and of this version; it is matched with the journal later."""
        try:
            head, _, body = self._path.read_bytes().partition(b"\n")
            if head.decode("ascii") != heading(body):
                return
            data = json.loads(body)
            gathered = Gathered.load(data["gathered"])
            seen, cases = Stamp(*data["journal"]), Stamp(*data["cases"])
            self._covered, self._tail = int(data["covered"]), str(data["tail"])
        except (OSError, ValueError, TypeError, KeyError):
            return
        self._gathered, self._seen, self._cases, self._kept = gathered, seen, cases, len(gathered)

    def keep(self) -> None:
        """Write the index file unless it is there already; in a folder that cannot be written there is none."""
        gathered = self._gathered
        if gathered is None or self._kept == len(gathered):
            return
        data: dict[str, Any] = {
            "journal": list(self._seen), "cases": list(self._cases), "covered": self._covered, "tail": self._tail,
            "gathered": gathered.dump(),
        }
        body = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        try:
            if not self._path.with_name(f".{INDEX}.tmp").is_symlink():
                replace_whole(self._path, [heading(body.encode("ascii")), "\n", body])
                self._kept = len(gathered)
        except OSError:
            self._kept = len(gathered)


def heading(body: bytes) -> str:
    """Return the first line of an index file: what it is, which version, and the hash of what follows."""
    return f"clinic-index {VERSION} {hashlib.sha256(body).hexdigest()}"


def view(gathered: Gathered, doctors: Mapping[str, Any], tail: str) -> RunIndex:
    """Return what was gathered as sorted columns that later lines do not change."""
    table, order = gathered.table(doctors)
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return RunIndex(
        table=table, offset=np.array(gathered.offsets, np.int64)[order],
        length=np.array(gathered.lengths, np.int64)[order],
        failures={int(back[row]): words for row, words in gathered.failed.items()},
        notes=gathered.notes, curves=Curves(dict(gathered.curves.sums), dict(gathered.curves.counts)),
        reasons=Reasons(gathered.reasons.counts.copy()), revision=f"{len(gathered)}-{tail[:16]}",
    )


def write_index(folder: Path) -> None:
    """Leave an index beside a run's journal, so that its first page is quick; raises RunFolderError."""
    file = IndexFile(folder)
    file.index()
    file.keep()
