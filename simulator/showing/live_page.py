"""A session as its page shows it: the live branch with its cursor, others beside it, the tree; it steps nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from scenarios.identity import content_hash
from scenarios.schema import BackendRef, Case, Turn
from simulator.session import HUMAN, Branch, Casting, SessionInfo, Snapshot
from simulator.session.microphone import RATE_HZ, why_typed
from simulator.showing.branch_tree import BranchTree, branch_tree
from simulator.showing.by_ear import by_ear
from simulator.showing.chat import CaseCard, Column
from simulator.showing.compare_page import mark_shared
from simulator.showing.consultation_page import case_card, column_of, measurements
from simulator.showing.links import Links

BESIDE = 3
"""Branches that may stand beside the live one."""


@dataclass(frozen=True)
class Line:
    """One thing of the record with whether the patient has told it in the live branch (None: examinations)."""

    id: str
    text: str
    note: str
    told: bool | None


@dataclass(frozen=True)
class LivePage:
    """What the template of a session shows.

    ``columns``: the live branch, then those beside it. ``live`` is what the chat's macros take. ``secret``: a person
    plays the doctor, so the record stays covered, and until it is over patients say what was heard of them. ``picked``
    is the turn that the address points at. ``mark`` names all of this: a page with another one is out of date.
    """

    info: SessionInfo
    branch: Branch
    shown: Snapshot
    card: CaseCard
    columns: tuple[Column, ...]
    live: Mapping[str, Any]
    tree: BranchTree
    record: tuple[Line, ...]
    secret: bool
    picked: Turn | None
    mark: str
    here: str

    @property
    def title(self) -> str:
        """What people call the session; not the case's title before a doctor to whom it may tell the diagnosis."""
        return self.info.title or (self.info.case.chief_complaint if self.secret else self.card.title)

    @property
    def joinable(self) -> frozenset[str]:
        """The branches that may still be put beside those that are shown."""
        shown = {column.record.key.trial for column in self.columns}
        free = frozenset(one.id for place, one in enumerate(self.info.branches) if place not in shown)
        return free if len(self.columns) <= BESIDE else frozenset()

    @property
    def covered(self) -> bool:
        """Whether what judges say would tell a person who is still asking what the record holds."""
        return self.secret and not self.shown.ended

    @property
    def spoken(self) -> bool:
        """Whether anybody is heard in the live branch."""
        return self.branch.casting.speech.sounds

    @property
    def answers_aloud(self) -> bool:
        """Whether the doctor of the live branch is heard."""
        return self.branch.casting.speech.output_speech and not self.branch.casting.is_human("doctor")

    @property
    def why_typed(self) -> str:
        """Why who is to speak has to type; '' when a microphone will do."""
        role = self.shown.waiting
        return why_typed(self.branch.casting, role) if role in ("patient", "doctor") else "nobody is to speak"

    @property
    def ears(self) -> bool:
        """Whether a microphone will do for anybody, in this turn or another."""
        return any(not why_typed(self.branch.casting, role) for role in RATE_HZ)

    @property
    def rate_hz(self) -> int:
        """The sample rate at which who is to speak is stored."""
        return RATE_HZ["doctor" if self.shown.waiting == "doctor" else "patient"]

    @property
    def known(self) -> tuple[str, ...]:
        """The names of the doctors who may go on."""
        return tuple(known_doctors(self.info))

    @property
    def speaker(self) -> str:
        """Who is next by name; '' when nobody is."""
        casting = self.branch.casting
        return {"doctor": casting.doctor_name, "patient": casting.patient.backend,
                "examiner": casting.examiner.backend}.get(self.shown.waiting, "")


def live_page(
    info: SessionInfo, snapshots: Mapping[str, Snapshot], branches: Sequence[str], links: Links,
    picked: int | None = None,
) -> LivePage:
    """Return everything the page of a session shows.

    Args:
        info: the session.
        snapshots: every branch as it stands, by id.
        branches: ids, the live one first, then those beside it.
        links: where pages are.
        picked: ``Turn.index`` that the address points at, in the live branch.
    """
    here, shown = info.branch(branches[0]), snapshots[branches[0]]
    secret = here.casting.doctor.backend == HUMAN
    unheard = secret and not shown.ended
    columns = [
        live_column(info.case, snapshots[name], info.branch(name), links, at=at, secret=secret, unheard=unheard,
                    current=picked if at == 0 else None)
        for at, name in enumerate(branches)
    ]
    address = live_address(links, info.id, branches)
    return LivePage(
        info=info, branch=here, shown=shown, card=case_card(info.case, info.case.id, here.casting.persona),
        columns=mark_shared(columns), live=live_marks(shown, address),
        tree=branch_tree(info.branches, {name: one.turns for name, one in snapshots.items()}, here.id,
                         lambda name: live_address(links, info.id, (name,))),
        record=record_lines(info.case, shown.turns), secret=secret,
        picked=next((turn for turn in _perceived(shown, info.case, unheard) if turn.index == picked), None),
        mark=mark_of(info, shown), here=address,
    )


def live_column(
    case: Case, shown: Snapshot, branch: Branch, links: Links, *, at: int = 0, secret: bool = False,
    unheard: bool = False, current: int | None = None,
) -> Column:
    """Return a branch as a column.

    With ``secret`` nothing tells before the end which items of the record came out, with ``unheard`` nothing what
    patients said but what was heard of it.
    """
    record = shown.record if shown.judged else shown.record.model_copy(update={"scored": True})
    record = record.model_copy(update={"turns": _perceived(shown, case, unheard)})
    arrived = {turn.index for turn in shown.turns if unheard and turn.role == "patient" and turn.heard_audio}
    column = column_of(record, case, links, "", at=at, ended=shown.ended, current=current,
                       href=live_address(links, shown.session, (branch.id,)) if at else "",
                       sounds=lambda turn, heard: links.live_audio(
                           shown.session, branch.id, turn.index, heard or turn.index in arrived))
    if secret:
        column = replace(column, rounds={
            exchange: tuple(
                replace(view, measurements=measurements(view.turn.model_copy(update={"disclosed": ()})),
                        chips=view.chips if shown.ended else ())
                for view in views
            ) for exchange, views in column.rounds.items()
        })
    return replace(column, note=branch.label or branch.id)


def _perceived(shown: Snapshot, case: Case, unheard: bool) -> tuple[Turn, ...]:
    return by_ear(shown.turns, case.language) if unheard else shown.turns


def live_marks(shown: Snapshot, address: str) -> dict[str, Any]:
    """Return what the chat's macros take of a live branch: who is next, where a turn's number leads to."""
    return {"next": shown.waiting, "pick": address}


def live_address(links: Links, session: str, branches: Sequence[str], turn: int | None = None) -> str:
    """Return the address of a session's page with these branches; the first one is live."""
    asked = [("branch", name) for name in branches] + ([("t", str(turn))] if turn is not None else [])
    return f"{links.live(session)}?{urlencode(asked)}"


def mark_of(info: SessionInfo, shown: Snapshot) -> str:
    """Return what changes whenever a page of this branch would look different."""
    return content_hash([
        shown.revision, shown.judged, shown.unfinished and shown.unfinished.model_dump(mode="json"),
        info.model_dump(mode="json", exclude={"case"}),
    ])[:16]


def known_doctors(info: SessionInfo) -> dict[str, BackendRef]:
    """Return the doctors that this session knows by name: who began, who else may, and those of its branches."""
    began = info.began
    found = {began.doctor_name: began.doctor} if began and began.doctor.backend != HUMAN else {}
    found |= info.doctors
    for casting in _castings(info):
        if casting.doctor.backend != HUMAN:
            found.setdefault(casting.doctor_name, casting.doctor)
    return found


def known_patient(info: SessionInfo) -> BackendRef:
    """Return the patient of the session who is no person; the embedded one when all branches have people."""
    for casting in _castings(info):
        if casting.patient.backend != HUMAN:
            return BackendRef(backend=casting.patient.backend, **casting.patient.options)
    return BackendRef(backend="agenda")


def _castings(info: SessionInfo) -> tuple[Casting, ...]:
    return (*(branch.casting for branch in info.branches), *((info.began,) if info.began else ()))


def record_lines(case: Case, turns: Sequence[Turn]) -> tuple[Line, ...]:
    """Return what the patient knows and what examinations would show."""
    told = {item for turn in turns if turn.role == "patient" for item in turn.disclosed}
    lines = [
        Line(fact.id, fact.text, _note(str(fact.topic), fact.disclosure, fact.critical), fact.id in told)
        for fact in case.facts
    ]
    lines += [
        Line(absence.id, absence.name, _note(f"{absence.topic}, absent", "", absence.critical), absence.id in told)
        for absence in case.absences
    ]
    lines += [Line(one.id, f"{one.name}: {one.result}", one.kind, None) for one in case.findings]
    return tuple(lines)


def _note(topic: str, disclosure: str, critical: bool) -> str:
    words = [topic.replace("_", " "), {"specific": "on specific question"}.get(disclosure, disclosure)]
    return " · ".join(word for word in (*words, "critical" if critical else "") if word)
