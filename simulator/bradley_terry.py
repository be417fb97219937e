"""Strengths of players from paired comparisons with ties (Davidson's model); it knows counts, not doctors or runs.

Davidson (1970), "On extending the Bradley-Terry model to accommodate ties in paired comparison experiments", JASA 65:
with log-strengths s and tie parameter v, the chances of "i wins", "j wins" and "tie" are proportional to exp(s_i),
exp(s_j) and v * exp((s_i + s_j) / 2). The log-likelihood is concave in (s, log v), so damped Newton steps find its
one maximum. A weak normal prior on s and log v keeps it finite where the likelihood alone has no maximum: someone
who won or lost everything, or groups that never met (Ford 1957; Hunter 2004, "MM algorithms for generalized
Bradley-Terry models", section 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]

PRIOR_SD = 3.0
"""Of a log-strength: two thirds of doctors lie within odds of 20 to 1 of the average one."""
STEPS = 200
TOLERANCE = 1e-10
_NEVER = -60.0
"""log v where no tie was seen: their chance is zero to the last digit."""


@dataclass(frozen=True)
class Strengths:
    """``log``: (samples, players), each row with mean zero; ``tie``: (samples,) Davidson's v."""

    log: Floats
    tie: Floats


def fit(wins: Floats, ties: Floats, prior_sd: float = PRIOR_SD) -> Strengths:
    """Return the strengths of greatest posterior density for every sample.

    Args:
        wins: (samples, players, players), ``wins[:, i, j]`` how often i beat j; need not be whole numbers.
        ties: (samples, players, players), how often i and j tied, given once for each order (symmetric).
        prior_sd: of a log-strength and of log v; infinity asks for the plain maximum of the likelihood.
    """
    samples, players = wins.shape[:2]
    upper = np.triu_indices(players, 1)
    counts = np.stack([wins[:, *upper], wins.transpose(0, 2, 1)[:, *upper], ties[:, *upper]], -1)
    tied = counts[..., 2].sum(1) > 0
    design = _design(players, upper)
    ridge = np.full((samples, players + 1), max(prior_sd**-2, 1e-12))
    at = np.zeros((samples, players + 1))
    at[:, -1] = np.where(tied, 0.0, _NEVER)
    centre = at.copy()
    for _ in range(STEPS):
        step = _newton_step(at, centre, counts, design, ridge)
        at = at + step
        if np.abs(step).max(initial=0.0) < TOLERANCE:
            break
    strengths = at[:, :-1] - at[:, :-1].mean(1, keepdims=True)
    return Strengths(strengths, np.where(tied, np.exp(at[:, -1]), 0.0))


def win_chance(strength: float, other: float, tie: float) -> float:
    """Return the chance that a player of log-strength ``strength`` beats the ``other``."""
    half = (strength - other) / 2
    return float(1 / (1 + np.exp(-2 * half) + tie * np.exp(-half)))


def groups(wins: Floats, ties: Floats) -> tuple[list[list[int]], list[list[int]]]:
    """Return who can be compared with whom.

    Args:
        wins: (players, players).
        ties: (players, players), symmetric.

    Returns:
        The groups within which everyone met everyone, over others at least; and the groups within which the
        likelihood has a maximum by itself, because no part of a group won every comparison with the rest (ties
        count for both).
    """
    met = wins + ties
    return _components(met, "weak"), _components(met, "strong")


def _components(edges: Floats, connection: str) -> list[list[int]]:
    count, label = connected_components(edges > 0, directed=True, connection=connection)
    return [np.nonzero(label == one)[0].tolist() for one in range(count)]


def _design(players: int, upper: tuple[NDArray[np.intp], ...]) -> Floats:
    """Return the linear predictors of the three outcomes of each pair: (pairs, 3, players + 1)."""
    pairs = np.arange(len(upper[0]))
    design = np.zeros((len(pairs), 3, players + 1))
    design[pairs, 0, upper[0]] = 1
    design[pairs, 1, upper[1]] = 1
    design[pairs, 2, upper[0]] = design[pairs, 2, upper[1]] = 0.5
    design[:, 2, -1] = 1
    return design


def _newton_step(at: Floats, centre: Floats, counts: Floats, design: Floats, ridge: Floats) -> Floats:
    """Return a damped Newton step of the log-posterior; at most one unit in any direction, so that none overshoots."""
    scores = np.einsum("pok,sk->spo", design, at)
    chances = np.exp(scores - scores.max(-1, keepdims=True))
    chances /= chances.sum(-1, keepdims=True)
    totals = counts.sum(-1)
    slope = np.einsum("spo,pok->sk", counts - totals[..., None] * chances, design) - ridge * (at - centre)
    mean = np.einsum("spo,pok->spk", chances, design)
    bend = np.einsum("sp,spo,pok,pol->skl", totals, chances, design, design, optimize=True)
    bend -= np.einsum("sp,spk,spl->skl", totals, mean, mean, optimize=True)
    bend += np.eye(at.shape[1]) * ridge[:, :, None]
    step = np.linalg.solve(bend, slope[..., None])[..., 0]
    return np.asarray(step / np.maximum(1.0, np.abs(step).max(1, keepdims=True)), dtype=np.float64)
