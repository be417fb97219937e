"""Writes a run's consultations in other formats; it reads run folders and knows nothing of how they were made."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from data_gen.sharegpt import to_sharegpt
from scenarios.errors import UnknownName
from scenarios.schema import Consultation
from simulator.store import read_consultations, read_run, write_whole

COLUMNS = ("case", "doctor", "trial", "seed", "language", "stop_reason", "scored", "turns", "failures")


def export_run(folder: Path, form: str, output: Path | None, doctors: tuple[str, ...] = ()) -> int:
    """Write the run's consultations as ``sharegpt``, ``jsonl`` or ``csv``; returns how many. Raises RunFolderError."""
    known = read_run(folder)["batch"]["doctors"]
    for name in doctors:
        if name not in known:
            raise UnknownName("doctor of this run", name, known)
    wanted = [c for c in read_consultations(folder) if not doctors or c.key.doctor in doctors]
    wanted.sort(key=lambda c: c.key.sort_key())
    text = WRITERS[form](wanted)
    if output is None:
        sys.stdout.write(text)
    else:
        write_whole(output, text)
    return len(wanted)


def as_sharegpt(consultations: Iterable[Consultation]) -> str:
    """Return a JSON array of ShareGPT dialogues (patient is human, doctor is gpt)."""
    return json.dumps([to_sharegpt(c) for c in consultations], ensure_ascii=False, indent=1) + "\n"


def as_jsonl(consultations: Iterable[Consultation]) -> str:
    """Return one consultation a line, exactly as stored."""
    return "".join(c.model_dump_json() + "\n" for c in consultations)


def as_csv(consultations: Iterable[Consultation]) -> str:
    """Return a table with one consultation a row and one metric a column; an empty cell is 'not scored'."""
    rows = list(consultations)
    metrics = sorted({name for c in rows for name in c.metrics})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *metrics])
    writer.writerows(_rows(rows, metrics))
    return out.getvalue()


def _rows(consultations: Iterable[Consultation], metrics: list[str]) -> Iterator[list[object]]:
    for c in consultations:
        failures = "; ".join(f"{f.owner}: {f.kind}" for f in c.failures)
        key = (c.key.case, c.key.doctor, c.key.trial, c.key.seed)
        row = (*key, c.language, c.stop_reason, int(c.scored), len(c.turns), failures)
        yield [*row, *(c.metrics.get(name, "") for name in metrics)]


WRITERS: dict[str, Callable[[Iterable[Consultation]], str]] = {
    "sharegpt": as_sharegpt, "jsonl": as_jsonl, "csv": as_csv,
}
