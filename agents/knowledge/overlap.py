"""Names the condition that most of the given findings belong to: a plain count, without likelihoods, age or sex."""

from __future__ import annotations

from collections.abc import Iterable

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.schema import KnownCondition

TYPICAL = 0.2
"""A condition's list holds the findings that at least this share of its patients report."""


def best_overlap(kb: KnowledgeBase, named: Iterable[str]) -> KnownCondition:
    """Return the condition with most typical findings among the ``named`` ones, each counting alike.

    Among equals the one that has the larger share of its list named, so that long lists do not win by their
    length, then the first id.
    """
    found = set(named)
    found = found.union(*(kb.generals[name] for name in found))

    def key(condition: KnownCondition) -> tuple[float, float, str]:
        typical = {name for name, chance in condition.findings.items() if chance >= TYPICAL}
        shared = len(typical & found)
        return (-shared, -shared / max(1, len(typical)), condition.id)

    return min(kb.conditions, key=key)
