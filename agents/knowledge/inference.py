"""Which condition explains the findings, and which question would tell most; numbers only, no language."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.knowledge.base import Array, KnowledgeBase
from scenarios.schema import Sex

PRESENT_LIMIT, ABSENT_LIMIT = 3.5, -1.8
"""Natural-log limits of what one finding may say for or against a condition."""
CHIEF_WEIGHT = 1.3
"""The complaint itself must be explained: what opens the visit counts this much more."""
FREE_FINDINGS, CROWD = 3, 0.08
"""Beyond so many present findings each further one counts less, since findings of one illness go together."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Finding ids heard as present or absent.

    ``chief``: those of the opening; ``named``: ids of conditions that an examination result states.
    """

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    chief: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()


def settled(kb: KnowledgeBase, evidence: Evidence) -> frozenset[str]:
    """Return every finding whose answer is known: stated, or following from what was stated."""
    present = evidence.present.union(*(kb.generals[name] for name in evidence.present))
    absent = evidence.absent.union(*(kb.specifics[name] for name in evidence.absent))
    return present | absent


def informative(kb: KnowledgeBase, evidence: Evidence) -> tuple[list[str], list[str]]:
    """Return present and absent findings such that each piece of news counts once.

    Left out are present ones that a more specific one implies, and absent ones that a more general absence
    implies.
    """
    implied = frozenset[str]().union(*(kb.generals[name] for name in evidence.present))
    present = sorted(evidence.present - implied)
    ruled_out = frozenset[str]().union(*(kb.specifics[name] for name in evidence.absent))
    absent = sorted(evidence.absent - ruled_out - evidence.present - implied)
    return present, absent


def support(kb: KnowledgeBase, names: list[str], *, present: bool) -> Array:
    """Return limited log likelihood ratios against the background, shape (C, len(names))."""
    columns = [kb.finding_at[name] for name in names]
    likelihood, background = kb.likelihood[:, columns], kb.background[columns]
    if present:
        return np.clip(np.log(likelihood / background), -PRESENT_LIMIT, PRESENT_LIMIT)
    return np.clip(np.log((1 - likelihood) / (1 - background)), ABSENT_LIMIT, -ABSENT_LIMIT)


def posterior(kb: KnowledgeBase, evidence: Evidence, age_years: float | None = None, sex: Sex = "unknown") -> Array:
    """Return P(condition | evidence), shape (C,), summing to 1 (naive Bayes with damped evidence)."""
    score = np.log(kb.prior) + np.log(kb.demographic_weight(age_years, sex))
    present, absent = informative(kb, evidence)
    if present:
        specific_chief = evidence.chief.union(name for name in present if kb.generals[name] & evidence.chief)
        weight = np.array([CHIEF_WEIGHT if name in specific_chief else 1.0 for name in present])
        damping = 1 / (1 + CROWD * max(0, len(present) - FREE_FINDINGS))
        score = score + damping * (support(kb, present, present=True) @ weight)
    if absent:
        damping = 1 / (1 + CROWD * max(0, len(absent) - FREE_FINDINGS))
        score = score + damping * support(kb, absent, present=False).sum(axis=1)
    for name in evidence.named:
        score[kb.condition_at[name]] += PRESENT_LIMIT
    score -= score.max()
    chance = np.exp(score)
    return np.asarray(chance / chance.sum())


def information_gain(kb: KnowledgeBase, chance: Array) -> Array:
    """Return the expected information in bits of hearing yes or no to each finding, shape (F,)."""
    likely = kb.likelihood
    yes = chance @ likely
    gain_yes = likely * np.log2(likely / yes)
    gain_no = (1 - likely) * np.log2((1 - likely) / (1 - yes))
    return np.asarray(chance @ (gain_yes + gain_no))


def ranking(chance: Array) -> list[int]:
    """Return condition rows, most probable first; ties in id order."""
    return [int(row) for row in np.argsort(-chance, kind="stable")]
