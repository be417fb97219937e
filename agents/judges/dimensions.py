"""From metrics to the six dimensions and the total; it knows formulas, not where the numbers come from.

Each dimension is a weighted mean of parts in 0..1, times ten; parts that do not apply are left out and the
weights of the rest are scaled up. ``P`` are the parts below, computed from the metrics of the same names:

=============  =====================================================================================
dimension      formula
=============  =====================================================================================
comprehension  0.7 coverage + 0.3 coverage_all
inquiry        0.45 coverage + 0.35 depth + 0.2 red_flags
diagnosis      0.4 diagnosis_top1 + 0.2 diagnosis_top3 + 0.2 timely + 0.2 red_flags
treatment      0.5 advice_covered + 0.15 advice + 0.2 safety_net + 0.15 brief
communication  0.35 closed + 0.15 timely + 0.3 pace + 0.2 fresh
spoken         0.4 pronounceable + 0.4 fitting length + 0.2 pace
=============  =====================================================================================

depth = different questions / enough_questions, at most 1; different = questions_total x (1 - repetition).
timely = 1 when a diagnosis was stated and not prematurely. brief = share of advising turns within the length
limit. pace = share of asking turns with at most max_questions_per_turn questions (0 when none asks).
fresh = 1 - repetition (0 when nothing was asked). pronounceable = 1 - unpronounceable / unpronounceable_limit.
fitting length = share of turns that say something and are not too long.
"""

from __future__ import annotations

from collections.abc import Mapping

from scenarios.schema import DIMENSIONS, Dimension

FORMULAS: Mapping[Dimension, Mapping[str, float]] = {
    "comprehension": {"coverage": 0.7, "coverage_all": 0.3},
    "inquiry": {"coverage": 0.45, "depth": 0.35, "red_flags": 0.2},
    "diagnosis": {"diagnosis_top1": 0.4, "diagnosis_top3": 0.2, "timely": 0.2, "red_flags": 0.2},
    "treatment": {"advice_covered": 0.5, "advice": 0.15, "safety_net": 0.2, "brief": 0.15},
    "communication": {"closed": 0.35, "timely": 0.15, "pace": 0.3, "fresh": 0.2},
    "spoken": {"pronounceable": 0.4, "fitting_length": 0.4, "pace": 0.2},
}


def dimension_scores(parts: Mapping[str, float]) -> dict[str, float]:
    """Return dimension -> 0..10 for every dimension of which at least one part applies.

    Args:
        parts: name -> 0..1; absent names do not apply and their weight is shared by the others.
    """
    scores: dict[str, float] = {}
    for dimension, formula in FORMULAS.items():
        there = {name: weight for name, weight in formula.items() if name in parts}
        if there:
            mean = sum(weight * parts[name] for name, weight in there.items()) / sum(there.values())
            scores[dimension] = round(10 * min(1.0, max(0.0, mean)), 4)
    return scores


def total(scores: Mapping[str, float], weights: Mapping[Dimension, float]) -> float | None:
    """Return the weighted mean of the scored dimensions as 0..100; None when none is scored or weighs anything.

    Args:
        scores: dimension -> 0..10.
        weights: dimension -> relative weight; a dimension that is not named weighs 1.
    """
    there = [(scores[d], weights.get(d, 1.0)) for d in DIMENSIONS if d in scores]
    mass = sum(weight for _, weight in there)
    return round(10 * sum(score * weight for score, weight in there) / mass, 4) if mass > 0 else None


def missing_parts(parts: Mapping[str, float], reasons: Mapping[str, str]) -> dict[str, str]:
    """Explain each dimension that is not scored or rests on fewer parts than its formula names."""
    notes: dict[str, str] = {}
    for dimension, formula in FORMULAS.items():
        absent = [name for name in formula if name not in parts]
        if absent:
            rest = [name for name in formula if name in parts]
            why = "; ".join(dict.fromkeys(reasons.get(name, f"no {name}") for name in absent))
            notes[dimension] = f"{why} (rests on {', '.join(rest)})" if rest else why
    return notes
