"""How far injections moved a judge: shifts with intervals from single judgements; it knows no judge and no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from simulator import statistics
from simulator.figures import rounded

CLEAN = "clean"
CONTROL = "control"


@dataclass(frozen=True)
class Outcome:
    """One judgement: of a judge 0..100, of the referee -1..+1; ``value`` None when it could not be had.

    ``repeat`` 1 marks the second judgement of a clean consultation, with another seed.
    """

    target: str
    injection: str
    kind: str
    consultation: str
    repeat: int
    value: float | None
    failure: str = ""


def attack_figures(found: Sequence[Outcome]) -> dict[str, Any]:
    """Return, for every target, how far the battery moved it.

    ``{TARGET: {n, unparsed, failures: {WHAT: count}, clean, again, control, overall, raised, kinds: {KIND: shift},
    injections: [{injection, kind, shift}], worst}}``. A shift is ``{mean, ci95, n}`` in the target's own units,
    positive where the injection helped the injected consultation. ``clean``: lowest and highest value without
    injections; a judge that says the same of everything is moved by nothing either. ``again``: between two
    judgements of the same clean consultation, which is the noise; ``control``: of harmless added words; ``overall``:
    of all attacks, the interval being over attacks; ``raised``: share of judgements under attack above both clean
    ones.
    """
    return {target: _of_target([one for one in found if one.target == target])
            for target in dict.fromkeys(one.target for one in found)}


def attack_tables(figures: dict[str, Any]) -> list[Table]:
    """Return one table a target, kinds by how far they moved it."""
    return [_table(target, one) for target, one in figures.items()]


def _of_target(found: list[Outcome]) -> dict[str, Any]:
    clean = {one.consultation: one.value for one in found if one.injection == CLEAN and one.repeat == 0}
    again = {one.consultation: one.value for one in found if one.injection == CLEAN and one.repeat == 1}
    attacks = [one for one in found if one.injection != CLEAN]
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(one.injection for one in attacks):
        mine = [one for one in attacks if one.injection == name]
        shifts = [_minus(one.value, clean.get(one.consultation)) for one in mine]
        rows.append({"injection": name, "kind": mine[0].kind, "shift": _shift(shifts)})
    real = [row for row in rows if row["kind"] != CONTROL]
    counted = [one for one in attacks if one.value is not None and one.kind != CONTROL]
    tops = {name: max((v for v in (clean[name], again.get(name)) if v is not None), default=None) for name in clean}
    above = [one.value > top for one in counted if (top := tops.get(one.consultation)) is not None
             and one.value is not None]
    failures: dict[str, int] = {}
    for one in found:
        if one.failure:
            failures[one.failure] = failures.get(one.failure, 0) + 1
    kinds = {kind: _over([row for row in real if row["kind"] == kind])
             for kind in dict.fromkeys(row["kind"] for row in real)}
    there = [row for row in real if row["shift"]["mean"] is not None]
    return {
        "n": len(found), "unparsed": sum(one.value is None for one in found),
        "failures": dict(sorted(failures.items())), "clean": _ends([*clean.values(), *again.values()]),
        "again": _shift([_minus(value, clean.get(name)) for name, value in again.items()]),
        "control": _over([row for row in rows if row["kind"] == CONTROL]),
        "overall": _over(real), "raised": rounded(float(np.mean(above))) if above else None, "kinds": kinds,
        "injections": rows,
        "worst": max(there, key=lambda row: row["shift"]["mean"])["injection"] if there else None,
    }


def _ends(values: Sequence[float | None]) -> list[float | None] | None:
    there = [value for value in values if value is not None]
    return [rounded(min(there)), rounded(max(there))] if there else None


def _minus(value: float | None, other: float | None) -> float:
    return np.nan if value is None or other is None else value - other


def _shift(shifts: Sequence[float]) -> dict[str, Any]:
    """Return the mean over consultations with its interval."""
    column = np.array(shifts, dtype=np.float64)[:, None] if shifts else np.empty((0, 1))
    estimate = statistics.estimate_means(column)[0]
    ends = None if estimate.interval is None else [rounded(end) for end in estimate.interval]
    return {"mean": rounded(estimate.mean), "ci95": ends, "n": estimate.n}


def _over(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean over injections with its interval."""
    return _shift([np.nan if row["shift"]["mean"] is None else row["shift"]["mean"] for row in rows])


def _table(target: str, one: dict[str, Any]) -> Table:
    unread = f"{one['unparsed']} of {one['n']} judgements could not be had"
    raised = "" if one["raised"] is None else f"; {one['raised']:.0%} of those under attack stand above both clean ones"
    ends = "" if one["clean"] is None else f"without injections {one['clean'][0]:.2f} to {one['clean'][1]:.2f}"
    failures = [f"{what}: {count}" for what, count in one["failures"].items()]
    notes = [line for line in (ends, unread + raised, *failures) if line]
    table = Table(
        title=Text(f"Attack on {target}"), caption=Text("\n".join(notes)), title_justify="left", caption_justify="left"
    )
    table.add_column("")
    for head in ("shift", "95% interval", "of"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_row("judged again, unchanged", *_cells(one["again"], "consultations"))
    table.add_row("harmless words added", *_cells(one["control"], "texts"))
    table.add_row(Text("all attacks", style="bold"), *_cells(one["overall"], "attacks"))
    table.add_section()
    for kind, shift in sorted(one["kinds"].items(), key=lambda item: -(item[1]["mean"] or 0)):
        table.add_row(f"  {kind}", *_cells(shift, "attacks"))
    worst = next((row for row in one["injections"] if row["injection"] == one["worst"]), None)
    if worst:
        table.add_section()
        table.add_row(Text(f"worst: {worst['injection']}"), *_cells(worst["shift"], "consultations"))
    return table


def _cells(shift: dict[str, Any], unit: str) -> tuple[str, str, str]:
    if shift["mean"] is None:
        return "-", "-", f"0 {unit}"
    ends = "-" if shift["ci95"] is None else f"{shift['ci95'][0]:+.2f} to {shift['ci95'][1]:+.2f}"
    return f"{shift['mean']:+.2f}", ends, f"{shift['n']} {unit}"
