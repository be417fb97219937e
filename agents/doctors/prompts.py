"""The doctor's own prompt texts, read from the shipped files once; it knows no dialogue."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from agents.protocols import IntakeCard
from scenarios.identity import content_hash
from scenarios.schema import Frozen, Language

RENDERING = 1
"""Counts up when the same texts are put together in another way."""

_LONGEST_NAME = 40


class IntakeWords(Frozen):
    """How the intake card is told in one line."""

    model_config = {"str_strip_whitespace": False}

    lead: str
    join: str
    end: str
    age_years: str
    age_months: str
    female: str
    male: str
    caregiver: str

    def line(self, card: IntakeCard) -> str:
        """Return age, sex and who speaks, or nothing when none is known."""
        parts = []
        if card.age_years is not None:
            young = card.age_years < 2
            number = round(card.age_years * 12) if young else int(card.age_years)
            parts.append((self.age_months if young else self.age_years).format(n=number))
        if card.sex != "unknown":
            parts.append(self.female if card.sex == "female" else self.male)
        if card.caregiver:
            parts.append(self.caregiver.format(who=" ".join(card.caregiver.split())[:_LONGEST_NAME]))
        return f"{self.lead}{self.join.join(parts)}{self.end}" if parts else ""


class DoctorPrompt(Frozen):
    """The texts of one language; ``system`` has the place ``{max_turns}``."""

    system: str
    form: str
    last_word: str
    nothing_said: str
    intake: IntakeWords


@cache
def doctor_prompt(language: Language) -> DoctorPrompt:
    """Return the shipped texts."""
    text = (files("agents") / "prompts" / language / "doctor.yaml").read_text("utf-8")
    return DoctorPrompt.model_validate(yaml.safe_load(text))


@cache
def prompt_fingerprint() -> str:
    """Return the hash of the texts and of the way they are put together: another one is another doctor."""
    return content_hash({"rendering": RENDERING, "zh": doctor_prompt("zh"), "en": doctor_prompt("en")})
