"""Which critical item came out at which exchange for which doctor; it knows transcripts and cases, no page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.schema import Case
from simulator.showing.chat import Column, TurnView


@dataclass(frozen=True)
class Item:
    """One critical item; ``told`` holds, a column, the patient's turn that first said it, or None when none did."""

    text: str
    topic: str
    told: tuple[TurnView | None, ...]


def elicited(columns: Sequence[Column], case: Case | None) -> tuple[Item, ...]:
    """Return the case's critical items in the record's order; empty when there are none or the case is not known."""
    if case is None:
        return ()
    told = [_first_told(column) for column in columns]
    items = [(fact.id, fact.text, str(fact.topic)) for fact in case.facts if fact.critical]
    items += [(absence.id, absence.name, f"{absence.topic} · absent") for absence in case.absences if absence.critical]
    return tuple(Item(text, topic.replace("_", " "), tuple(one.get(name) for one in told))
                 for name, text, topic in items)


def _first_told(column: Column) -> dict[str, TurnView]:
    first: dict[str, TurnView] = {}
    for views in column.rounds.values():
        for view in views:
            if view.turn.role == "patient":
                for item in view.turn.disclosed:
                    first.setdefault(item, view)
    return first
