"""From what a model filled in to a case: only what the note's own words support goes in; it asks no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agents.drafting.forms import DraftAbsence, DraftFact, DraftFinding, Frame, History, Workup
from agents.drafting.spans import Note, Span, denies, numbers
from scenarios.schema import (
    Absence,
    Advice,
    Case,
    Condition,
    Demographics,
    Diagnosis,
    Fact,
    Finding,
    Language,
    Provenance,
    RedFlag,
    Speaker,
)

OPENING_CHARACTERS = 60
_SEX: dict[str, re.Pattern[str]] = {
    "female": re.compile(
        r"女|妇|她|孕|月经|(?<![a-z])(?:f|female|woman|girl|lady|she|her|mrs|ms|miss|daughter)(?![a-z])|pregnan", re.I
    ),
    "male": re.compile(r"男|他|(?<![a-z])(?:m|male|man|boy|gentleman|he|him|his|mr|son)(?![a-z])", re.I),
}
WITH_IDS = ("facts", "absences", "findings")


@dataclass(frozen=True)
class Item:
    """One item and the words it rests on.

    ``where`` is its place in the case (``facts.onset``); ``span`` is None when the note does not hold ``quote``.
    ``doubts`` are for the person who reviews.
    """

    where: str
    text: str
    quote: str
    span: Span | None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A case, what each of its items rests on, and what was left out because the note does not say it."""

    case: Case
    note: Note
    items: tuple[Item, ...]
    left_out: tuple[Item, ...]
    doubts: tuple[str, ...] = ()


@dataclass
class _Desk:
    """Names items, looks their quotes up, and sorts them into kept and left out."""

    note: Note
    kept: list[Item] = field(default_factory=list)
    left_out: list[Item] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)

    def take(self, part: str, name: str, text: str, quote: str, *, absent: bool = False, told: bool = True) -> str:
        """Return the item's id when the note supports it, else ''; ``told``: it must not deny what it tells."""
        span = self.note.find(quote) if text else None
        if span is None:
            self.left_out.append(Item(part, text, quote, None))
            return ""
        self.names[name] += 1
        identifier = name if self.names[name] == 1 else f"{name}-{self.names[name]}"
        doubts = tuple(_doubts(text, self.note.says(span), span, absent=absent, told=told))
        own = {"treatment": f".{self.names[name] - 1}"} | dict.fromkeys(WITH_IDS, f".{identifier}")
        where = part + own.get(part, "")
        self.kept.append(Item(where, text, quote, span, doubts))
        return identifier


def compose(
    text: str, frame: Frame, history: History, workup: Workup, *, case_id: str, language: Language,
    provenance: Provenance,
) -> Draft:
    """Return the case that the forms describe, as far as the note ``text`` supports it."""
    desk = _Desk(Note(text))
    opening, doubts = _opening(desk, frame)
    diagnosis = _diagnosis(desk, frame)
    facts = [(one, desk.take("facts", one.topic, one.text, one.quote)) for one in history.facts]
    absences = [(one, desk.take("absences", "absent", one.name, one.quote, absent=True)) for one in history.absences]
    findings = [
        (one, desk.take("findings", one.kind, f"{one.name}: {one.result}" if one.name and one.result else "",
                        one.quote, told=False))
        for one in workup.findings
    ]
    treatment = [
        one for one in workup.treatment
        if any(one.keywords) and desk.take("treatment", "treatment", one.text, one.quote, told=False)
    ]
    who, more = _demographics(text, frame)
    case = Case(
        id=case_id, language=language, title=frame.title, department=frame.department, urgency=frame.urgency,
        demographics=who, speaker=_speaker(frame),
        chief_complaint=opening,
        facts=tuple(_fact(one, name) for one, name in facts if name),
        absences=tuple(_absence(one, name) for one, name in absences if name),
        findings=tuple(_finding(one, name) for one, name in findings if name), diagnosis=diagnosis,
        red_flags=tuple(_flags(facts, absences)), provenance=provenance,
        treatment=tuple(Advice(text=one.text, keywords=tuple(filter(None, one.keywords))) for one in treatment),
    )
    return Draft(case, desk.note, tuple(desk.kept), tuple(desk.left_out), (*doubts, *more))


def _opening(desk: _Desk, frame: Frame) -> tuple[str, list[str]]:
    """Return the opening sentence; without support the note's own beginning, which a person has to reword."""
    if desk.take("chief_complaint", "chief_complaint", frame.complaint, frame.complaint_quote):
        return frame.complaint, []
    words = " ".join(desk.note.text.split())[:OPENING_CHARACTERS].strip()
    return words, ["chief_complaint: is the beginning of the note; write what the patient says first"]


def _diagnosis(desk: _Desk, frame: Frame) -> Diagnosis | None:
    if not frame.diagnosis or not desk.take("diagnosis", "diagnosis", frame.diagnosis, frame.diagnosis_quote):
        return None
    others = tuple(Condition(name=name) for name in dict.fromkeys(frame.differentials) if name)
    return Diagnosis(name=frame.diagnosis, differentials=others)


def _speaker(frame: Frame) -> Speaker:
    if frame.speaker == "caregiver" and frame.relation and frame.calls_patient:
        return Speaker(kind="caregiver", relation=frame.relation, calls_patient=frame.calls_patient)
    return Speaker()


def _fact(one: DraftFact, name: str) -> Fact:
    return Fact(id=name, topic=one.topic, text=one.text, disclosure=one.disclosure, critical=one.critical)


def _absence(one: DraftAbsence, name: str) -> Absence:
    return Absence(id=name, name=one.name, topic=one.topic, critical=one.critical)


def _finding(one: DraftFinding, name: str) -> Finding:
    return Finding(id=name, kind=one.kind, name=one.name, result=one.result)


def _flags(
    facts: Iterable[tuple[DraftFact, str]], absences: Iterable[tuple[DraftAbsence, str]]
) -> Iterable[RedFlag]:
    named: list[tuple[Any, str, str, bool]] = [(one, name, one.text, True) for one, name in facts]
    named += [(one, name, one.name, False) for one, name in absences]
    for one, item, text, present in named:
        if item and one.red_flag:
            yield RedFlag(id=f"flag-{item}", name=text, item=item, present=present)


def _doubts(text: str, said: str, span: Span, *, absent: bool, told: bool) -> Iterable[str]:
    if not span.exact:
        yield f"the quote is not there letter by letter ({span.similarity:.0f}% alike)"
    if strange := [number for number in numbers(text) if number not in numbers(said)]:
        yield f"{', '.join(f'{number:g}' for number in strange)} is not in the quote"
    if absent and not denies(said):
        yield "the quote does not say that it is absent"
    if told and not absent and denies(said) and not denies(text):
        yield "the quote denies something, the text does not"


def _demographics(text: str, frame: Frame) -> tuple[Demographics, list[str]]:
    """Return age and sex as far as the note has a number and a word for them."""
    known, doubts = set(numbers(text)), []
    age, sex = frame.age_years, frame.sex
    if age is not None and not {age, round(age * 12), round(age * 52), round(age * 365)} & known:
        doubts.append(f"demographics: the age {age:g} is not a number of the note and was left out")
        age = None
    elif age is None:
        doubts.append("demographics: no age was drafted")
    if sex != "unknown" and not _SEX[sex].search(text):
        doubts.append(f"demographics: the note has no word for {sex}; the sex was left out")
        sex = "unknown"
    if frame.speaker == "caregiver" and not (frame.relation and frame.calls_patient):
        doubts.append("speaker: a caregiver was drafted without relation; it is the patient now")
    return Demographics(age_years=age, sex=sex), doubts
