"""Finds lay and medical words for the same thing in either language; general knowledge, it knows no case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml

from agents.patients.text import clauses, stem, words
from scenarios.schema import Language

_LONGEST = {"zh": 8, "en": 5}
_INHERITABLE = frozenset({"pain", "swelling", "numbness", "weakness", "itch", "rash", "stiffness", "redness"})


@dataclass(frozen=True, slots=True)
class Mention:
    """A dictionary word in a text. ``start``/``end``: word positions (en) or character positions (zh)."""

    concept: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing a text speaks of, e.g. ``pain@chest``, with the words it used and the clause they stood in."""

    concept: str
    surface: str
    clause: str


@cache
def _table() -> Mapping[str, Any]:
    loaded = yaml.safe_load(files("agents.patients").joinpath("synonyms.yaml").read_text("utf-8"))
    if not isinstance(loaded, dict):
        raise TypeError("synonyms.yaml must hold a mapping")
    return loaded


@cache
def _lexicon(language: Language) -> dict[str, tuple[str, str]]:
    """Return surface key -> (concept, kind); English keys are stemmed words joined by blanks."""
    found: dict[str, tuple[str, str]] = {
        _key(term, language): ("", "ignore") for term in _terms(_table()["ignore"], language)
    }
    for kind in ("parts", "sensations", "concepts"):
        for name, entry in _table()[kind].items():
            for term in _terms(entry, language):
                found.setdefault(_key(term, language), (str(name), kind))
    return found


def _terms(entry: Mapping[str, Any], language: Language) -> list[str]:
    return [term.strip() for term in str(entry.get(language, "")).split("|") if term.strip()]


def _key(term: str, language: Language) -> str:
    return term.lower() if language == "zh" else " ".join(stem(word) for word in words(term.replace("-", " ")))


@cache
def implied(concept: str) -> frozenset[str]:
    """Return the concept and every more general one that holds with it."""
    sensation, _, part = concept.partition("@")
    general = {concept, sensation, f"part:{part}"} if part else {concept}
    if sensation == "discomfort" and part:
        general.add(f"pain@{part}")
    entry = _table()["concepts"].get(concept, {})
    for wider in entry.get("implies", ()):
        general |= implied(wider)
    return frozenset(general)


def spoken_name(concept: str, language: Language) -> str:
    """Return how a patient calls the concept, where the table says so."""
    return str(_table()["names"].get(concept, {}).get(language, ""))


def is_measured(concept: str) -> bool:
    """Whether only a measurement or test can tell it."""
    return bool(_table()["concepts"].get(concept, {}).get("measured", False))


def is_term(text: str, language: Language) -> bool:
    """Whether the text as a whole is one listed word, e.g. a plain symptom name."""
    return _key(text, language) in _lexicon(language)


def mentions(text: str, language: Language) -> Iterator[Mention]:
    """Yield dictionary words from left to right, longest first, without overlap."""
    lexicon = _lexicon(language)
    units = list(text.lower()) if language == "zh" else [stem(word) for word in words(text.replace("-", " "))]
    glue = "" if language == "zh" else " "
    at = 0
    while at < len(units):
        for length in range(min(_LONGEST[language], len(units) - at), 0, -1):
            hit = lexicon.get(glue.join(units[at : at + length]))
            if hit:
                if hit[0]:
                    yield Mention(hit[0], hit[1], at, at + length)
                at += length
                break
        else:
            at += 1


@lru_cache(maxsize=8192)
def things(text: str, language: Language) -> tuple[Thing, ...]:
    """Return what the text speaks of, in order; body parts and sensations of one clause are combined."""
    found: list[Thing] = []
    parts_before: list[Mention] = []
    sensations_before: list[Mention] = []
    for clause in _pieces(text, language):
        seen = list(mentions(clause, language))
        parts = [m for m in seen if m.kind == "parts"]
        sensations = [m for m in seen if m.kind == "sensations"]
        found += [Thing(m.concept, _surface(clause, [m], language), clause) for m in seen if m.kind == "concepts"]
        if sensations:
            own = parts
            for sensation in sensations:
                found += _combined(sensation, own, parts_before, clause, language)
        else:
            carried = [m for m in sensations_before if m.concept in _INHERITABLE]
            for part in parts:
                concept = f"{carried[-1].concept}@{part.concept}" if carried else f"part:{part.concept}"
                found.append(Thing(concept, _surface(clause, [part], language), clause))
        parts_before, sensations_before = parts or parts_before, sensations
    return tuple(found)


def _pieces(text: str, language: Language) -> list[str]:
    rough = text.replace("、", "，").replace("或者", "，").replace("或", "，").replace("还是", "，").replace("。", "，")
    if language == "en":
        rough = text.replace("/", ", ").replace(" or ", ", ").replace(".", ", ").replace("?", ", ")
    return clauses(rough, language)


def _combined(
    sensation: Mention, own: list[Mention], before: list[Mention], clause: str, language: Language
) -> list[Thing]:
    if own:
        return [
            Thing(f"{sensation.concept}@{part.concept}", _surface(clause, [part, sensation], language), clause)
            for part in own
        ]
    surface = _surface(clause, [sensation], language)
    if before:
        return [Thing(f"{sensation.concept}@{part.concept}", surface, clause) for part in before]
    return [Thing(sensation.concept, surface, clause)]


def _surface(clause: str, marks: list[Mention], language: Language) -> str:
    start, end = min(m.start for m in marks), max(m.end for m in marks)
    return clause[start:end] if language == "zh" else " ".join(words(clause.replace("-", " "))[start:end])


@lru_cache(maxsize=16_384)
def concepts(text: str, language: Language) -> frozenset[str]:
    """Return every concept the text speaks of, with the more general ones."""
    return frozenset(wider for thing in things(text, language) for wider in implied(thing.concept))
