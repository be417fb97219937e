"""Which condition explains the findings, and which question would tell most; numbers only, no language."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.knowledge.base import Array, KnowledgeBase
from scenarios.schema import Sex

PRESENT_LIMIT, ABSENT_LIMIT = 4.0, -1.5
"""Natural-log limits of what one finding may say for or against a condition."""
CHIEF_WEIGHT = 1.3
"""The complaint itself must be explained: what opens the visit counts this much more."""
UNEXPLAINED = 2.5
"""Taken from a condition that causes nothing of the complaint, in natural-log units."""
EXPLAINS = 0.7
"""Log likelihood ratio from which a condition counts as causing a finding."""
UNLISTED = 0.6
"""What a detail is worth to a condition of which only the more general finding is known."""
REPORTED = 0.5
"""What a finding in an examination report is worth of the patient's own words: reports are not lay language."""
FREE_FINDINGS, CROWD = 3, 0.08
"""Beyond so many present findings each further one counts less, since findings of one illness go together."""
DENIED, DENIED_CROWD = 0.8, 0.1
"""What a denial is worth of its likelihood ratio, and how much less each further one counts."""
_CIRCUMSTANCE = frozenset({"onset", "course", "timing", "provocation", "relief", "severity"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """Finding ids heard as present or absent.

    ``chief``: those of the opening; ``reported``: present ones that only an examination report names;
    ``named``: ids of conditions that an examination report states.
    """

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    chief: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()


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
    """Return limited log likelihood ratios against the background, shape (C, len(names)).

    A present detail that a condition does not list, but whose general finding it does, counts ``UNLISTED`` of
    its ratio: it speaks for the condition, yet less than for one that is known for this very detail.
    """
    columns = [kb.finding_at[name] for name in names]
    likelihood, background = kb.likelihood[:, columns], kb.background[columns]
    if present:
        ratio = np.log(likelihood / background)
        ratio = np.where(kb.listed[:, columns] | (ratio < 0), ratio, UNLISTED * ratio)
        return np.asarray(np.clip(ratio, -PRESENT_LIMIT, PRESENT_LIMIT))
    return np.clip(np.log((1 - likelihood) / (1 - background)), ABSENT_LIMIT, -ABSENT_LIMIT)


def posterior(kb: KnowledgeBase, evidence: Evidence, age_years: float | None = None, sex: Sex = "unknown") -> Array:
    """Return P(condition | evidence), shape (C,), summing to 1 (naive Bayes with damped evidence)."""
    score = np.log(kb.prior) + np.log(kb.demographic_weight(age_years, sex))
    present, absent = informative(kb, evidence)
    if present:
        weight = np.array([_weight(kb, evidence, name) for name in present])
        damping = 1 / (1 + CROWD * max(0, len(present) - FREE_FINDINGS))
        score = score + damping * (support(kb, present, present=True) @ weight)
    if absent:
        damping = DENIED / (1 + DENIED_CROWD * max(0, len(absent) - FREE_FINDINGS))
        score = score + damping * support(kb, absent, present=False).sum(axis=1)
    score = score - UNEXPLAINED * ~explaining(kb, evidence)
    for name in evidence.named:
        score[kb.condition_at[name]] += PRESENT_LIMIT
    score -= score.max()
    chance = np.exp(score)
    return np.asarray(chance / chance.sum())


def explaining(kb: KnowledgeBase, evidence: Evidence) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which conditions cause at least one symptom of the complaint, shape (C,); all where it has none."""
    chief = [name for name in sorted(evidence.chief) if is_symptom(kb, name)]
    if not chief:
        return np.ones(len(kb.conditions), dtype=bool)
    return np.asarray((support(kb, chief, present=True) >= EXPLAINS).any(axis=1))


def is_symptom(kb: KnowledgeBase, name: str) -> bool:
    """Whether a finding is something felt or seen, not a circumstance of it or of the patient's life."""
    finding = kb.finding(name)
    circumstance = finding.topic in _CIRCUMSTANCE and not finding.implies
    return finding.kind == "symptom" and not circumstance and not name.startswith(("worse_", "better_"))


def _weight(kb: KnowledgeBase, evidence: Evidence, name: str) -> float:
    if name in evidence.reported:
        return REPORTED
    return CHIEF_WEIGHT if name in evidence.chief or kb.generals[name] & evidence.chief else 1.0


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
