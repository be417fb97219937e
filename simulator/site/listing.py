"""The front page's list: a case a row, a doctor a column, every trial a link; it reads no transcript."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.schema import KeyId
from simulator.pages import number
from simulator.showing.filters import lang_of, totals_of
from simulator.showing.links import Links
from simulator.showing.reading import key_of
from simulator.site.choice import Chosen

PER_PAGE = 100
"""Cases on one page of the list."""


@dataclass(frozen=True)
class Shown:
    """One consultation: where it is and its total, or why it has none."""

    href: str
    words: str
    why: str
    trial: int


@dataclass(frozen=True)
class CaseRow:
    """One case; ``cells`` holds a tuple a doctor, empty where the doctor has not met it."""

    id: str
    title: str
    lang: str
    department: str
    compare_href: str
    cells: tuple[tuple[Shown, ...], ...]
    has_sound: bool


def page_count(chosen: Chosen) -> int:
    """Return how many pages the list of cases takes."""
    return -(-len(chosen.by_case) // PER_PAGE)


def case_rows(chosen: Chosen, links: Links, page: int, with_sound: Collection[str]) -> list[CaseRow]:
    """Return the rows of the page ``page`` (from 1); ``with_sound`` are the cases with a sound on the site."""
    cases = list(chosen.by_case)[(page - 1) * PER_PAGE : page * PER_PAGE]
    shown = _shown(chosen, links, cases)
    return [_row(chosen, links, case, shown, case in with_sound) for case in cases]


def _row(chosen: Chosen, links: Links, case: str, shown: dict[KeyId, Shown], has_sound: bool) -> CaseRow:
    note = chosen.index.notes.get(case)
    names = chosen.by_case[case]
    return CaseRow(
        id=case, title=(note.title if note else "") or case, lang=lang_of(note.language) if note else "",
        department=note.department.replace("_", " ") if note else "", compare_href=links.compare("", case),
        cells=tuple(_of(doctor, names, shown) for doctor in chosen.doctors), has_sound=has_sound,
    )


def _of(doctor: str, names: Sequence[KeyId], shown: dict[KeyId, Shown]) -> tuple[Shown, ...]:
    return tuple(shown[name] for name in names if name.doctor == doctor)


def _shown(chosen: Chosen, links: Links, cases: Sequence[str]) -> dict[KeyId, Shown]:
    index, totals, reasons = chosen.index, totals_of(chosen.index), chosen.index.reasons.main()
    places = [index.table.names["case"].index(case) for case in cases]
    found = {}
    for row in np.flatnonzero(np.isin(index.table.case, places)).tolist():
        name, total = index.key(row), float(totals[row])
        missing = total != total
        why = "not scored" if not index.table.scored[row] else reasons.get((name.doctor, "total"), "no total")
        found[name] = Shown(
            links.consultation("", key_of(name)), "–" if missing else number(total, "total"), why if missing else "",
            name.trial,
        )
    return found
