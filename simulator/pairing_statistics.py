"""Rates, position bias and a ranking from many paired comparisons; it knows outcomes, not referees or folders.

The unit is the case, as in ``simulator.statistics``: trials of one case share its weight, and resampling draws whole
cases. Everything random comes from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scenarios.schema.pairing import Asked, Choice, Pairing
from simulator import bradley_terry, statistics

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Interval = tuple[float, float]

_POINTS: dict[Choice, int] = {"a": 1, "tie": 0, "b": -1}


@dataclass(frozen=True)
class Rate:
    """A share of comparisons over ``n_cases`` cases with its 95% interval; None where there is none."""

    mean: float | None
    interval: Interval | None
    n_cases: int


@dataclass(frozen=True)
class PairRates:
    """How ``a`` stands against ``b``. ``net`` is win - loss, with p from flipping the signs of cases."""

    a: str
    b: str
    n: int
    win: Rate
    tie: Rate
    loss: Rate
    net: Rate
    p: float | None


@dataclass(frozen=True)
class Position:
    """What the order of showing does, over all askings of parsed comparisons.

    ``first``: share of the askings that preferred one which preferred the consultation shown first; 0.5 without
    bias. ``inconsistent``: share of comparisons whose two askings disagree.
    """

    first: Rate
    inconsistent: Rate
    first_n: int
    second_n: int
    tie_n: int


@dataclass(frozen=True)
class Standing:
    """One doctor's strength (natural logarithm, the average doctor being 0) and rank, with 95% intervals over cases.

    ``best`` is the share of resamples in which this doctor is the strongest.
    """

    doctor: str
    strength: float
    interval: Interval | None
    rank: int
    ranks: tuple[int, int] | None
    best: float


@dataclass(frozen=True)
class Ranking:
    """Doctors, strongest first; ``tie`` is Davidson's parameter, ``notes`` what must be known before believing it."""

    standings: tuple[Standing, ...]
    tie: float
    notes: tuple[str, ...]


@dataclass
class Comparisons:
    """Parsed comparisons as columns; ``points`` +1 a won, 0 tie, -1 b won; doctors and cases are indexes."""

    doctors: tuple[str, ...]
    cases: tuple[str, ...]
    case: Ints
    a: Ints
    b: Ints
    points: Ints
    asked: list[tuple[Asked, Asked]] = field(default_factory=list)
    unparsed: int = 0

    @staticmethod
    def read(pairings: Iterable[Pairing], doctors: Sequence[str] = (), dimension: str = "") -> Comparisons:
        """Take in what was compared; doctors in the given order, others after them by name.

        Args:
            pairings: in any order.
            doctors: the batch's order.
            dimension: count this dimension and not the overall answer; pairings without it are left out.
        """
        kept = sorted(pairings, key=lambda one: (one.case, one.trial, one.doctor_a, one.doctor_b))
        unparsed = sum(not one.preference.parsed for one in kept)
        kept = [one for one in kept if one.preference.parsed]
        if dimension:
            kept = [one for one in kept if dimension in one.preference.dimensions]
        met = {name for one in kept for name in (one.doctor_a, one.doctor_b)}
        names = (*(d for d in doctors if d in met), *sorted(met.difference(doctors)))
        cases = tuple(sorted({one.case for one in kept}))
        place, at = {d: i for i, d in enumerate(names)}, {c: i for i, c in enumerate(cases)}
        return Comparisons(
            names, cases, _ints(at[one.case] for one in kept), _ints(place[one.doctor_a] for one in kept),
            _ints(place[one.doctor_b] for one in kept),
            _ints(_POINTS[one.preference.dimensions[dimension] if dimension else one.preference.winner]
                  for one in kept),
            [one.preference.orders for one in kept], unparsed,
        )

    def __len__(self) -> int:
        """Return the number of parsed comparisons."""
        return len(self.points)

    def of(self, a: int, b: int) -> tuple[Ints, Ints]:
        """Return cases and points of the comparisons of two doctors, seen from ``a``."""
        straight, turned = (self.a == a) & (self.b == b), (self.a == b) & (self.b == a)
        points = np.concatenate([self.points[straight], -self.points[turned]])
        return np.concatenate([self.case[straight], self.case[turned]]), points


def pair_rates(found: Comparisons) -> list[PairRates]:
    """Return win, tie and loss shares of every pair that met."""
    rows = []
    for a, b in combinations(range(len(found.doctors)), 2):
        case, points = found.of(a, b)
        if not len(points):
            continue
        columns = np.column_stack([
            _case_means(case, points == 1), _case_means(case, points == 0), _case_means(case, points == -1),
            _case_means(case, points),
        ])
        win, tie, loss = (_share(column) for column in columns.T[:3])
        paired = statistics.paired_differences(columns[:, 3:])[0]
        net = Rate(paired.estimate.mean, paired.estimate.interval, paired.estimate.n)
        if net.interval and net.interval[0] == net.interval[1]:
            net = Rate(net.mean, None, net.n_cases)
        rows.append(PairRates(found.doctors[a], found.doctors[b], len(points), win, tie, loss, net, paired.p))
    return rows


def position(found: Comparisons) -> Position:
    """Return how much the order of showing decides."""
    places = [[asked.better for asked in both] for both in found.asked]
    first = _ints(row.count("first") for row in places)
    second = _ints(row.count("second") for row in places)
    decided = first + second
    disagree = _ints((one == "tie") != (two == "tie") or one == two != "tie" for one, two in places)
    rate = _ratio(found.case, first, decided, len(found.cases))
    return Position(
        rate, _share(_case_means(found.case, disagree)) if len(found) else Rate(None, None, 0),
        int(first.sum()), int(second.sum()), int(2 * len(places) - decided.sum()),
    )


def ranking(
    found: Comparisons, *, resamples: int = statistics.RESAMPLES, seed: int = statistics.SEED
) -> Ranking | None:
    """Return the doctors by Bradley-Terry strength with ties (see ``simulator.bradley_terry``).

    Every case weighs the same: the trials of one case and pair share its weight. Intervals are percentiles over
    resampled cases.

    Returns:
        None with fewer than three doctors, where the win rate says all there is to say.
    """
    if len(found.doctors) < 3:
        return None
    wins, ties = _tables(found)
    whole = bradley_terry.fit(wins.sum(0)[None], ties.sum(0)[None])
    size = len(found.cases)
    strengths = whole.log[0]
    order = np.argsort(-strengths, kind="stable")
    drawn = None
    if size > 1:
        rng = np.random.default_rng([seed, size, 2])
        weights = rng.multinomial(size, np.full(size, 1 / size), resamples).astype(float)
        drawn = bradley_terry.fit(np.tensordot(weights, wins, 1), np.tensordot(weights, ties, 1)).log
    standings = [_standing(found.doctors, int(index), rank, strengths, drawn) for rank, index in enumerate(order, 1)]
    return Ranking(tuple(standings), float(whole.tie[0]), _notes(found.doctors, wins.sum(0), ties.sum(0)))


def _standing(doctors: tuple[str, ...], index: int, rank: int, strengths: Floats, drawn: Floats | None) -> Standing:
    if drawn is None:
        return Standing(doctors[index], float(strengths[index]), None, rank, None, float(rank == 1))
    low, high = np.quantile(drawn[:, index], [0.025, 0.975])
    ranks = 1 + (drawn > drawn[:, index : index + 1]).sum(1)
    ends = np.quantile(ranks, [0.025, 0.975], method="closest_observation")
    return Standing(
        doctors[index], float(strengths[index]), (float(low), float(high)), rank, (int(ends[0]), int(ends[1])),
        float((ranks == 1).mean()),
    )


def _tables(found: Comparisons) -> tuple[Floats, Floats]:
    """Return wins and ties by case, shape (cases, doctors, doctors); the comparisons of a case and pair sum to 1."""
    size, players = len(found.cases), len(found.doctors)
    times = np.zeros((size, players, players))
    low, high = np.minimum(found.a, found.b), np.maximum(found.a, found.b)
    np.add.at(times, (found.case, low, high), 1)
    weight = 1 / times[found.case, low, high]
    wins, ties = np.zeros_like(times), np.zeros_like(times)
    won = np.where(found.points >= 0, found.a, found.b), np.where(found.points >= 0, found.b, found.a)
    decided = found.points != 0
    np.add.at(wins, (found.case[decided], won[0][decided], won[1][decided]), weight[decided])
    for one, other in ((low, high), (high, low)):
        np.add.at(ties, (found.case[~decided], one[~decided], other[~decided]), weight[~decided])
    return wins, ties


def _notes(doctors: tuple[str, ...], wins: Floats, ties: Floats) -> tuple[str, ...]:
    met, strong = bradley_terry.groups(wins, ties)
    notes = []
    if len(met) > 1:
        groups = " | ".join(", ".join(doctors[i] for i in group) for group in met)
        notes.append(f"doctors of different groups never met, their strengths cannot be compared: {groups}")
    elif len(strong) > 1:
        notes.append(
            "somebody won or lost every comparison with the others, so that only a weak prior (standard deviation "
            f"{bradley_terry.PRIOR_SD:g}) bounds the distance: believe the order, not the size"
        )
    return tuple(notes)


def _case_means(case: Ints, values: NDArray[np.generic]) -> Floats:
    """Return the mean of ``values`` for every case that has one."""
    counts = np.bincount(case)
    sums = np.bincount(case, weights=values.astype(float))
    return np.asarray(sums[counts > 0] / counts[counts > 0], dtype=np.float64)


def _share(means: Floats) -> Rate:
    """Return the mean share of cases with a bootstrap interval.

    Where all cases agree on 0 or 1 the bootstrap has nothing to resample; then the interval is that of Clopper and
    Pearson (1934), whose upper end for 0 of n is near 3.7 / n.
    """
    estimate = statistics.estimate_means(means[:, None])[0]
    n = estimate.n
    if n and estimate.mean in (0.0, 1.0):
        far = float(special.betaincinv(1, n, 0.975))
        return Rate(estimate.mean, (0.0, far) if estimate.mean == 0 else (1 - far, 1.0), n)
    return Rate(estimate.mean, estimate.interval, n)


def _ratio(case: Ints, part: Ints, whole: Ints, size: int) -> Rate:
    """Return the share sum(part) / sum(whole) with a percentile interval over resampled cases."""
    parts = np.bincount(case, weights=part, minlength=size)
    wholes = np.bincount(case, weights=whole, minlength=size)
    total = float(wholes.sum())
    n = int((wholes > 0).sum())
    if not total:
        return Rate(None, None, 0)
    share = float(parts.sum()) / total
    if share in (0.0, 1.0):
        far = float(special.betaincinv(1, n, 0.975))
        return Rate(share, (0.0, far) if share == 0 else (1 - far, 1.0), n)
    if n < 2:
        return Rate(share, None, n)
    rng = np.random.default_rng([statistics.SEED, size, 3])
    weights = rng.multinomial(size, np.full(size, 1 / size), statistics.RESAMPLES)
    drawn, sums = weights @ parts, weights @ wholes
    low, high = np.quantile(drawn[sums > 0] / sums[sums > 0], [0.025, 0.975])
    return Rate(share, (float(low), float(high)), n)


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64)
