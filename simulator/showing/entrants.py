"""Finds who is to be compared on one case, in one run or across runs of the same case; it draws nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scenarios.errors import UnknownName
from scenarios.identity import content_hash
from scenarios.schema import Case
from simulator.measured import measured_turns
from simulator.run_index import RunIndex
from simulator.run_list import Run, RunList
from simulator.showing.compare_page import MOST, Choice, Comparison, Entrant, comparison
from simulator.showing.links import Links
from simulator.showing.preferences import preferences

OTHER_RUNS = 20
"""Runs offered beside the page's own, newest first."""


def compare_case(
    runs: RunList, name: str, case_id: str, asked: Sequence[str], trial: int, links: Links
) -> Comparison:
    """Return the comparison of ``asked`` doctors (DOCTOR, or RUN/DOCTOR of another run) on a case; none asked: all.

    A doctor of another run is shown only when that run's case of this id has the same content; else, and when a
    doctor has not met the case, the page says so.

    Raises:
        UnknownName: no such run; no consultation of the case; a doctor that the run does not have.
        RunFolderError: a run that cannot be read.
    """
    run = runs.find(name)
    index = run.index()
    met = doctors_met(index, case_id)
    if not met:
        raise UnknownName("case with a finished consultation", case_id, case_names(index))
    wanted = list(dict.fromkeys(one.removeprefix(f"{name}/") for one in asked)) or met
    notices = [f"Only the first {MOST} of {len(wanted)} doctors are shown."] if len(wanted) > MOST else []
    entrants: list[Entrant] = []
    for choice in wanted[:MOST]:
        found = _entrant(runs, run, case_id, choice)
        if isinstance(found, str):
            notices.append(found)
        else:
            entrants.append(found)
    if not entrants:
        notices.append(f"None of the doctors asked for can be shown; {met[0]} is.")
        entrants = [entrant_of(run, case_id, met[0], met[0])]
    case = run.cases().get(case_id)
    return comparison(
        entrants, case, case_id, links, name, trial=trial, summary=run.summary(), notices=notices,
        persona=run.described.get("batch", {}).get("patient", {}).get("persona"),
        choices=_choices(runs, run, case, met, [one.choice for one in entrants]),
        preferred=preferences(run.folder, case_id, {one.doctor for one in entrants if one.run == name}),
        cases=case_names(index),
    )


def entrant_of(run: Run, case_id: str, doctor: str, choice: str) -> Entrant:
    """Return a doctor with every consultation of the case."""
    table = run.index().table
    here = table.of_doctor(doctor) & (table.case == table.names["case"].index(case_id))
    trials = {int(trial): run.consultation(case_id, doctor, int(trial)) for trial in table.trial[here]}
    return Entrant(choice, run.name, doctor, trials, measured_turns(run.folder, case_id, doctor))


def doctors_met(index: RunIndex, case_id: str) -> list[str]:
    """Return the doctors with a finished consultation of the case, in the batch's order."""
    table = index.table
    if case_id not in table.names["case"]:
        return []
    met = np.unique(table.doctor[table.case == table.names["case"].index(case_id)]).tolist()
    return [table.names["doctor"][doctor] for doctor in met]


def case_names(index: RunIndex) -> list[str]:
    """Return the cases with a finished consultation, sorted."""
    return [index.table.names["case"][case] for case in np.unique(index.table.case).tolist()]


def _entrant(runs: RunList, run: Run, case_id: str, choice: str) -> Entrant | str:
    """Return the doctor, or in one sentence why it is not shown."""
    elsewhere, slash, doctor = choice.rpartition("/")
    theirs = runs.find(elsewhere) if slash else run
    if theirs is not run and (problem := _another_case(run, theirs, case_id)):
        return problem
    if doctor not in doctors_met(theirs.index(), case_id):
        known = theirs.index().table.names["doctor"]
        if doctor not in known:
            raise UnknownName(f"doctor of run {theirs.name}", doctor, known)
        return f"{choice} has no finished consultation of this case."
    return entrant_of(theirs, case_id, doctor, choice)


def _another_case(run: Run, theirs: Run, case_id: str) -> str:
    ours, other = run.cases().get(case_id), theirs.cases().get(case_id)
    if other is None:
        return f"Run {theirs.name} does not hold this case."
    if ours is None or content_hash(ours) != content_hash(other):
        return (f"Run {theirs.name} has a case of this id whose content differs, so its doctors met another patient "
                "and are not shown beside these.")
    return ""


def _choices(
    runs: RunList, run: Run, case: Case | None, met: Iterable[str], chosen: Sequence[str]
) -> list[Choice]:
    """Return this run's doctors, then those of the newest other runs that describe the same case."""
    choices = [Choice(doctor, doctor, "", doctor in chosen) for doctor in met]
    if case is None:
        return choices
    wanted, offered = content_hash(case), 0
    for entry in runs.runs():
        if entry.name == run.name or _described_hash(entry.described, case.id) != wanted or offered == OTHER_RUNS:
            continue
        offered += 1
        for doctor in entry.described.get("batch", {}).get("doctors", {}):
            value = f"{entry.name}/{doctor}"
            choices.append(Choice(value, doctor, entry.name, value in chosen))
    return choices


def _described_hash(described: dict[str, Any], case_id: str) -> str:
    return str(described.get("identity", {}).get("cases", {}).get(case_id, ""))
