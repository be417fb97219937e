"""Finds conditions that an examination report states as found; it knows names and denials, no likelihoods."""

from __future__ import annotations

import re
from functools import lru_cache

from agents.acts import sentences
from agents.knowledge.base import KnowledgeBase
from agents.knowledge.schema import KnownCondition
from scenarios.schema import Language

_DENIED = {
    "zh": re.compile(r"未见|未发现|没有|无|排除|否认|不支持|不考虑|阴性"),
    "en": re.compile(r"\b(no|not|without|negative|excludes?|excluded|ruled? out|normal)\b", re.I),
}
_NOT_DONE = {
    "zh": re.compile(r"[：:]\s*(未做|没做|未查)"),
    "en": re.compile(r":\s*not (done|performed|available)", re.I),
}
_TECHNICAL = 9
"""Letters from which a word of an English name is hardly everyday language."""
_SHORTEST = {"zh": 2, "en": 4}


def results(text: str, language: Language) -> str:
    """Return the report without what was not done: a test's name ('allergy test: not done') is no result."""
    return " ".join(part for part in sentences(text, language) if not _NOT_DONE[language].search(part))


@lru_cache(maxsize=1024)
def reported_conditions(kb: KnowledgeBase, text: str, language: Language) -> frozenset[str]:
    """Return ids of conditions named in ``text``, by name or nearly so, where nothing is denied."""
    shown = sentences(results(text, language), language)
    clauses = [clause for sentence in shown for clause in re.split(r"[,，:：]", sentence)]
    stated = " ; ".join(clause for clause in clauses if not _DENIED[language].search(clause)).lower()
    if not stated:
        return frozenset()
    named = {c.id for c in kb.conditions if _names(_all_names(c, language), language).search(stated)}
    if language == "en":
        words = [set(re.findall(r"[a-z]{4,}", clause)) for clause in stated.split(" ; ")]
        named |= {c.id for c in kb.conditions if _nearly_names(c, words)}
    return frozenset(named)


def _nearly_names(condition: KnownCondition, clauses: list[set[str]]) -> bool:
    """Whether a clause holds two words of a longer English name, one of them technical: 'sensorineural loss'."""
    for name in (condition.en.name, *condition.en.aliases):
        own = set(re.findall(r"[a-z]{4,}", name.lower()))
        for said in clauses if len(own) > 2 else ():
            shared = own & said
            if len(shared) > 1 and any(len(word) >= _TECHNICAL for word in shared):
                return True
    return False


def _all_names(condition: KnownCondition, language: Language) -> tuple[str, ...]:
    words = condition.zh if language == "zh" else condition.en
    return (words.name, *words.aliases)


@lru_cache(maxsize=1024)
def _names(names: tuple[str, ...], language: Language) -> re.Pattern[str]:
    long_enough = [re.escape(name.lower()) for name in names if len(name) >= _SHORTEST[language]]
    joined = "|".join(sorted(long_enough, key=len, reverse=True)) or "(?!)"
    return re.compile(joined if language == "zh" else rf"\b(?:{joined})\b")
