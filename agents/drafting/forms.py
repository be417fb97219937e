"""What a model fills in about a note, bounded in every direction; it knows no note and no case's rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from agents.drafting.plain import one_line
from scenarios.schema import Department, Disclosure, Frozen, Sex, Topic, Urgency

Quote = Annotated[str, StringConstraints(max_length=120)]
Line = Annotated[str, StringConstraints(max_length=120), AfterValidator(one_line)]
Name = Annotated[str, StringConstraints(max_length=40), AfterValidator(one_line)]
Word = Annotated[str, StringConstraints(max_length=16), AfterValidator(one_line)]


class Frame(Frozen):
    """Who came and why. ``quote`` always stands first: the words of the note, then what is made of them."""

    age_years: float | None = Field(ge=0, le=130)
    sex: Sex
    speaker: Literal["self", "caregiver"]
    relation: Word
    calls_patient: Word
    department: Department
    urgency: Urgency
    title: Name
    complaint_quote: Quote
    complaint: Line
    diagnosis_quote: Quote
    diagnosis: Name
    differentials: tuple[Name, ...] = Field(max_length=4)


class DraftFact(Frozen):
    """Something that is so."""

    quote: Quote
    topic: Topic
    text: Line
    disclosure: Disclosure
    critical: bool
    red_flag: bool


class DraftAbsence(Frozen):
    """Something that the note says is not so."""

    quote: Quote
    topic: Topic
    name: Name
    critical: bool
    red_flag: bool


class History(Frozen):
    """What the patient can tell."""

    facts: tuple[DraftFact, ...] = Field(max_length=24)
    absences: tuple[DraftAbsence, ...] = Field(max_length=16)


class DraftFinding(Frozen):
    """What an examination or test showed."""

    quote: Quote
    kind: Literal["exam", "lab", "imaging", "other"]
    name: Name
    result: Line


class DraftAdvice(Frozen):
    """One point of management."""

    quote: Quote
    text: Line
    keywords: tuple[Word, ...] = Field(max_length=4)


class Workup(Frozen):
    """What was found and what was done."""

    findings: tuple[DraftFinding, ...] = Field(max_length=16)
    treatment: tuple[DraftAdvice, ...] = Field(max_length=8)
