"""A journal's consultations gathered as columns, line by line, and kept as text; it decides nothing about files."""

from __future__ import annotations

import base64
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from scenarios.errors import RunFolderError
from scenarios.schema import Consultation, KeyId
from simulator.report_data import Curves, Reasons
from simulator.run_cases import CaseNote, briefly
from simulator.table import Ints, MetricTable, Rows
from simulator.usage import Spent, UsageCount

WORDS = ("case", "doctor", "language", "department", "stop")
NUMBERS = ("trial", "scored", "parsed", "exchanges")


@dataclass
class Gathered:
    """What the lines so far said, in the order of the file.

    ``offsets`` and ``lengths`` say in bytes where each consultation stands; ``failed`` holds, for the rows that have
    failures, their words ``owner: kind``.
    """

    notes: dict[str, CaseNote]
    rows: Rows
    curves: Curves = field(default_factory=Curves)
    reasons: Reasons = field(default_factory=Reasons)
    offsets: array[int] = field(default_factory=lambda: array("q"))
    lengths: array[int] = field(default_factory=lambda: array("q"))
    failed: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @staticmethod
    def empty(notes: dict[str, CaseNote]) -> Gathered:
        """Return nothing yet, of a run with these cases."""
        return Gathered(notes, Rows(notes))

    def __len__(self) -> int:
        """Return the number of consultations."""
        return len(self.offsets)

    def add(self, line: bytes, offset: int, folder: Path, name: str) -> None:
        """Take in one whole line; raises RunFolderError when it is no consultation or was there before."""
        try:
            record = Consultation.model_validate_json(line)
        except ValidationError as error:
            raise RunFolderError(
                f"{folder / name}:{len(self) + 1}: is not a consultation: {briefly(error)}. "
                f"Restore the file or take the line out."
            ) from error
        if len(self.rows.seen) < len(self):
            self.rows.seen = self._names()
        self.rows.add(record, folder)
        case = self.notes.get(record.key.case)
        self.curves.see(record, case)
        self.reasons.see(record, case)
        if record.failures:
            self.failed[len(self)] = tuple(dict.fromkeys(f"{one.owner}: {one.kind}" for one in record.failures))
        self.offsets.append(offset)
        self.lengths.append(len(line))

    def table(self, known_doctors: Iterable[str]) -> tuple[MetricTable, Ints]:
        """Return the figures' table and the place in the file of each of its rows; later lines change neither."""
        table, order = self.rows.table(known_doctors)
        usage = UsageCount({who: Spent(**asdict(spent)) for who, spent in self.rows.usage.sums.items()})
        return replace(table, usage=usage), order

    def dump(self) -> dict[str, Any]:
        """Return everything as JSON values; arrays of numbers as base64 of little-endian 64-bit numbers."""
        rows = self.rows
        return {
            "notes": [vars(note) for note in self.notes.values()],
            "words": {name: list(rows.words.get(name, {})) for name in WORDS},
            "ints": {name: packed(rows.ints.get(name, array("q"))) for name in (*WORDS, *NUMBERS)},
            "metrics": {name: packed(column) for name, column in rows.metrics.items()},
            "failures": [[*who, count] for who, count in rows.failures.items()],
            "usage": [[*who, asdict(spent)] for who, spent in rows.usage.sums.items()],
            "curves": [[name, packed(array("d", sums)), self.curves.counts[name]]
                       for name, sums in self.curves.sums.items()],
            "reasons": [[*who, count] for who, count in self.reasons.counts.items()],
            "offsets": packed(self.offsets), "lengths": packed(self.lengths),
            "failed": [[row, list(words)] for row, words in self.failed.items()],
        }

    @staticmethod
    def load(data: dict[str, Any]) -> Gathered:
        """Return what ``dump`` gave; raises ValueError, TypeError or KeyError when it does not hold together."""
        notes = {note["id"]: CaseNote(**note | {"critical": tuple(note["critical"])}) for note in data["notes"]}
        rows = Rows(
            notes,
            words={name: {word: place for place, word in enumerate(data["words"][name])} for name in WORDS},
            ints={name: integers(data["ints"][name]) for name in (*WORDS, *NUMBERS)},
            metrics={name: floats(text) for name, text in data["metrics"].items()},
            failures=Counter({(doctor, owner, kind): count for doctor, owner, kind, count in data["failures"]}),
            usage=UsageCount({(doctor, role): Spent(**spent) for doctor, role, spent in data["usage"]}),
        )
        gathered = Gathered(
            notes, rows,
            Curves({name: np.array(floats(sums)) for name, sums, _ in data["curves"]},
                   {name: int(count) for name, _, count in data["curves"]}),
            Reasons(Counter({(doctor, metric, why): count for doctor, metric, why, count in data["reasons"]})),
            integers(data["offsets"]), integers(data["lengths"]),
            {int(row): tuple(words) for row, words in data["failed"]},
        )
        gathered._check()
        return gathered

    def _names(self) -> set[KeyId]:
        """Return whose consultations are there; only what is loaded and then grows needs them again."""
        ints, cases, doctors = self.rows.ints, list(self.rows.words["case"]), list(self.rows.words["doctor"])
        return {
            KeyId(cases[case], doctors[doctor], trial)
            for case, doctor, trial in zip(ints["case"], ints["doctor"], ints["trial"], strict=True)
        }

    def _check(self) -> None:
        """Raise ValueError unless all columns are of one length and every word and place is there."""
        columns: list[array[Any]] = [*self.rows.ints.values(), *self.rows.metrics.values(), self.lengths]
        if any(len(column) != len(self) for column in columns):
            raise ValueError("columns of different lengths")
        if not len(self):
            return
        for name in WORDS:
            places = self.rows.ints[name]
            if not 0 <= min(places) <= max(places) < len(self.rows.words[name]):
                raise ValueError(f"unknown word in {name}")
        if min(self.offsets) < 0 or min(self.lengths) < 1:
            raise ValueError("a place outside the file")


def packed(numbers: array[int] | array[float]) -> str:
    """Return 64-bit numbers as base64, little-endian."""
    kind = "<f8" if numbers.typecode == "d" else "<i8"
    return base64.b64encode(np.array(numbers).astype(kind).tobytes()).decode("ascii")


def integers(text: str) -> array[int]:
    """Return what ``packed`` made of integers; raises ValueError."""
    return array("q", np.frombuffer(base64.b64decode(text, validate=True), "<i8").astype(np.int64).tobytes())


def floats(text: str) -> array[float]:
    """Return what ``packed`` made of floats; raises ValueError."""
    return array("d", np.frombuffer(base64.b64decode(text, validate=True), "<f8").astype(np.float64).tobytes())
