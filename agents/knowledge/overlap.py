"""Names the condition that most of what was heard belongs to: plain counts, no likelihoods and no questions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.lexicon import Lexicon
from agents.knowledge.schema import KnownCondition
from scenarios.schema import Language, Sex

TYPICAL = 0.2
"""A condition's words are those of the findings that at least this share of its patients report."""
USUAL = 0.4
"""A form lists for each condition the findings that at least this share of its patients report."""
RARELY = 0.1
"""Relative weight of age and sex below which a form does not suggest a condition."""


def best_overlap(kb: KnowledgeBase, words: Lexicon, text: str, language: Language) -> KnownCondition:
    """Return the condition with most typical findings named in ``text``, denied ones included.

    Among equals the one that has the larger share of its findings named, then the first id.
    """
    named = set(words.named(text, language))
    named = named.union(*(kb.generals[name] for name in named))

    def key(condition: KnownCondition) -> tuple[float, float, str]:
        typical = {name for name, chance in condition.findings.items() if chance >= TYPICAL}
        shared = len(typical & named)
        return (-shared, -shared / max(1, len(typical)), condition.id)

    return min(kb.conditions, key=key)


def best_match(kb: KnowledgeBase, present: Iterable[str], age_years: float | None, sex: Sex) -> KnownCondition:
    """Return the condition whose usual findings are best matched by the ``present`` ones.

    Every finding counts alike; the count is divided by the root of how many the condition lists (the cosine of
    the two sets), so that long lists do not win by their length. Conditions that hardly occur at this age and
    sex are left out. Ties go to the first id.
    """
    heard = set(present)
    heard = heard.union(*(kb.generals[name] for name in heard))
    fits = kb.demographic_weight(age_years, sex) >= RARELY

    def score(row: int) -> float:
        usual = {name for name, chance in kb.conditions[row].findings.items() if chance >= USUAL}
        return float(fits[row]) * len(usual & heard) / float(np.sqrt(max(1, len(usual))))

    return kb.conditions[max(range(len(kb.conditions)), key=lambda row: (score(row), -row))]
