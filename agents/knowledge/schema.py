"""What the knowledge base's YAML holds: findings a person can report, and conditions that cause them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scenarios.schema import Department, Frozen, Slug, Topic, Urgency


class FindingWords(Frozen):
    """One language's words for a finding.

    ``terms``: the ways lay people and doctors say it (English matches on stemmed word sequences, Chinese on
    substrings). ``absent_terms``: words that state its absence outright. ``ask``: the spoken question to an
    adult patient; ``ask_caregiver``: the same to a caregiver, with ``{patient}`` for whom they speak of.
    """

    name: str
    terms: tuple[str, ...] = Field(min_length=1)
    absent_terms: tuple[str, ...] = ()
    ask: str
    ask_caregiver: str


class KnownFinding(Frozen):
    """A symptom, exposure, or history item. ``background``: P(reported | condition does not cause it)."""

    id: Slug
    kind: Literal["symptom", "exposure", "history"] = "symptom"
    topic: Topic = "associated"
    background: float = Field(gt=0, lt=1, default=0.03)
    implies: tuple[Slug, ...] = Field(default=(), description="more general findings that hold when this one does")
    zh: FindingWords
    en: FindingWords


class ConditionWords(Frozen):
    """One language's words for a condition: name, other names, and what to tell the patient, each spoken-length."""

    name: str
    aliases: tuple[str, ...] = ()
    explanation: str = Field(description="one short spoken clause on what it is")
    advice: tuple[str, ...] = Field(min_length=1, description="two to four short spoken points of management")
    safety_net: str = Field(description="if ... then come back / emergency, one spoken sentence")


class KnownCondition(Frozen):
    """A condition with what it shows. ``findings``: finding id -> P(reported | condition), 0..1.

    ``weight``: how often it is the reason for a visit, relative to the others (common cold 10, rare 0.2).
    ``ages``: list of (from_years, to_years, relative weight); ages outside get 0.02. ``female``: share of
    patients who are female, 0..1. ``red_flags``: findings that make this complaint dangerous.
    """

    id: Slug
    department: Department
    urgency: Urgency = "routine"
    weight: float = Field(gt=0, default=1.0)
    ages: tuple[tuple[float, float, float], ...] = ((0.0, 120.0, 1.0),)
    female: float = Field(ge=0, le=1, default=0.5)
    findings: dict[Slug, float]
    red_flags: tuple[Slug, ...] = ()
    tests: tuple[Slug, ...] = Field(default=(), description="ids in tests.yaml worth asking for")
    zh: ConditionWords
    en: ConditionWords


class KnownTest(Frozen):
    """An examination or test by its spoken names."""

    id: Slug
    kind: Literal["exam", "lab", "imaging", "other"]
    zh: tuple[str, ...] = Field(min_length=1)
    en: tuple[str, ...] = Field(min_length=1)
