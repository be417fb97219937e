"""Lay vignettes of every condition, told freely: how often the lexicon and the posterior name what was told."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from agents.knowledge.base import knowledge
from agents.knowledge.inference import posterior, ranking
from agents.knowledge.lexicon import lexicon
from scenarios.schema import Language, Utterance

HERE = Path(__file__).parent
LANGUAGES: tuple[Language, ...] = ("zh", "en")
CHILD = 13
CALLED = {"zh": ("孩子", "孩子"), "en": ("my son", "my daughter")}
FLOORS: dict[Language, tuple[float, float]] = {"zh": (0.89, 0.94), "en": (0.93, 0.95)}


class Placed(NamedTuple):
    """A vignette's condition, the place it got (from 1), and what was ranked first."""

    condition: str
    place: int
    first: str


@cache
def vignettes(language: Language) -> tuple[dict[str, Any], ...]:
    entries = yaml.safe_load((HERE / f"vignettes_{language}.yaml").read_text(encoding="utf-8"))
    return tuple(entries)


def caregiver_says(vignette: dict[str, Any], language: Language) -> str:
    """How a child's parent refers to it; adults speak for themselves."""
    return CALLED[language][vignette["sex"] == "female"] if vignette["age"] < CHILD else ""


def place(vignette: dict[str, Any], language: Language) -> Placed:
    """Rank the conditions by what the doctor hears when the patient says one sentence after the other."""
    kb = knowledge()
    dialogue = [Utterance(role="patient", text=text) for text in vignette["says"]]
    evidence = lexicon().evidence(dialogue, language, caregiver_says(vignette, language))
    order = [kb.conditions[row].id for row in ranking(posterior(kb, evidence, vignette["age"], vignette["sex"]))]
    return Placed(vignette["condition"], order.index(vignette["condition"]) + 1, order[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_condition_has_a_vignette_and_every_vignette_a_known_condition(language: Language) -> None:
    told = {vignette["condition"] for vignette in vignettes(language)}
    assert told == {condition.id for condition in knowledge().conditions}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_lay_people_tell_leads_to_their_condition(language: Language) -> None:
    placed = [place(vignette, language) for vignette in vignettes(language)]
    first, third = (sum(p.place <= limit for p in placed) / len(placed) for limit in (1, 3))
    missed = "\n".join(f"{p.condition}: place {p.place}, taken for {p.first}" for p in placed if p.place > 1)
    assert first >= FLOORS[language][0], f"first: {first:.2f}\n{missed}"
    assert third >= FLOORS[language][1], f"among three: {third:.2f}\n{missed}"
