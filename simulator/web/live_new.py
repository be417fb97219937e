"""How a session begins: what the form is filled in with, and what is made of it; it steps nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scenarios.errors import InputError
from scenarios.schema import BackendRef, Case, Consultation, Turn
from simulator.session import HUMAN, Casting, Session, SessionBook, SessionInfo
from simulator.session.model import recast
from simulator.showing.chat import CaseCard, Column
from simulator.showing.consultation_page import case_card, column_of
from simulator.showing.links import Links
from simulator.web import castings
from simulator.web.live_forms import Fields, doctor_of, patient_of, persona_of
from simulator.web.site import Site

LONGEST_SEED = 2**63 - 1
NAMED = 5
PLACE = ("run", "case", "from_doctor", "trial", "keep")
MANY = 5000
"""Cases of a run that the form lists at most."""


@dataclass(frozen=True)
class Start:
    """What the form shows: cases to choose from or the one that is chosen, the casting, turns it begins with.

    ``known``: the doctors of the run's own batch; ``column``: the first ``keep`` turns of a stored consultation, of
    ``record``. ``fields``: what was typed. ``note``: what is otherwise than in the run.
    """

    fields: Fields
    run: str
    cases: tuple[CaseCard, ...]
    card: CaseCard | None
    casting: Casting
    known: Mapping[str, BackendRef]
    column: Column | None = None
    record: Consultation | None = None
    left_out: int = 0
    source_href: str = ""
    note: str = ""

    @property
    def keep(self) -> int:
        """How many turns the session begins with."""
        return len(self.column.record.turns) if self.column else 0


@dataclass(frozen=True)
class Summary:
    """One session in the list."""

    info: SessionInfo
    href: str
    lang: str
    turns: tuple[int, ...]

    @property
    def branches(self) -> str:
        """What branches there are, the first few by name."""
        counted = zip(self.info.branches, self.turns, strict=True)
        named = [f"{branch.casting.doctor_name} {count}" for branch, count in counted]
        more = f" and {len(named) - NAMED} more branches" if len(named) > NAMED else ""
        return f"{', '.join(named[:NAMED])} turns{more}" if len(named) > 1 else f"{named[0]} turns"


async def summaries(book: SessionBook, links: Links, most: int = 200) -> tuple[Summary, ...]:
    """Return the newest sessions with the number of turns in each branch."""
    found = []
    for info in (await book.list())[:most]:
        session = await book.open(info.id)
        shown = await asyncio.gather(*(session.snapshot(branch.id) for branch in info.branches))
        lang = "zh-Hans" if info.case.language == "zh" else "en"
        found.append(Summary(info, links.live(info.id), lang, tuple(len(one.turns) for one in shown)))
    return tuple(found)


def start_of(site: Site, fields: Fields) -> Start:
    """Return the form filled in with ``fields``; blocks. Raises UnknownName and InputError."""
    run, case_id = fields.text("run", 100), fields.text("case", 100)
    case = castings.find_case(site, run or None, case_id) if case_id else None
    cases: Mapping[str, Case] = {}
    if case is None:
        cases = site.runs.find(run).cases() if run else castings.shipped_cases()
    known = castings.presets(site.runs.find(run)) if run else {}
    names = list(cases)[:MANY]
    casting, note = _casting(site, run, fields, known)
    start = Start(
        fields=fields, run=run, cases=tuple(case_card(cases[name], name, None) for name in names),
        card=case_card(case, case.id, None) if case else None, casting=casting, known=known, note=note,
        left_out=len(cases) - len(names),
    )
    if case is None or not fields.text("trial"):
        return start
    record = _stored(site, run, case.id, fields)
    shown = record.model_copy(update={"turns": _kept(record, fields), "verdicts": (), "metrics": {}, "failures": ()})
    return replace(
        start, record=record, casting=start.casting.model_copy(update={"seed": record.key.seed}),
        column=column_of(shown, case, site.links, "", ended=False),
        source_href=site.links.consultation(run, record.key),
    )


def start_again(site: Site, fields: Fields) -> Start:
    """Return the form with what was typed, as far as it can be shown at all; blocks. Raises as ``start_of`` does."""
    try:
        return start_of(site, fields)
    except InputError:
        place = {name: value for name, value in fields.values.items() if name in PLACE}
        return replace(start_of(site, Fields(place)), fields=fields)


async def begin(site: Site, fields: Fields) -> Session:
    """Make the session that the form asks for; raises ClinicError, then there is none."""
    case, casting, wanted = await asyncio.to_thread(_prepared, site, fields)
    return await site.book.create(case, casting, title=fields.text("title"), **wanted)


def _prepared(site: Site, fields: Fields) -> tuple[Case, Casting, dict[str, Any]]:
    """Return case and casting, and what else ``SessionBook.create`` takes."""
    run, case_id = fields.text("run", 100), fields.text("case", 100)
    if not case_id:
        raise InputError("choose a case first")
    case = castings.find_case(site, run or None, case_id)
    known = castings.presets(site.runs.find(run)) if run else {}
    casting, note = _casting(site, run, fields, known)
    turns: tuple[Turn, ...] = ()
    source = run
    if run and fields.text("trial"):
        record = _stored(site, run, case.id, fields)
        turns = _kept(record, fields)
        source = f"{run}/{case.id}/{record.key.doctor}/{record.key.trial}"
        if not fields.text("seed"):
            casting = casting.model_copy(update={"seed": record.key.seed})
    if casting.doctor.backend != HUMAN:
        known = {**known, casting.doctor_name: casting.doctor}
    return case, casting, {
        "doctors": known, "turns": turns, "source": source, "note": note,
        "sounds": site.runs.find(run).folder if turns else None,
    }


def _casting(site: Site, run: str, fields: Fields, known: Mapping[str, BackendRef]) -> tuple[Casting, str]:
    """Return who is in the room: as the form says, else as in the run's batch, else the embedded agents.

    The second value says what is otherwise than in the run.
    """
    wanted = fields.text("from_doctor", 100)
    first = wanted if wanted in known else next(iter(known), "")
    doctor, name = doctor_of(fields, known) or (
        (known[first], first) if first else (BackendRef(backend="history-taker"), "history-taker"))
    base, note = castings.casting_of_run(site.runs.find(run), doctor, name) if run else (
        Casting(doctor=doctor, doctor_name=name), "")
    before = BackendRef(backend=base.patient.backend, **base.patient.options)
    return recast(
        base, patient=patient_of(fields, before), persona=persona_of(fields, base.persona),
        seed=fields.number("seed", 0, LONGEST_SEED), max_turns=fields.number("max_turns", 1, 200),
    ), note


def _stored(site: Site, run: str, case: str, fields: Fields) -> Consultation:
    trial = fields.number("trial", 0, 1_000_000) or 0
    return site.runs.find(run).consultation(case, fields.text("from_doctor", 100), trial)


def _kept(record: Consultation, fields: Fields) -> tuple[Turn, ...]:
    keep = fields.number("keep", 0, 10_000)
    if keep is not None and keep > len(record.turns):
        raise InputError(f"that consultation has {len(record.turns)} turns, not {keep}")
    return record.turns if keep is None else record.turns[:keep]
