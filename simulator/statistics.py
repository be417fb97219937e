"""Intervals, paired tests and pass rates over cases; it knows arrays of numbers, not runs or doctors.

The unit is the case: trials of one case are not independent, so they are averaged first, every case weighs the
same, and resampling draws whole cases. Everything random comes from a fixed seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

RESAMPLES = 2_000
FLIPS = 10_000
EXACT_UP_TO = 12
SEED = 20_260
LEVEL = 0.95
POWER = 0.8
_AT_ONCE = 4_000_000
"""Numbers held at once while resampling or flipping: 32 MB."""


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` cases with its interval.

    ``mean`` is None without a case. ``interval`` is None with fewer than two cases (one case says nothing about
    the spread between cases) and has zero width when all cases are equal.
    """

    mean: float | None
    interval: tuple[float, float] | None
    n: int


@dataclass(frozen=True)
class Paired:
    """The mean difference a - b over the cases that both have."""

    estimate: Estimate
    p: float | None
    wins: int
    ties: int
    losses: int
    detectable: float | None


def estimate_means(columns: Floats, *, resamples: int = RESAMPLES, seed: int = SEED) -> list[Estimate]:
    """Return the mean of each column with a 95% BCa bootstrap interval over cases.

    Bias-corrected and accelerated intervals follow Efron (1987), "Better bootstrap confidence intervals", with
    the acceleration from the skewness of the cases. All columns are resampled with the same draws.

    Args:
        columns: (cases, columns) means over trials; NaN where a case has no value, which leaves it out.
        resamples: bootstrap samples.
        seed: of the draws.
    """
    found: list[Estimate] = [Estimate(None, None, 0)] * columns.shape[1]
    there = ~np.isnan(columns)
    groups: dict[bytes, list[int]] = {}
    for index in range(columns.shape[1]):
        groups.setdefault(there[:, index].tobytes(), []).append(index)
    for members in groups.values():
        values = columns[there[:, members[0]]][:, members]
        drawn = _bootstrap_means(values, resamples, seed) if len(values) > 1 else None
        for place, index in enumerate(members):
            found[index] = _estimate(values[:, place], None if drawn is None else drawn[:, place])
    return found


def estimate_ratio(parts: Floats, wholes: Floats, *, resamples: int = RESAMPLES, seed: int = SEED) -> Estimate:
    """Return sum(parts) / sum(wholes), e.g. errors over characters, with a 95% BCa bootstrap interval over cases.

    Whole cases are drawn, so that errors which come together stay together; the acceleration comes from each case's
    influence on the ratio (Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 14).

    Args:
        parts: (cases,) numerators.
        wholes: (cases,) denominators.
        resamples: bootstrap samples.
        seed: of the draws.

    Returns:
        The ratio over ``n`` cases; None where the denominators sum to 0.
    """
    total = float(wholes.sum())
    if not total:
        return Estimate(None, None, len(wholes))
    ratio = float(parts.sum()) / total
    drawn = _bootstrap_means(np.column_stack((parts, wholes)), resamples, seed) if len(parts) > 1 else None
    if drawn is None or (drawn[:, 1] == 0).any():
        return Estimate(ratio, None, len(wholes))
    influence = (parts - ratio * wholes) * len(wholes) / total
    return _estimate_around(ratio, ratio + influence, drawn[:, 0] / drawn[:, 1])


def paired_differences(
    columns: Floats, *, resamples: int = RESAMPLES, flips: int = FLIPS, seed: int = SEED
) -> list[Paired]:
    """Return what each column of differences (cases, columns) says; NaN where not both doctors have the case."""
    estimates = estimate_means(columns, resamples=resamples, seed=seed)
    p_values = sign_flip_p(columns, flips=flips, seed=seed)
    return [
        Paired(
            estimate, p, int((column > 0).sum()), int((column == 0).sum()), int((column < 0).sum()),
            detectable_difference(column[~np.isnan(column)]),
        )
        for estimate, p, column in zip(estimates, p_values, columns.T, strict=True)
    ]


def sign_flip_p(columns: Floats, *, flips: int = FLIPS, seed: int = SEED) -> list[float | None]:
    """Return the two-sided p of each column's mean difference by flipping signs of cases.

    Under the null hypothesis that the doctors do not differ, each case's difference may as well have the other
    sign. Up to 12 cases every one of the 2^n sign patterns is tried; beyond, ``flips`` random ones, and the
    observed pattern counts as one of them so that p is never 0 (Phipson and Smyth 2010).

    Args:
        columns: (cases, columns) differences; NaN is left out.
        flips: random sign patterns when there are more than 12 cases.
        seed: of the patterns.

    Returns:
        p per column; None without a case.
    """
    counts = (~np.isnan(columns)).sum(axis=0)
    exact = counts <= EXACT_UP_TO
    found: list[float | None] = [_exact_p(column[~np.isnan(column)]) if few else None
                                 for column, few in zip(columns.T, exact, strict=True)]
    if not exact.all():
        many = np.nonzero(~exact)[0]
        for index, p in zip(many, _random_p(np.nan_to_num(columns[:, many]), flips, seed), strict=True):
            found[index] = float(p)
    return found


def holm(p_values: list[float | None]) -> list[float | None]:
    """Return the p-values corrected for their number (Holm 1979), None staying None."""
    there = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    so_far = 0.0
    for rank, (p, index) in enumerate(there):
        so_far = max(so_far, min(1.0, p * (len(there) - rank)))
        found[index] = so_far
    return found


def pass_at_k(n: int, successes: int, k: int) -> float:
    """Return the chance that at least one of ``k`` trials succeeds, estimated without bias from ``n`` >= k trials.

    1 - C(n - c, k) / C(n, k), as in Chen et al. (2021), "Evaluating large language models trained on code".
    """
    return 1 - math.comb(n - successes, k) / math.comb(n, k)


def pass_hat_k(n: int, successes: int, k: int) -> float:
    """Return the chance that all of ``k`` trials succeed, estimated without bias from ``n`` >= k trials.

    C(c, k) / C(n, k), pass^k as in Yao et al. (2024), "tau-bench".
    """
    return math.comb(successes, k) / math.comb(n, k)


def detectable_difference(differences: Floats, n: int | None = None) -> float | None:
    """Return the smallest true mean difference found with 80% power at the 5% level by a two-sided paired t-test.

    (t(0.975) + t(0.8)) * sd / sqrt(n) with n - 1 degrees of freedom.

    Args:
        differences: (cases,) differences, whose spread is used.
        n: cases of the study one asks about; those of ``differences`` unless given.

    Returns:
        The difference; None with fewer than two cases.
    """
    cases = len(differences) if n is None else n
    if len(differences) < 2 or cases < 2:
        return None
    spread = float(np.std(differences, ddof=1))
    ends = special.stdtrit(cases - 1, [(1 + LEVEL) / 2, POWER]).sum()
    return float(ends * spread / math.sqrt(cases))


def _estimate(values: Floats, drawn: Floats | None) -> Estimate:
    if not len(values):
        return Estimate(None, None, 0)
    mean = float(values.mean())
    return Estimate(mean, None, len(values)) if drawn is None else _estimate_around(mean, values, drawn)


def _estimate_around(mean: float, values: Floats, drawn: Floats) -> Estimate:
    if np.ptp(values) < 1e-12 * max(1.0, abs(mean)):
        return Estimate(mean, (mean, mean), len(values))
    low, high = _bca(values, drawn, mean)
    return Estimate(mean, (low, high), len(values))


def _bca(values: Floats, drawn: Floats, mean: float) -> tuple[float, float]:
    size = len(drawn)
    below = (np.count_nonzero(drawn < mean) + np.count_nonzero(drawn <= mean)) / (2 * size)
    bias = special.ndtri(min(max(below, 1 / size), 1 - 1 / size))
    spread = values - mean
    acceleration = float((spread**3).sum() / (6 * (spread**2).sum() ** 1.5))
    ends = bias + special.ndtri([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    shares = special.ndtr(bias + ends / (1 - acceleration * ends))
    low, high = np.quantile(drawn, shares)
    return float(low), float(high)


def _bootstrap_means(values: Floats, resamples: int, seed: int) -> Floats:
    n = len(values)
    rng = np.random.default_rng([seed, n])
    rows = max(1, _AT_ONCE // n)
    parts = []
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = rng.integers(0, n, size=(count, n)) + np.arange(count)[:, None] * n
        weights = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n)
        parts.append(weights @ values / n)
    return np.concatenate(parts)


def _exact_p(differences: Floats) -> float | None:
    if not len(differences):
        return None
    sums = _all_signs(len(differences)) @ differences
    return float(np.mean(np.abs(sums) >= abs(differences.sum()) - _slack(differences)))


@lru_cache(maxsize=EXACT_UP_TO)
def _all_signs(n: int) -> Floats:
    """Return every sign pattern, shape (2^n, n)."""
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return np.asarray(bits * 2.0 - 1.0, dtype=np.float64)


def _random_p(columns: Floats, flips: int, seed: int) -> Floats:
    """Return p per column of (cases, columns); a missing difference is 0, which no sign changes."""
    rng = np.random.default_rng([seed, len(columns), 1])
    observed = np.abs(columns.sum(axis=0)) - _slack(columns)
    rows = max(1, _AT_ONCE // len(columns))
    extreme = np.zeros(columns.shape[1])
    for start in range(0, flips, rows):
        signs = rng.integers(0, 2, size=(min(rows, flips - start), len(columns))) * 2.0 - 1.0
        extreme += (np.abs(signs @ columns) >= observed).sum(axis=0)
    return (1 + extreme) / (1 + flips)


def _slack(values: Floats) -> float:
    """Return the rounding error that must not make two equal sums differ."""
    return 1e-9 * max(1.0, float(np.abs(values).max(initial=0.0)))
