"""One case under several doctors, exchange by exchange, with what differs; it reads no run and knows no route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scenarios.schema import Case, Consultation
from simulator.showing.case_pairs import PairRow, Trials, over_trials, pair_rows, run_differences
from simulator.showing.chat import CaseCard, Column, TurnView
from simulator.showing.consultation_page import case_card, column_of
from simulator.showing.elicited import Item, elicited
from simulator.showing.links import Links
from simulator.showing.preferences import Preferred

MOST = 6
"""Columns that still can be read side by side."""


@dataclass(frozen=True)
class Entrant:
    """One doctor who met the case. ``choice`` is its name in an address: the doctor, or RUN/DOCTOR of another run.

    ``measured`` holds, by trial, what was measured of each turn's sound.
    """

    choice: str
    run: str
    doctor: str
    trials: Trials
    measured: Mapping[int, Mapping[int, Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """A doctor that can be chosen, with the run it is of ('' for the page's own)."""

    value: str
    name: str
    run: str
    chosen: bool


@dataclass(frozen=True)
class Block:
    """Two doctors in figures: the first column against another one; ``whole`` when both are of the page's run."""

    a: str
    b: str
    trials: int
    whole: bool
    rows: tuple[PairRow, ...]


@dataclass(frozen=True)
class Comparison:
    """What the template of a comparison shows; addresses are '' where there is nothing to go to."""

    run: str
    card: CaseCard
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    items: tuple[Item, ...]
    preferred: tuple[Preferred, ...]
    choices: tuple[Choice, ...]
    trial: int
    trials: tuple[int, ...]
    notices: tuple[str, ...]
    previous_href: str = ""
    next_href: str = ""


def compare_columns(
    entrants: Sequence[Entrant], case: Case | None, links: Links, trial: int
) -> tuple[Column, ...]:
    """Return a column an entrant: the asked-for trial or, where it is missing, the first there is, which is noted."""
    columns = []
    for at, one in enumerate(entrants):
        shown = one.trials.get(trial) or one.trials[min(one.trials)]
        note = "" if shown.key.trial == trial else f"trial {trial + 1} is not there"
        column = column_of(
            shown, case, links, one.run, href=links.consultation(one.run, shown.key), at=at,
            measured=one.measured.get(shown.key.trial),
        )
        columns.append(replace(column, name=one.choice, over_trials=over_trials(one.trials), note=note))
    return mark_shared(columns)


def mark_shared(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns with the turns marked that all of them say in the same words at the same place."""
    if len(columns) < 2:
        return tuple(columns)
    first, *others = columns
    same = {
        (exchange, place)
        for exchange, views in first.rounds.items()
        for place, view in enumerate(views)
        if all(_says(column, exchange, place, view) for column in others)
    }
    return tuple(
        replace(column, rounds={
            exchange: tuple(replace(view, shared=(exchange, place) in same) for place, view in enumerate(views))
            for exchange, views in column.rounds.items()
        })
        for column in columns
    )


def compare_blocks(entrants: Sequence[Entrant], run: str, summary: Mapping[str, Any]) -> tuple[Block, ...]:
    """Return the first entrant against each other one.

    Args:
        entrants: who is compared.
        run: the page's run, whose figures ``summary`` holds.
        summary: ``paired`` of it is read: see ``simulator.summary.build_summary``.
    """
    first, *others = entrants
    blocks = []
    for other in others:
        ours = first.run == other.run == run
        wide = run_differences(summary, first.doctor, other.doctor) if ours else {}
        rows = pair_rows(first.trials, other.trials, wide, "no case that both have scored")
        trials = len(first.trials.keys() & other.trials.keys())
        blocks.append(Block(first.choice, other.choice, trials, ours, rows))
    return tuple(blocks)


def comparison(
    entrants: Sequence[Entrant], case: Case | None, case_id: str, links: Links, run: str, *, trial: int,
    summary: Mapping[str, Any], persona: Any, choices: Sequence[Choice], notices: Sequence[str],
    preferred: Sequence[Preferred] = (), cases: Sequence[str] = (),
) -> Comparison:
    """Return everything the page of ``entrants`` (at least one) shows.

    Args:
        entrants: who is compared, in the order of the columns.
        case: the case; None when the run does not hold it.
        case_id: its id.
        links: where pages are.
        run: the page's run.
        trial: which trial to show.
        summary: the run's figures.
        persona: how the run's patient speaks.
        choices: every doctor that can be chosen.
        notices: what could not be shown, and why.
        preferred: what a referee said of this case.
        cases: the run's cases in the order in which one leafs through them.
    """
    columns = compare_columns(entrants, case, links, trial)
    chosen = [one.choice for one in entrants]
    at = cases.index(case_id) if case_id in cases else -1
    beside = [cases[place] if at >= 0 and 0 <= place < len(cases) else "" for place in (at - 1, at + 1)]
    before, after = (links.compare(run, one, chosen, trial) if one else "" for one in beside)
    return Comparison(
        run=run, card=case_card(case, case_id, persona), columns=columns,
        blocks=compare_blocks(entrants, run, summary), items=elicited(columns, case), preferred=tuple(preferred),
        choices=tuple(choices), trial=trial, trials=tuple(sorted({one for each in entrants for one in each.trials})),
        notices=tuple(notices), previous_href=before, next_href=after,
    )


def _says(column: Column, exchange: int, place: int, view: TurnView) -> bool:
    views = column.rounds.get(exchange, ())
    return place < len(views) and (views[place].turn.role, views[place].turn.text) == (view.turn.role, view.turn.text)


def by_trial(records: Sequence[Consultation]) -> dict[int, Consultation]:
    """Return one doctor's consultations of one case by trial."""
    return {record.key.trial: record for record in sorted(records, key=lambda one: one.key.trial)}
