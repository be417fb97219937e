"""Chooses the sentence in which an absence is denied, so that its name reads naturally; it knows no question."""

from __future__ import annotations

import re
from typing import Literal

from agents.patients.retrieval import Item
from scenarios.schema import Language

Manner = Literal["no", "no_doing", "no_there", "no_ever", "no_taking", "no_known"]
"""Names of phrase lists: plain nouns; what one does ("hearing voices"); what there is or is not ("a chance of");
what one never had; medicines; what one knows of relatives."""

_DOING = re.compile(
    r"(hearing|seeing|feeling|choking|coughing|vomiting|throwing|bringing|losing|passing|having|taking|using|eating|"
    r"drinking|smoking|wetting|waking|getting|being|thinking|falling|leaking|holding|forgetting|bumping|"
    r"hurting|harming)\s+(?!with\b|and\b|or\b|in\b|that\b|after\b|at\b|loss\b|problems?\b|trouble\b|difficult)\w",
    re.I,
)
_THERE = re.compile(r"(any |a )?(chance|possibility|likelihood|risk)\b", re.I)
_EVER = re.compile(r"\s+(before|in the past|previously|ever)$", re.I)
_CONDITION = frozenset({"past_history", "allergies"})
_ARTICLE = re.compile(r"^(any|an?|some)\s+", re.I)


def manner(item: Item, language: Language) -> Manner:
    """Return which list of phrases suits the name of an absence; Chinese names fit one list."""
    if language == "zh":
        return "no"
    if _DOING.match(item.text):
        return "no_doing"
    if _THERE.match(item.text):
        return "no_there"
    if item.topic == "family_history":
        return "no_known"
    if item.topic in _CONDITION or _EVER.search(item.text):
        return "no_ever"
    return "no_taking" if item.topic == "medications" else "no"


def object_of(name: str, how: Manner, language: Language) -> str:
    """Return the name as it stands in the sentence: its own article goes, "never had" needs no "before"."""
    if language == "zh":
        return name
    bare = _ARTICLE.sub("", name)
    return _EVER.sub("", bare) if how == "no_ever" else bare
