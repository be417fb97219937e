"""Names the condition whose words occur most often: a plain count without likelihoods, negation, age or sex."""

from __future__ import annotations

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.lexicon import Lexicon
from agents.knowledge.schema import KnownCondition
from scenarios.schema import Language

TYPICAL = 0.2
"""A condition's words are those of the findings that at least this share of its patients report."""


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
