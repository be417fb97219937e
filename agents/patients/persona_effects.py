"""How each persona axis changes what is said; it picks among words and facts, and never makes any."""

from __future__ import annotations

import random
import re

from agents.patients.chance import share
from agents.patients.phrasing import Phrasing, is_phrase, jargon_words
from agents.patients.retrieval import Item, tells_time
from agents.patients.text import clauses, closed, join, size
from scenarios.schema import Language, Persona, Turn

_MISS_RATE = 0.3
_REMARK_RATE = 0.5
_FORGETS = 1 / 3
_BRIEF_RATE = 0.2
_SHORT = {"en": 25, "zh": 40}
"""How much a speaker of little language says in one turn when there is a choice (words, characters)."""


def facts_per_turn(persona: Persona, most: int, consultation_seed: int, exchange: int) -> int:
    """Return how many facts one open question brings: now and then one fewer, by consultation and exchange."""
    if persona.personality == "impatient":
        return 1
    brief = share(consultation_seed, "brief", exchange) < _BRIEF_RATE
    return max(most - brief, 1) + (persona.personality == "talkative")


def room(persona: Persona, language: Language, most: int) -> int:
    """Return how long a turn of several facts may become."""
    return min(most, _SHORT[language]) if persona.language_proficiency == "basic" else most


def forgets(persona: Persona, consultation_seed: int, item: Item) -> bool:
    """Whether a speaker of low recall has forgotten this non-critical fact, all through one consultation."""
    if persona.recall != "low" or item.critical or not item.id or item.disclosure == "volunteered" or not item.present:
        return False
    return share(consultation_seed, "forgets", item.id) < _FORGETS


def misses(persona: Persona, turns: tuple[Turn, ...], rng: random.Random, language: Language) -> bool:
    """Whether a confused patient misses this question; never two in a row."""
    if persona.confusion != "moderate" or rng.random() >= _MISS_RATE:
        return False
    own = [turn for turn in turns if turn.role == "patient"]
    return len(own) > 1 and not is_phrase("missed", language).search(own[-1].text)


def puzzled_by(persona: Persona, doctor_texts: list[str], language: Language) -> str:
    """Return the jargon a basic speaker asks back about: said in the latest doctor turn, in none before."""
    if persona.language_proficiency != "basic" or not doctor_texts:
        return ""
    latest, before = doctor_texts[-1].lower(), " ".join(doctor_texts[:-1]).lower()
    for word in jargon_words(language):
        pattern = re.escape(word) if language == "zh" else rf"\b{re.escape(word)}\b"
        if re.search(pattern, latest) and not re.search(pattern, before):
            return word
    return ""


def spoken(persona: Persona, text: str, language: Language) -> str:
    """Return a fact in the speaker's manner: basic speakers break long sentences at clause borders."""
    if persona.language_proficiency != "basic" or size(text, language) <= 8:
        return text
    pieces: list[str] = []
    for clause in clauses(text, language):
        if pieces and size(clause, language) < 4:
            pieces[-1] = join([pieces[-1].rstrip("。."), clause.rstrip("，,；;")], language)
        else:
            pieces.append(closed(clause, language))
    return join([p[:1].upper() + p[1:] for p in pieces], language)


def remark(persona: Persona, told: list[Item], phrasing: Phrasing, rng: random.Random) -> str:
    """Return at most one remark that colours the turn, by seed; empty for the plain persona."""
    lists: list[str] = []
    if persona.personality == "overly_positive" and any(i.topic in ("severity", "quality", "course") for i in told):
        lists.append("overly_positive")
    if persona.recall == "low" and any(tells_time(i.text, phrasing.language) or re.search(r"\d", i.text) for i in told):
        lists.append("low_recall")
    if persona.personality in ("talkative", "impatient", "overly_positive") and rng.random() < _REMARK_RATE:
        lists.append(persona.personality)
    if persona.health_anxiety == "high" and rng.random() < _REMARK_RATE:
        lists.append("health_anxiety")
    wanted = list(dict.fromkeys(lists))
    return join([phrasing.maybe(name) for name in wanted], phrasing.language)
