"""Krippendorff's alpha against the worked examples of its author (2011) and what must hold of it in general."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.judges.agreement import Metric, comparable_units, krippendorff_alpha

NONE = math.nan
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]


@pytest.mark.parametrize(("metric", "alpha"), [
    ("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797),
])
def test_four_observers_with_missing_ratings_as_published(metric: Metric, alpha: float) -> None:
    found = krippendorff_alpha(FOUR_OBSERVERS, metric)
    assert found == pytest.approx(alpha, abs=5e-4)


def test_two_observers_with_two_values_as_published() -> None:
    ratings = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    assert krippendorff_alpha(ratings, "nominal") == pytest.approx(0.095, abs=5e-4)


def test_two_observers_with_five_categories_as_published() -> None:
    first, second = "aabbdcccedda", "babbbccceddd"
    ratings = [[ord(c) for c in first], [ord(c) for c in second]]
    assert krippendorff_alpha(ratings, "nominal") == pytest.approx(0.692, abs=5e-4)


def test_alpha_equals_its_definition_pair_by_pair() -> None:
    """Observed over expected squared difference, counted the slow way."""
    chance = np.random.default_rng(1)
    ratings = chance.integers(0, 11, (3, 40)).astype(float)
    ratings[chance.random(ratings.shape) < 0.2] = NONE
    units = [column[np.isfinite(column)] for column in ratings.T]
    units = [unit for unit in units if len(unit) >= 2]
    total = sum(len(unit) for unit in units)
    observed = sum(((u[:, None] - u[None, :]) ** 2).sum() / (len(u) - 1) for u in units) / total
    every = np.concatenate(units)
    expected = ((every[:, None] - every[None, :]) ** 2).sum() / (total * (total - 1))
    assert krippendorff_alpha(ratings) == pytest.approx(1 - observed / expected)


def test_full_agreement_is_one_and_independent_ratings_are_near_nought() -> None:
    chance = np.random.default_rng(2)
    row = chance.integers(0, 11, 500)
    assert krippendorff_alpha([row, row], "ordinal") == pytest.approx(1.0)
    assert abs(krippendorff_alpha(chance.integers(0, 11, (3, 2000)).astype(float)) or 1) < 0.05


def test_what_cannot_be_compared_gives_no_number() -> None:
    assert krippendorff_alpha([[1, 2, 3]]) is None, "one judge"
    assert krippendorff_alpha([[1, NONE], [NONE, 2]]) is None, "never the same unit"
    assert krippendorff_alpha([[7, 7], [7, 7]]) is None, "one value throughout"
    assert krippendorff_alpha(np.empty((2, 0))) is None
    assert comparable_units(FOUR_OBSERVERS) == 11


def test_the_order_of_judges_and_units_is_no_matter() -> None:
    table = np.array(FOUR_OBSERVERS)
    other = table[::-1][:, np.random.default_rng(3).permutation(12)]
    assert krippendorff_alpha(other, "ordinal") == pytest.approx(krippendorff_alpha(table, "ordinal"))
