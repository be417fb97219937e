"""One stored consultation as its page shows it, with its neighbours; it reads no file and knows no route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.schema import Case, Consultation, Key, KeyId, Persona
from simulator.run_index import RunIndex
from simulator.showing.chat import CaseCard, Column
from simulator.showing.consultation_page import case_card, column_of
from simulator.showing.elicited import Item, elicited
from simulator.showing.links import Links
from simulator.showing.timings import Timed, timings


@dataclass(frozen=True)
class Neighbours:
    """Where a consultation stands among its run's: case by case, doctors in the batch's order, trial by trial.

    ``place`` counts from 1. ``rival`` is another doctor who has met the case, '' when there is none.
    """

    place: int
    places: int
    before: KeyId | None
    after: KeyId | None
    rival: str


@dataclass(frozen=True)
class Reading:
    """What the template of a consultation shows; addresses are '' where there is nothing to go to."""

    run: str
    card: CaseCard
    column: Column
    items: tuple[Item, ...]
    timed: tuple[Timed, ...]
    beside: Neighbours
    previous_href: str
    next_href: str
    compare_href: str


def reading(
    record: Consultation, case: Case | None, links: Links, run: str, beside: Neighbours, *,
    persona: Persona | Mapping[str, Any] | None = None, current: int | None = None,
    measured: Mapping[int, Mapping[str, Any]] | None = None,
) -> Reading:
    """Return everything the page of ``record`` shows.

    Args:
        record: the stored consultation.
        case: its case; None when the run does not hold it.
        links: where pages are.
        run: the run's name.
        beside: from ``neighbours``.
        persona: how the run's patient speaks.
        current: ``Turn.index`` to mark.
        measured: what was measured of each turn's sound: see ``simulator.measured``.
    """
    key = record.key
    column = column_of(
        record, case, links, run, href=links.consultation(run, key), current=current, measured=measured
    )
    before, after = (links.consultation(run, key_of(one)) if one else "" for one in (beside.before, beside.after))
    both = (key.doctor, beside.rival)
    return Reading(
        run=run, card=case_card(case, key.case, persona), column=column, items=elicited([column], case),
        timed=timings(record), beside=beside, previous_href=before, next_href=after,
        compare_href=links.compare(run, key.case, both, key.trial) if beside.rival else "",
    )


def neighbours(index: RunIndex, name: KeyId) -> Neighbours:
    """Return where ``name`` stands; place 0 and no neighbour for what ended after the index was made."""
    row = index.place(*name)
    if row is None:
        return Neighbours(0, len(index), None, None, "")
    table = index.table
    met = np.unique(table.doctor[table.case == table.case[row]]).tolist()
    rivals = [table.names["doctor"][doctor] for doctor in met if doctor != table.doctor[row]]
    return Neighbours(
        row + 1, len(index), index.key(row - 1) if row else None,
        index.key(row + 1) if row + 1 < len(index) else None, rivals[0] if rivals else "",
    )


def key_of(name: KeyId) -> Key:
    """Return a key for an address: addresses carry neither seed nor configuration."""
    return Key(case=name.case, doctor=name.doctor, trial=name.trial, seed=0, config_hash="")
