"""What a report shows: numbers for its figures in one pass, packed transcripts in another; knows no HTML."""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.schema import DIMENSIONS, Consultation, KeyId
from simulator.measured import Measured
from simulator.metric_names import label
from simulator.store import read_cases, read_consultations
from simulator.table import AboutCase, Floats

CHUNK_BYTES = 200_000
"""Uncompressed JSON of one chunk: what the browser inflates to open a consultation."""


@dataclass
class Curves:
    """Share of critical items that are out by each exchange, averaged over a doctor's scored consultations.

    After a consultation's end its last share is carried on. A case without critical items says nothing.
    """

    sums: dict[str, Floats] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def see(self, record: Consultation, case: AboutCase | None) -> None:
        """Take in one consultation."""
        if case is None or not case.critical_ids or not record.scored or not record.turns:
            return
        shares = coverage_by_exchange(record, case.critical_ids)
        doctor = record.key.doctor
        before = self.sums.get(doctor, np.zeros(0))
        done = self.counts.get(doctor, 0)
        size = max(len(before), len(shares))
        last = before[-1] if len(before) else 0.0
        self.sums[doctor] = (
            np.concatenate([before, np.full(size - len(before), last)])
            + np.concatenate([shares, np.full(size - len(shares), shares[-1])])
        )
        self.counts[doctor] = done + 1

    def means(self, doctor: str, exchanges: int) -> list[float]:
        """Return the doctor's mean share for exchange 1, 2, ... ``exchanges``; empty without a consultation."""
        if not self.counts.get(doctor):
            return []
        shares = self.sums[doctor] / self.counts[doctor]
        return [float(shares[min(k, len(shares) - 1)]) for k in range(exchanges)]


@dataclass
class Reasons:
    """Why metrics are missing: how often the judges gave which reason for which doctor and metric."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def see(self, record: Consultation, case: AboutCase | None) -> None:
        """Take in one consultation."""
        for verdict in record.verdicts:
            for metric, reason in verdict.not_scored.items():
                if metric not in record.metrics:
                    self.counts[record.key.doctor, metric, reason] += 1

    def main(self) -> dict[tuple[str, str], str]:
        """Return the most frequent reason for each (doctor, metric)."""
        ranked = sorted(self.counts.items(), key=lambda item: (item[1], item[0]))
        return {(doctor, metric): reason for (doctor, metric, reason), _ in ranked}


def coverage_by_exchange(record: Consultation, critical: frozenset[str]) -> Floats:
    """Return the share of ``critical`` that the patient has said by the end of exchange 1, 2, ...; shape (last,)."""
    out: set[str] = set()
    shares = np.zeros(record.turns[-1].exchange)
    for turn in record.turns:
        if turn.role == "patient":
            out |= critical.intersection(turn.disclosed)
        shares[turn.exchange - 1 :] = len(out) / len(critical)
    return shares


def pack(value: Any) -> str:
    """Return JSON, deflated, as base64: what ``DecompressionStream("deflate")`` opens in a browser."""
    return _deflate(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


class Transcripts:
    """Packs consultations and cases in chunks, holding one chunk and a few numbers a consultation at a time."""

    def __init__(self, folder: Path, described: dict[str, Any], finished: int) -> None:
        """Prepare; ``finished`` is how many consultations the figures were made of, and no more are packed."""
        self._folder, self._described, self._finished = folder, described, finished
        self._cases = read_cases(folder)
        self._measured = Measured(folder)
        self._case_place = {case: index for index, case in enumerate(sorted(self._cases))}
        self._words: dict[str, dict[str, int]] = {"doctor": {}, "stop": {}, "failure": {}, "language": {}}
        self._starts: list[int] = []
        self._rows: dict[str, list[Any]] = {name: [] for name in (
            "case", "doctor", "trial", "language", "stop", "exchanges", "scored", "total", "failures"
        )}
        self._case_starts: list[int] = []
        self._metric_names: set[str] = set()

    def case_chunks(self) -> Iterator[str]:
        """Yield the packed cases, sorted by id."""
        texts = (self._cases[name].model_dump_json(exclude_defaults=True) for name in sorted(self._cases))
        yield from _chunks(texts, self._case_starts)

    def chunks(self) -> Iterator[str]:
        """Yield the packed consultations in the order in which they ended."""
        records = islice(read_consultations(self._folder), self._finished)
        yield from _chunks((self._note(record) for record in records), self._starts)

    def index(self) -> str:
        """Return, once all chunks are out, the packed list of what is where."""
        cases = [self._card(name) for name in self._case_place]
        batch = self._described.get("batch", {})
        return pack({
            "name": self._described.get("name", ""),
            "persona": batch.get("patient", {}).get("persona", {}),
            "cases": cases, "rows": self._rows, "starts": self._starts, "case_starts": self._case_starts,
            **{name: list(words) for name, words in self._words.items()},
            "doctors": list(batch.get("doctors", {})),
            "dimensions": {name: words["en"] for name, words in DIMENSIONS.items()},
            "labels": {name: label(name) for name in sorted(self._metric_names)},
        })

    def _note(self, record: Consultation) -> str:
        key = record.key
        self._metric_names.update(record.metrics)
        row = {
            "case": self._case_place.setdefault(key.case, len(self._case_place)),
            "doctor": self._word("doctor", key.doctor), "trial": key.trial,
            "language": self._word("language", record.language), "stop": self._word("stop", record.stop_reason),
            "exchanges": record.turns[-1].exchange if record.turns else 0, "scored": int(record.scored),
            "total": record.metrics.get("total"),
            "failures": [self._word("failure", f"{one.owner}: {one.kind}") for one in record.failures],
        }
        for name, value in row.items():
            self._rows[name].append(value)
        data = record.model_dump(mode="json", exclude_defaults=True)
        data["key"]["seed"] = str(key.seed)
        measured = self._measured.turns(KeyId(key.case, key.doctor, key.trial))
        for turn in data.get("turns", ()) if measured else ():
            if found := measured.get(turn.get("index", 0)):
                turn["measured"] = found
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

    def _word(self, column: str, word: str) -> int:
        known = self._words[column]
        return known.setdefault(word, len(known))

    def _card(self, name: str) -> dict[str, str]:
        case = self._cases.get(name)
        if case is None:
            return {"id": name}
        return {
            "id": name, "title": case.title, "language": case.language, "department": case.department,
            "diagnosis": case.diagnosis.name if case.diagnosis else "", "complaint": case.chief_complaint,
        }


def _chunks(texts: Iterable[str], starts: list[int]) -> Iterator[str]:
    """Yield packed JSON arrays of about CHUNK_BYTES; ``starts`` receives the number of each one's first text."""
    held: list[str] = []
    size = done = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= CHUNK_BYTES:
            starts.append(done)
            yield _deflate(f"[{','.join(held)}]")
            done, held, size = done + len(held), [], 0
    if held:
        starts.append(done)
        yield _deflate(f"[{','.join(held)}]")


def _deflate(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode("ascii")
