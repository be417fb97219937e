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
_SHORTEST = {"zh": 2, "en": 4}


def reported_conditions(kb: KnowledgeBase, text: str, language: Language) -> frozenset[str]:
    """Return ids of conditions named in ``text`` in a clause that denies nothing."""
    clauses = [clause for sentence in sentences(text, language) for clause in re.split(r"[,，:：]", sentence)]
    stated = " ; ".join(clause for clause in clauses if not _DENIED[language].search(clause)).lower()
    return frozenset(c.id for c in kb.conditions if stated and _names(_all_names(c, language), language).search(stated))


def _all_names(condition: KnownCondition, language: Language) -> tuple[str, ...]:
    words = condition.zh if language == "zh" else condition.en
    return (words.name, *words.aliases)


@lru_cache(maxsize=1024)
def _names(names: tuple[str, ...], language: Language) -> re.Pattern[str]:
    long_enough = [re.escape(name.lower()) for name in names if len(name) >= _SHORTEST[language]]
    joined = "|".join(sorted(long_enough, key=len, reverse=True)) or "(?!)"
    return re.compile(joined if language == "zh" else rf"\b(?:{joined})\b")
