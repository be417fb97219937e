"""One stored consultation as its page shows it, with its neighbours; it reads no file and knows no route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.schema import Case, Consultation, Key, KeyId, Persona
from simulator.showing.chat import CaseCard, Column
from simulator.showing.consultation_page import case_card, column_of
from simulator.showing.elicited import Item, elicited
from simulator.showing.links import Links
from simulator.showing.timings import Timed, timings


@dataclass(frozen=True)
class Reading:
    """What the template of a consultation shows; addresses are '' where there is nothing to go to."""

    run: str
    card: CaseCard
    column: Column
    items: tuple[Item, ...]
    timed: tuple[Timed, ...]
    previous_href: str
    next_href: str
    compare_href: str
    place: int
    places: int


def reading(
    record: Consultation, case: Case | None, links: Links, run: str, places: Sequence[KeyId], *,
    persona: Persona | dict[str, str] | None = None, current: int | None = None,
) -> Reading:
    """Return everything the page of ``record`` shows.

    Args:
        record: the stored consultation.
        case: its case; None when the run does not hold it.
        links: where pages are.
        run: the run's name.
        places: the run's consultations in the order in which one leafs through them.
        persona: how the run's patient speaks.
        current: ``Turn.index`` to mark.
    """
    key = record.key
    column = column_of(record, case, links, run, href=links.consultation(run, key), current=current)
    name = KeyId(key.case, key.doctor, key.trial)
    at = places.index(name) if name in places else -1
    there = at >= 0
    others = {one.doctor for one in places if one.case == key.case}
    return Reading(
        run=run, card=case_card(case, key.case, persona), column=column, items=elicited([column], case),
        timed=timings(record),
        previous_href=links.consultation(run, key_of(places[at - 1])) if at > 0 else "",
        next_href=links.consultation(run, key_of(places[at + 1])) if there and at + 1 < len(places) else "",
        compare_href=links.compare(run, key.case, _and_another(key.doctor, places, key.case), key.trial)
        if len(others) > 1 else "",
        place=at + 1, places=len(places),
    )


def leafing_order(places: Sequence[KeyId], doctors: Sequence[str]) -> tuple[KeyId, ...]:
    """Return consultations by case, then doctor as the batch lists them (others after those, by name), then trial."""
    rank = {doctor: place for place, doctor in enumerate(doctors)}
    return tuple(sorted(places, key=lambda one: (one.case, rank.get(one.doctor, len(rank)), one.doctor, one.trial)))


def key_of(name: KeyId) -> Key:
    """Return a key for an address: addresses carry neither seed nor configuration."""
    return Key(case=name.case, doctor=name.doctor, trial=name.trial, seed=0, config_hash="")


def _and_another(doctor: str, places: Sequence[KeyId], case: str) -> tuple[str, ...]:
    """Return ``doctor`` and the first other one that has met the case."""
    other = next(one.doctor for one in places if one.case == case and one.doctor != doctor)
    return (doctor, other)
