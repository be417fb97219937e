"""Known answers: scipy, brute force and simulation agree with the statistics of the reports."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from scipy import stats

from simulator.statistics import (
    detectable_difference,
    estimate_means,
    holm,
    paired_differences,
    pass_at_k,
    pass_hat_k,
    sign_flip_p,
)

NAN = float("nan")


def column(values: object) -> np.ndarray:
    return np.asarray(values, dtype=float)[:, None]


@pytest.fixture(autouse=True)
def warnings_are_errors() -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_interval_agrees_with_scipys_bca() -> None:
    values = np.random.default_rng(1).exponential(10, 60)
    ours = estimate_means(column(values), resamples=20_000)[0]
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=2).confidence_interval
    assert ours.mean == pytest.approx(values.mean())
    assert ours.interval is not None
    assert ours.interval == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    samples = rng.normal(5, 2, size=(40, 1000))
    hits = sum(e.interval[0] <= 5 <= e.interval[1] for e in estimate_means(samples) if e.interval)
    assert 0.915 <= hits / 1000 <= 0.97


def test_same_numbers_give_the_same_interval_and_another_seed_another() -> None:
    values = column(np.random.default_rng(4).random(50))
    assert estimate_means(values) == estimate_means(values)
    assert estimate_means(values)[0].interval != estimate_means(values, seed=1)[0].interval


def test_degenerate_samples_have_documented_results() -> None:
    one, equal, none, two = (
        estimate_means(column(values))[0] for values in ([3.0, NAN], [2.0, 2.0, 2.0], [NAN, NAN], [0.0, 1.0])
    )
    assert (one.mean, one.interval, one.n) == (3.0, None, 1)
    assert (equal.mean, equal.interval, equal.n) == (2.0, (2.0, 2.0), 3)
    assert (none.mean, none.interval, none.n) == (None, None, 0)
    assert two.interval is not None and 0 <= two.interval[0] <= 0.5 <= two.interval[1] <= 1


def test_a_missing_case_is_left_out_and_not_counted_as_zero() -> None:
    values = np.random.default_rng(5).random(30)
    with_gap = np.insert(values, 7, NAN)
    assert estimate_means(column(with_gap)) == estimate_means(column(values))
    assert sign_flip_p(column(with_gap - 0.4))[0] == pytest.approx(sign_flip_p(column(values - 0.4))[0], abs=0.02)


def test_exact_p_is_what_trying_every_sign_by_hand_gives() -> None:
    differences = np.array([1.5, -0.5, 2.0, 0.7, 0.0, 1.1, -0.2])
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=7)]
    by_hand = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9)
    assert sign_flip_p(column(differences))[0] == pytest.approx(by_hand)


@pytest.mark.parametrize("n", [9, 12, 13, 40])
def test_p_agrees_with_scipys_permutation_test(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1, vectorized=True
    ).pvalue
    ours = sign_flip_p(column(differences))[0]
    assert ours == pytest.approx(theirs, abs=1e-9 if n <= 12 else 0.02)


def test_p_is_uniform_when_the_doctors_do_not_differ() -> None:
    differences = np.random.default_rng(6).normal(0, 1, size=(25, 1500))
    p = np.array(sign_flip_p(differences, flips=2000), dtype=float)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.035 <= np.mean(p < 0.05) <= 0.065


def test_p_is_small_when_they_differ_and_never_zero() -> None:
    p = sign_flip_p(column(np.random.default_rng(7).normal(3, 1, 200)))[0]
    assert p == pytest.approx(1 / 10_001)


def test_paired_differences_count_wins_ties_and_losses() -> None:
    result = paired_differences(column([1.0, 2.0, 0.0, -1.0, NAN]))[0]
    assert (result.wins, result.ties, result.losses, result.estimate.n) == (2, 1, 1, 4)
    assert result.estimate.mean == pytest.approx(0.5)
    nobody = paired_differences(column([NAN, NAN]))[0]
    assert (nobody.p, nobody.detectable, nobody.estimate.mean) == (None, None, None)


def test_holm_is_the_stepwise_correction() -> None:
    assert holm([0.01, 0.04, 0.03, None]) == pytest.approx([0.03, 0.06, 0.06, None])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("n, c", [(5, 0), (5, 2), (5, 5), (3, 1)])
def test_pass_rates_are_the_mean_over_every_choice_of_trials(n: int, c: int) -> None:
    trials = [True] * c + [False] * (n - c)
    for k in range(1, n + 1):
        chosen = list(itertools.combinations(trials, k))
        assert pass_at_k(n, c, k) == pytest.approx(np.mean([any(some) for some in chosen]))
        assert pass_hat_k(n, c, k) == pytest.approx(np.mean([all(some) for some in chosen]))


def test_detectable_difference_is_found_with_the_power_it_promises() -> None:
    rng = np.random.default_rng(8)
    pilot = rng.normal(0, 2, 5000)
    difference = detectable_difference(pilot, 30)
    assert difference is not None
    found = stats.ttest_1samp(rng.normal(difference, 2, size=(4000, 30)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.04)
    assert detectable_difference(pilot, 120) == pytest.approx(difference / 2, rel=0.05)
    assert detectable_difference(np.array([1.0])) is None


def test_large_samples_stay_finite() -> None:
    result = paired_differences(np.random.default_rng(9).normal(0.1, 1, size=(3000, 3)), resamples=500, flips=500)
    assert all(one.p is not None and math.isfinite(one.p) and one.estimate.interval for one in result)
