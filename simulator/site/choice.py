"""Which consultations a site shows, and the figures of the doctors that it shows; it draws and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scenarios.errors import InputError, UnknownName
from scenarios.schema import KeyId
from simulator.run_folder import Run
from simulator.run_index import RunIndex
from simulator.summary import consultations, failures
from simulator.table import Ints, MetricTable
from simulator.usage import UsageCount


@dataclass(frozen=True)
class Chosen:
    """What is on a site.

    ``figures`` holds every consultation of the chosen ``doctors`` (what tables and plots speak of), ``index`` those
    of the chosen cases (what has a page). ``by_case`` lists these by case, doctors in the batch's order, then trials;
    ``comparable`` are the cases that two doctors or more have met. ``whole``: no doctor of the run is left out.
    """

    figures: RunIndex
    index: RunIndex
    doctors: tuple[str, ...]
    by_case: Mapping[str, tuple[KeyId, ...]]
    comparable: tuple[str, ...]
    whole: bool

    def has(self, name: KeyId) -> bool:
        """Whether the consultation has a page."""
        return name in self.by_case.get(name.case, ())

    def trials(self, case: str) -> tuple[int, ...]:
        """Return the trials that a comparison of ``case`` can show; empty when fewer than two doctors met it."""
        names = self.by_case.get(case, ())
        return tuple(sorted({name.trial for name in names})) if _several(names) else ()


def choose(
    run: Run, index: RunIndex, doctors: Sequence[str] = (), cases: Sequence[str] = (), limit: int | None = None
) -> Chosen:
    """Return the chosen part of a run; nothing chosen: all of it.

    Args:
        run: the run, for messages.
        index: its consultations.
        doctors: only these.
        cases: only these.
        limit: at most so many cases, the first by id.

    Raises:
        UnknownName: a doctor without a consultation in the run, or a case without one.
        InputError: nothing is left to show.
    """
    table, names = index.table, index.table.names
    _all_known("doctor with a finished consultation", doctors, _met(names["doctor"], table.doctor))
    _all_known("case with a finished consultation", cases, _met(names["case"], table.case))
    kept = tuple(name for name in names["doctor"] if not doctors or name in doctors)
    figures = restrict(index, np.isin(table.doctor, _places(names["doctor"], kept)), kept) if doctors else index
    wanted = _places(names["case"], cases) if cases else sorted(set(figures.table.case.tolist()))
    shown = restrict(figures, np.isin(figures.table.case, wanted[:limit] if limit else wanted), kept)
    if not len(shown):
        raise InputError(f"{run.folder} has no finished consultation of what was asked for: there is nothing to show")
    by_case: dict[str, list[KeyId]] = {}
    for row in range(len(shown)):
        name = shown.key(row)
        by_case.setdefault(name.case, []).append(name)
    return Chosen(
        figures, shown, kept, {case: tuple(found) for case, found in by_case.items()},
        tuple(case for case, found in by_case.items() if _several(found)), kept == names["doctor"],
    )


def restrict(index: RunIndex, keep: Any, doctors: tuple[str, ...]) -> RunIndex:
    """Return the rows that ``keep`` marks (shape (rows,)), all of them of ``doctors``; tokens are not counted again."""
    table, reasons = index.table, index.reasons
    places = np.array([doctors.index(name) if name in doctors else -1 for name in table.names["doctor"]], np.int64)
    cut: dict[str, Ints] = {name: getattr(table, name)[keep] for name in
                            ("case", "trial", "language", "department", "stop", "exchanges")}
    rows = np.flatnonzero(keep).tolist()
    short: MetricTable = replace(
        table, **cut, names={**table.names, "doctor": doctors}, scored=table.scored[keep], parsed=table.parsed[keep],
        doctor=places[table.doctor[keep]],
        metrics={name: column[keep] for name, column in table.metrics.items()}, usage=UsageCount(),
        failures=Counter({who: count for who, count in table.failures.items() if who[0] in doctors}),
    )
    return replace(
        index, table=short, offset=index.offset[keep], length=index.length[keep], reasons=reasons,
        failures={new: index.failures[old] for new, old in enumerate(rows) if old in index.failures},
    )


def summary_of(chosen: Chosen, described: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's summary as far as it speaks of the chosen doctors.

    Means, intervals and p-values stay the run's own. What cannot be told apart by doctor is left out: tokens and
    costs, and a referee's ranking.
    """
    if chosen.whole:
        return dict(summary)
    count = consultations(dict(described), chosen.figures.table)
    every = max(1, len(described.get("batch", {}).get("doctors", {})))
    planned = int(described.get("planned", 0)) * len(chosen.doctors) // every
    return {
        **{name: value for name, value in summary.items() if name != "pairwise"}, "usage": None,
        "doctors": {name: one for name, one in summary["doctors"].items() if name in chosen.doctors},
        "paired": [row for row in summary["paired"] if {row["a"], row["b"]} <= set(chosen.doctors)],
        "failures": failures([chosen.figures.table]),
        "consultations": {**count, "planned": max(planned, count["finished"])},
    }


def _several(found: Sequence[KeyId]) -> bool:
    return len({name.doctor for name in found}) > 1


def _met(names: Sequence[str], column: Ints) -> list[str]:
    return [names[place] for place in np.unique(column).tolist()]


def _places(names: Sequence[str], wanted: Iterable[str]) -> list[int]:
    return sorted(names.index(name) for name in set(wanted))


def _all_known(what: str, asked: Iterable[str], known: Iterable[str]) -> None:
    there = set(known)
    for name in asked:
        if name not in there:
            raise UnknownName(what, name, there)
