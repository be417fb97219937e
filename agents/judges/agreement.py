"""Krippendorff's alpha: how far several judges agree beyond chance; it knows numbers, no judges and no rubric.

Source: K. Krippendorff, *Content Analysis* (2004), ch. 11, and "Computing Krippendorff's Alpha-Reliability" (2011).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
MEMBER = "member."
"""The scores of a panel's members are the metrics ``member.NAME.ITEM`` of its verdict."""
Metric = Literal["nominal", "ordinal", "interval", "ratio"]


def krippendorff_alpha(ratings: ArrayLike, metric: Metric = "interval") -> float | None:
    """Return alpha: 1 for full agreement, 0 for what chance gives, below 0 for systematic disagreement.

    Args:
        ratings: (judges, units), NaN where a judge did not rate a unit. Units with fewer than two ratings
            cannot be compared and are left out.
        metric: how far apart two values are; ``ordinal`` counts the ratings between two ranks.

    Returns:
        None when no unit was rated twice, or when all comparable ratings are one and the same value, so that
        chance cannot be told from agreement.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings must be (judges, units), got {table.ndim} dimensions")
    values, coincidences = _coincidences(table)
    if len(values) < 2:
        return None
    margins = coincidences.sum(axis=0)
    total = margins.sum()
    apart = _distances(values, margins, metric)
    expected = float((np.outer(margins, margins) * apart).sum()) / (total - 1)
    observed = float((coincidences * apart).sum())
    return float(1.0 - observed / expected)


def comparable_units(ratings: ArrayLike) -> int:
    """Return how many units at least two judges rated."""
    table = np.asarray(ratings, dtype=np.float64)
    return int((np.isfinite(table).sum(axis=0) >= 2).sum())


def _coincidences(table: Floats) -> tuple[Floats, Floats]:
    """Return the V distinct values of comparable units, and the (V, V) coincidences of values within units."""
    there = np.isfinite(table)
    keep = there.sum(axis=0) >= 2
    table, there = table[:, keep], there[:, keep]
    values, at = np.unique(table[there], return_inverse=True)
    units = np.broadcast_to(np.arange(table.shape[1]), table.shape)[there]
    counts = np.zeros((table.shape[1], len(values)))
    np.add.at(counts, (units, at), 1.0)
    weight = 1.0 / (counts.sum(axis=1, keepdims=True) - 1.0)
    pairs = (counts * weight).T @ counts
    return values, pairs - np.diag((counts * weight).sum(axis=0))


def _distances(values: Floats, margins: Floats, metric: Metric) -> Floats:
    """Return the squared distance of every two values, (V, V)."""
    if metric == "nominal":
        return 1.0 - np.eye(len(values))
    if metric == "ordinal":
        ranks = np.cumsum(margins) - margins / 2
        return np.asarray((ranks[:, None] - ranks[None, :]) ** 2)
    difference = values[:, None] - values[None, :]
    if metric == "interval":
        return np.asarray(difference**2)
    both = values[:, None] + values[None, :]
    return np.asarray((difference / np.where(both == 0, 1.0, both)) ** 2)
