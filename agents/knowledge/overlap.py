"""Names the condition that most of the given findings belong to: counts over lists, no likelihoods."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.inference import Evidence
from agents.knowledge.schema import KnownCondition
from scenarios.schema import Sex

TYPICAL = 0.2
"""A condition's list holds the findings that at least this share of its patients report."""
USUAL = 0.4
"""A form's list is stricter: what at least this share of a condition's patients report."""
COMPLAINT, MISSING = 1.5, 0.5
"""What a form counts for the complaint, which opens the visit, and takes away for a usual finding denied."""
HARDLY = 0.1
"""Relative weight of age and sex below which a form does not suggest a condition."""


def best_overlap(kb: KnowledgeBase, named: Iterable[str]) -> KnownCondition:
    """Return the condition with most typical findings among the ``named`` ones, each counting alike.

    Among equals the one that has the larger share of its list named, so that long lists do not win by their
    length, then the first id.
    """
    found = _with_generals(kb, named)

    def key(condition: KnownCondition) -> tuple[float, float, str]:
        typical = {name for name, chance in condition.findings.items() if chance >= TYPICAL}
        shared = len(typical & found)
        return (-shared, -shared / max(1, len(typical)), condition.id)

    return min(kb.conditions, key=key)


def best_match(kb: KnowledgeBase, heard: Evidence, age_years: float | None, sex: Sex) -> KnownCondition:
    """Return the condition whose usual findings match the ``heard`` ones best, however likely each is.

    A finding told counts one, with what it implies; the complaint counts ``COMPLAINT``, and a usual finding that
    was denied takes ``MISSING`` away. The sum is divided by the root of the list's length (the cosine of the two
    sets), so that long lists do not win by their length. Conditions that hardly occur at this age and sex are
    left out; among equals the first id.
    """
    points = dict.fromkeys(heard.absent, -MISSING)
    points |= dict.fromkeys(_with_generals(kb, heard.present), 1.0)
    points |= dict.fromkeys(_with_generals(kb, heard.chief), COMPLAINT)
    fits = kb.demographic_weight(age_years, sex) >= HARDLY

    def key(row: int) -> tuple[bool, float, int]:
        usual = [name for name, chance in kb.conditions[row].findings.items() if chance >= USUAL]
        matched = sum(points.get(name, 0.0) for name in usual) / float(np.sqrt(max(1, len(usual))))
        return (not fits[row], -matched, row)

    return kb.conditions[min(range(len(kb.conditions)), key=key)]


def _with_generals(kb: KnowledgeBase, names: Iterable[str]) -> set[str]:
    told = set(names)
    return told.union(*(kb.generals[name] for name in told))
