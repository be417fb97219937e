"""A run's consultations as columns of numbers; it knows where figures stand in the records, not what they mean."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import RunFolderError
from scenarios.schema import Case, Consultation, KeyId
from simulator.store import read_cases, read_consultations, read_run
from simulator.usage import UsageCount

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
See = Callable[[Consultation, Case | None], None]


class AboutCase(Protocol):
    """What the figures need to know of a case."""

    @property
    def department(self) -> str:
        """Where the patient went."""

    @property
    def critical_ids(self) -> frozenset[str]:
        """Ids of the items that count for coverage."""


@dataclass(frozen=True)
class MetricTable:
    """One row a consultation, sorted by case, doctor and trial, so that the order in which a run ended is no matter.

    ``case``, ``doctor``, ``language``, ``department`` and ``stop`` are indexes into ``names[column]``.
    ``metrics`` holds one float column a metric; NaN where the record has none. ``failures`` counts
    (doctor, owner, kind) over all consultations, scored or not; ``usage`` the models' tokens.
    """

    names: dict[str, tuple[str, ...]]
    case: Ints
    doctor: Ints
    trial: Ints
    language: Ints
    department: Ints
    stop: Ints
    scored: NDArray[np.bool_]
    parsed: NDArray[np.bool_]
    exchanges: Ints
    metrics: dict[str, Floats]
    failures: Counter[tuple[str, str, str]]
    usage: UsageCount = field(default_factory=UsageCount)

    def __len__(self) -> int:
        """Return the number of consultations, scored or not."""
        return len(self.case)

    @staticmethod
    def read(folder: Path, see: See | None = None) -> MetricTable:
        """Read consultations.jsonl once.

        Args:
            folder: a run folder, finished or not.
            see: called with each record and its case (None when cases.jsonl lacks it), in the file's order.

        Raises:
            RunFolderError: no run folder, a line that is no consultation, or one consultation stored twice.
        """
        described = read_run(folder)
        cases = read_cases(folder)
        rows = Rows(cases)
        for record in read_consultations(folder):
            rows.add(record, folder)
            if see:
                see(record, cases.get(record.key.case))
        return rows.table(known_doctors=described.get("batch", {}).get("doctors", {}))[0]

    def select(self, doctor: str, metric: str) -> tuple[Ints, Floats]:
        """Return case indexes and values of the doctor's scored consultations that have ``metric``."""
        if doctor not in self.names["doctor"]:
            return np.empty(0, np.int64), np.empty(0)
        values = self.metrics[metric]
        keep = (self.doctor == self.names["doctor"].index(doctor)) & self.scored & ~np.isnan(values)
        return self.case[keep], values[keep]

    def case_means(self, doctor: str, metric: str) -> Floats:
        """Return the doctor's mean over trials for every case, NaN where there is none; shape (cases,)."""
        case, values = self.select(doctor, metric)
        size = len(self.names["case"])
        counts = np.bincount(case, minlength=size)
        sums = np.bincount(case, weights=values, minlength=size)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def of_doctor(self, doctor: str) -> NDArray[np.bool_]:
        """Return which rows are this doctor's."""
        there = self.names["doctor"]
        return np.asarray(self.doctor == (there.index(doctor) if doctor in there else -1))


@dataclass
class Rows:
    """Collects rows in arrays of numbers; strings are kept once each."""

    cases: Mapping[str, AboutCase]
    seen: set[KeyId] = field(default_factory=set)
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    ints: dict[str, array[int]] = field(default_factory=dict)
    metrics: dict[str, array[float]] = field(default_factory=dict)
    failures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    usage: UsageCount = field(default_factory=UsageCount)

    def add(self, record: Consultation, folder: Path) -> None:
        """Take one record in; raises RunFolderError when the run already has it."""
        key = record.key
        name = KeyId(key.case, key.doctor, key.trial)
        if name in self.seen:
            raise RunFolderError(
                f"{folder} holds one consultation twice: case {key.case}, doctor {key.doctor}, trial {key.trial}"
            )
        self.seen.add(name)
        case = self.cases.get(key.case)
        words = {
            "case": key.case, "doctor": key.doctor, "language": record.language,
            "department": case.department if case else "general", "stop": record.stop_reason,
        }
        numbers = {
            "trial": key.trial, "scored": record.scored, "parsed": all(v.parsed for v in record.verdicts),
            "exchanges": record.turns[-1].exchange if record.turns else 0,
        }
        for column, word in words.items():
            known = self.words.setdefault(column, {})
            self._put(column, known.setdefault(word, len(known)))
        for column, number in numbers.items():
            self._put(column, int(number))
        self._metrics(record.metrics)
        self.usage.see(record)
        self.failures.update((key.doctor, failure.owner, failure.kind) for failure in record.failures)

    def _put(self, column: str, number: int) -> None:
        self.ints.setdefault(column, array("q")).append(number)

    def _metrics(self, row: dict[str, float]) -> None:
        before = len(self.seen) - 1
        for metric in row:
            if metric not in self.metrics:
                self.metrics[metric] = array("d", [np.nan]) * before
        for metric, column in self.metrics.items():
            column.append(row.get(metric, np.nan))

    def table(self, known_doctors: Iterable[str]) -> tuple[MetricTable, Ints]:
        """Return the sorted table and, for each of its rows, when it was added (from 0).

        Doctors stand in the batch's order, everything else by name.
        """
        raw: dict[str, Any] = {name: np.array(column, dtype=np.int64) for name, column in self.ints.items()}
        names: dict[str, tuple[str, ...]] = {}
        for column in ("case", "doctor", "language", "department", "stop"):
            met = self.words.get(column, {})
            listed = {"case": self.cases, "doctor": known_doctors}.get(column, ())
            final = _ordered(met, listed, keep_order=column == "doctor")
            move = np.array(_places(met, final), np.int64)
            names[column] = tuple(final)
            raw[column] = move[raw[column]] if met else np.empty(0, np.int64)
        empty = np.empty(0, np.int64)
        order = np.lexsort((raw.get("trial", empty), raw["doctor"], raw["case"]))
        sort = {name: column[order] for name, column in raw.items()}
        table = MetricTable(
            names=names, failures=Counter(self.failures), usage=self.usage,
            metrics={name: np.array(column)[order] for name, column in sorted(self.metrics.items())},
            **{name: sort.get(name, empty) for name in (
                "case", "doctor", "trial", "language", "department", "stop", "exchanges"
            )},
            **{name: sort.get(name, empty).astype(np.bool_) for name in ("scored", "parsed")},
        )
        return table, order


def _ordered(met: Iterable[str], listed: Iterable[str], *, keep_order: bool) -> list[str]:
    if not keep_order:
        return sorted({*met, *listed})
    first = list(dict.fromkeys(listed))
    return first + sorted(set(met).difference(first))


def _places(met: Iterable[str], final: list[str]) -> list[int]:
    place = {word: index for index, word in enumerate(final)}
    return [place[word] for word in met]
