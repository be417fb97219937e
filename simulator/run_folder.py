"""One run folder opened for reading: described, indexed, searched; what was read is held until the files change."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import ValidationError

from scenarios.errors import RunFolderError, UnknownName
from scenarios.schema import Case, Consultation
from simulator.pairing_figures import pairwise_part
from simulator.pairing_store import PAIRINGS
from simulator.run_cases import CaseShelf, read_slice
from simulator.run_index import IndexFile, RunIndex, Stamp
from simulator.run_search import Found, search, words_of
from simulator.store import CONSULTATIONS, RUN, SUMMARY, TURNS, read_run
from simulator.summary import summarise

LATELY_S = 300.0
"""A run is under way when something was written so lately: longer than most turns may take."""

SEARCHES = 8
"""Searches whose results are held, so that turning a page reads no transcript again."""

SUMMARY_KEYS = frozenset({"consultations", "doctors", "paired", "failures", "usage", "statistics"})


class Run:
    """One run folder. Every method may be called from any thread and reads the disk only when the files changed."""

    def __init__(self, name: str, folder: Path) -> None:
        """Prepare; reads nothing."""
        self.name, self.folder = name, folder
        self._lock, self._figures = Lock(), Lock()
        self._described: tuple[Stamp, dict[str, Any]] | None = None
        self._counted: tuple[Stamp, int, int] = (Stamp(0, 0, 0), 0, 0)
        self._stored: tuple[Stamp, dict[str, Any] | None] | None = None
        self._summary: tuple[object, dict[str, Any]] | None = None
        self._searches: dict[tuple[str, tuple[str, ...]], Found] = {}
        self._file = IndexFile(folder)
        self._shelf: tuple[RunIndex, CaseShelf] | None = None

    @property
    def described(self) -> dict[str, Any]:
        """What run.json says; raises RunFolderError when it says nothing that can be shown."""
        stamp = Stamp.of(self.folder / RUN)
        if self._described is None or not self._described[0].same(stamp):
            self._described = (stamp, _checked(self.folder / RUN, read_run(self.folder)))
        return self._described[1]

    @property
    def created_at(self) -> str:
        """When the run began, ISO 8601 in UTC; where run.json does not say so, when that was written."""
        stated = str(self.described.get("created_at", ""))
        written = datetime.fromtimestamp(Stamp.of(self.folder / RUN).mtime_ns / 1e9, UTC)
        return stated or written.isoformat(timespec="seconds")

    def finished(self) -> int:
        """Return how many consultations are finished, without understanding them: the journal's whole lines."""
        stamp = Stamp.of(self.folder / CONSULTATIONS)
        before, covered, count = self._counted
        if not stamp.same(before):
            again = stamp.inode == before.inode and stamp.size >= covered
            covered, count = _count_lines(self.folder / CONSULTATIONS, *((covered, count) if again else (0, 0)))
            self._counted = (stamp, covered, count)
        return count

    def underway(self, finished: int) -> bool:
        """Whether the run is being written, as far as its files tell."""
        last = max(Stamp.of(self.folder / name).mtime_ns for name in (TURNS, CONSULTATIONS, RUN)) / 1e9
        return finished < int(self.described["planned"]) and time.time() - last < LATELY_S

    def index(self) -> RunIndex:
        """Return the columns of every finished consultation; raises RunFolderError."""
        with self._lock:
            return self._file.index()

    def cases(self) -> Mapping[str, Case]:
        """Return the patients by id; each is read when it is asked for."""
        index = self.index()
        if self._shelf is None or self._shelf[0].notes is not index.notes:
            self._shelf = (index, CaseShelf(self.folder, index.notes))
        return self._shelf[1]

    def consultation(self, case: str, doctor: str, trial: int) -> Consultation:
        """Return one consultation from its place in the journal.

        Raises:
            UnknownName: the run has no such case or doctor, or not this trial of it.
            RunFolderError: the journal changed while it was read.
        """
        index = self.index()
        row = index.place(case, doctor, trial)
        if row is None:
            raise _unknown(index, case, doctor, trial)
        path = self.folder / CONSULTATIONS
        line = read_slice(path, int(index.offset[row]), int(index.length[row]))
        try:
            record = Consultation.model_validate_json(line)
        except ValidationError as error:
            raise RunFolderError(f"{path} was changed while it was read: load the page again") from error
        if (record.key.case, record.key.doctor, record.key.trial) != (case, doctor, trial):
            raise RunFolderError(f"{path} was changed while it was read: load the page again")
        return record

    def summary(self, index: RunIndex | None = None) -> dict[str, Any]:
        """Return the figures of what is finished: summary.json when it speaks of that, else computed from the index.

        ``index``: what the figures are to agree with, when the caller holds one; else as it is now.
        """
        index = index or self.index()
        state = (index.revision, Stamp.of(self.folder / SUMMARY), Stamp.of(self.folder / PAIRINGS))
        with self._figures:
            if self._summary is None or self._summary[0] != state:
                figures = self.stored_summary(len(index))
                if figures is None or not _speaks_of(figures, index, compared=bool(state[2].size)):
                    doctors = index.table.names["doctor"]
                    figures = summarise(self.described, index.table) | pairwise_part(self.folder, doctors)
                self._summary = (state, figures)
            return self._summary[1]

    def stored_summary(self, finished: int) -> dict[str, Any] | None:
        """Return summary.json when it is whole and speaks of ``finished`` consultations, else None."""
        stamp = Stamp.of(self.folder / SUMMARY)
        if self._stored is None or not self._stored[0].same(stamp):
            self._stored = (stamp, _read_summary(self.folder / SUMMARY) if stamp.size else None)
        stored = self._stored[1]
        return stored if stored is not None and stored["consultations"].get("finished") == finished else None

    def search(self, query: str, index: RunIndex) -> Found | None:
        """Return which rows of ``index`` match the words of ``query``; None when it has no word."""
        words = words_of(query)
        if not words:
            return None
        known = self._searches.get((index.revision, words))
        if known is None:
            known = search(self.folder / CONSULTATIONS, index, words)
            with self._lock:
                while len(self._searches) >= SEARCHES:
                    self._searches.pop(next(iter(self._searches)))
                self._searches[index.revision, words] = known
        return known

    def close(self) -> None:
        """Let go of what takes memory; it is read again when asked for."""
        with self._lock:
            self._file, self._shelf, self._summary = IndexFile(self.folder), None, None
            self._searches.clear()


def _checked(path: Path, described: dict[str, Any]) -> dict[str, Any]:
    """Return run.json with the parts that pages show in the types that they need; raises RunFolderError."""
    batch, planned = described.get("batch", {}), described.get("planned", 0)
    if not isinstance(batch, dict) or not isinstance(batch.get("doctors", {}), dict) or not isinstance(planned, int):
        raise RunFolderError(f"{path} is not the description of a run: 'batch' or 'planned' is of another type")
    return {**described, "name": str(described.get("name", "")), "seed": described.get("seed"), "batch": batch,
            "planned": planned}


def _count_lines(path: Path, covered: int, count: int) -> tuple[int, int]:
    """Return the byte behind the last whole line, and the lines, going on from ``covered`` and ``count``."""
    position = covered
    try:
        with path.open("rb") as file:
            file.seek(position)
            while block := file.read(1 << 20):
                if lines := block.count(b"\n"):
                    count += lines
                    covered = position + block.rindex(b"\n") + 1
                position += len(block)
    except FileNotFoundError:
        return 0, 0
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from error
    return covered, count


def _read_summary(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or not data.keys() >= SUMMARY_KEYS or not isinstance(data["consultations"], dict):
        return None
    return data


def _speaks_of(figures: dict[str, Any], index: RunIndex, *, compared: bool) -> bool:
    """Whether a stored summary has the doctors and metrics of ``index``, and comparisons where there are some."""
    doctors = figures["doctors"]
    if not isinstance(doctors, dict) or set(doctors) != set(index.table.names["doctor"]):
        return False
    known = all(set(one.get("metrics", ())) == set(index.table.metrics) for one in doctors.values())
    return known and ("pairwise" in figures or not compared)


def _unknown(index: RunIndex, case: str, doctor: str, trial: int) -> UnknownName:
    """Return the error that says which part of a consultation's name the run does not have."""
    names = index.table.names
    if case not in names["case"]:
        return UnknownName("case of this run", case, names["case"])
    if doctor not in names["doctor"]:
        return UnknownName("doctor of this run", doctor, names["doctor"])
    there = [row for row in range(len(index)) if index.key(row)[:2] == (case, doctor)]
    return UnknownName(f"trial of case {case} with {doctor}", str(trial), [str(index.key(row).trial) for row in there])
