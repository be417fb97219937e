"""Names the condition that most of the given findings belong to: plain counts of lists, no probabilities."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.schema import KnownCondition
from scenarios.schema import Sex

TYPICAL = 0.2
"""A condition's list holds the findings that at least this share of its patients report."""
USUAL = 0.4
"""A form's list is stricter: what at least this share of a condition's patients report."""
HARDLY = 0.1
"""Relative weight of age and sex below which a form does not suggest a condition."""


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


def best_match(kb: KnowledgeBase, present: Iterable[str], age_years: float | None, sex: Sex) -> KnownCondition:
    """Return the condition whose usual findings match the ``present`` ones best, each counting alike.

    The count of matches is divided by the root of the list's length (the cosine of the two sets), so that long
    lists do not win by their length. Conditions that hardly occur at this age and sex are left out; among
    equals the first id.
    """
    found = set(present)
    found = found.union(*(kb.generals[name] for name in found))
    fits = kb.demographic_weight(age_years, sex) >= HARDLY

    def key(row: int) -> tuple[float, int]:
        usual = {name for name, chance in kb.conditions[row].findings.items() if chance >= USUAL}
        matched = len(usual & found) / float(np.sqrt(max(1, len(usual))))
        return (-matched if fits[row] else 0.0, row)

    return kb.conditions[min(range(len(kb.conditions)), key=key)]
