"""summary.json: what a run says about its doctors, computed from its journal; it runs and draws nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from simulator.agreement import agreement_of
from simulator.figures import Entry, case_names, doctor_figures, methods, paired_figures
from simulator.pairing_figures import pairwise_part
from simulator.speech_summary import SpeechRows
from simulator.store import SUMMARY, read_run, write_whole
from simulator.table import MetricTable
from simulator.usage import usage_figures


def build_summary(folder: Path) -> dict[str, Any]:
    """Return the figures of a run, finished or not.

    ``{name, notice, seed, consultations: {planned, finished, scored, by_stop_reason}, doctors: {NAME: {backend,
    n_cases, n, metrics: {METRIC: {mean, ci95, n, n_cases}}, pass: {at_1, at_k, hat_k, k, n_cases}, failures:
    {OWNER: count}, unparsed_rate}}, paired: [{a, b, metric, mean, ci95, p, p_holm, n_cases, wins, ties, losses,
    detectable}], failures: [{owner, kind, count}], usage, agreement, statistics}``. What cannot be had is None.
    Once doctors were compared by a referee there is ``pairwise`` as well: see ``simulator.pairing_figures``.

    Raises:
        RunFolderError: ``folder`` is no run folder or one of its files cannot be read.
    """
    return _figures(folder, MetricTable.read(folder))


def write_summary(folder: Path) -> dict[str, Any]:
    """Compute the figures, write them to summary.json and return them.

    They are those of ``build_summary`` and, where somebody was heard, ``speech``: see ``simulator.speech_summary``.
    """
    speech = SpeechRows()
    summary = _figures(folder, MetricTable.read(folder, speech.see))
    summary |= speech.part(folder, read_run(folder), summary["doctors"])
    write_whole(folder / SUMMARY, json.dumps(summary, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    return summary


def _figures(folder: Path, table: MetricTable) -> dict[str, Any]:
    return summarise(read_run(folder), table) | pairwise_part(folder, table.names["doctor"])


def summarise(described: dict[str, Any], table: MetricTable) -> dict[str, Any]:
    """Return the figures of a table that has been read already."""
    entries = entries_of(described, table)
    return {
        "name": described.get("name", ""),
        "notice": described.get("notice", ""),
        "seed": described.get("seed"),
        "consultations": consultations(described, table),
        "doctors": doctor_figures(entries),
        "paired": paired_figures(entries, case_names(entries)),
        "failures": failures([table]),
        "usage": usage_figures(described, table.usage),
        "agreement": agreement_of(table.metrics),
        "statistics": methods(),
    }


def entries_of(described: dict[str, Any], table: MetricTable, prefix: str = "") -> list[Entry]:
    """Return the run's doctors, those of the batch first, as entries called ``prefix`` + name."""
    batch = described.get("batch", {}).get("doctors", {})
    return [
        Entry(prefix + doctor, str(batch.get(doctor, {}).get("backend", "")), table, doctor)
        for doctor in table.names["doctor"]
    ]


def consultations(described: dict[str, Any], table: MetricTable) -> dict[str, Any]:
    """Return how many consultations were planned at the start and are finished; a run may have grown since."""
    planned = max(int(described.get("planned", 0)), len(table))
    stops = Counter(table.names["stop"][index] for index in table.stop.tolist())
    return {
        "planned": planned, "finished": len(table), "scored": int(table.scored.sum()),
        "by_stop_reason": dict(sorted(stops.items())),
    }


def failures(tables: list[MetricTable]) -> list[dict[str, Any]]:
    """Return what went wrong, most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for table in tables:
        for (_doctor, owner, kind), count in table.failures.items():
            counts[owner, kind] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"owner": owner, "kind": kind, "count": count} for (owner, kind), count in ranked]
