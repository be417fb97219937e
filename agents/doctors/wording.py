"""The embedded doctors' questions as data: parts, lists and phrases in both languages; it knows no dialogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from agents.protocols import IntakeCard
from scenarios.schema import Frozen, Language, Slug

When = Literal["always", "site", "no_site", "woman", "child", "adult", "injury"]
_FILE = Path(__file__).with_name("questions.yaml")


class Phrase(Frozen):
    """One wording for patients who speak for themselves and one for caregivers (``{patient}``)."""

    self_: str = Field(alias="self")
    caregiver: str

    def to(self, intake: IntakeCard, language: Language, **values: str) -> str:
        """Return the wording for whoever speaks, filled in."""
        wording = self.caregiver if intake.caregiver else self.self_
        return wording.format(patient=patient_name(intake, language), **values)


class PartWords(Phrase):
    """A phrase with the regular expressions that tell it asked, or told unasked."""

    asked: str
    told: str

    @cached_property
    def asked_cue(self) -> re.Pattern[str]:
        """Matches a doctor's question that asks this."""
        return re.compile(self.asked, re.I)

    @cached_property
    def told_cue(self) -> re.Pattern[str]:
        """Matches a patient's words that answer this."""
        return re.compile(self.told, re.I)


class Part(Frozen):
    """One thing to ask, for the patients it concerns; ``solo``: a question of its own.

    ``illness``: about the present illness; such parts do not share a question with the wider history.
    """

    id: Slug
    when: When = "always"
    solo: bool = False
    illness: bool = False
    zh: PartWords
    en: PartWords

    def words(self, language: Language) -> PartWords:
        """Return one language's words."""
        return self.zh if language == "zh" else self.en


class OpenQuestion(Phrase):
    """The open question for accompanying symptoms, and how to tell that it was asked."""

    asked: str


class Wording(Frozen):
    """Everything the embedded doctors ask, besides the findings' own questions."""

    parts: tuple[Part, ...]
    plans: dict[Literal["acute", "chronic"], tuple[Slug, ...]]
    open: dict[Language, OpenQuestion]
    lists: dict[Language, Phrase]
    acknowledge: dict[Language, tuple[str, ...]]
    comfort: dict[Language, tuple[str, ...]]
    again: dict[Language, str]
    requests: dict[Language, Phrase]
    checklist: dict[Language, tuple[Phrase, ...]]

    @cached_property
    def part_by_id(self) -> Mapping[str, Part]:
        """Parts by id."""
        return {part.id: part for part in self.parts}


@cache
def wording() -> Wording:
    """Return the shipped wording, read and checked once."""
    return Wording.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def patient_name(intake: IntakeCard, language: Language) -> str:
    """Return how a doctor refers to the caregiver's patient: 'my son' becomes 'your son', 我妈妈 becomes 您妈妈."""
    called = intake.calls_patient.strip()
    if language == "zh":
        return re.sub(r"^我们?", "您", called) or "病人"
    return re.sub(r"^(my|our)\b", "your", called, flags=re.I) or "the patient"
