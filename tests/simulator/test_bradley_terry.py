"""The ranking's model: a published example, closed forms, recovery of known strengths, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from simulator.bradley_terry import fit, groups, win_chance

TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
SEASON_1987 = np.array([
    [0, 7, 9, 7, 7, 9, 11], [6, 0, 7, 5, 11, 9, 9], [4, 6, 0, 7, 7, 8, 12], [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12], [4, 4, 5, 6, 6, 0, 6], [2, 4, 1, 3, 1, 7, 0],
], dtype=float)
"""Wins of the row over the column, American League East 1987: Agresti, "Categorical Data Analysis", Bradley-Terry."""

PUBLISHED = (1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0)


def no_ties(wins: np.ndarray) -> np.ndarray:
    return np.zeros_like(wins)


def simulate(strengths: np.ndarray, tie: float, rounds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = len(strengths)
    wins, ties = np.zeros((size, size)), np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1, size):
            weights = np.exp([strengths[i], strengths[j], np.log(tie) + (strengths[i] + strengths[j]) / 2])
            one, other, both = rng.multinomial(rounds, weights / weights.sum())
            wins[i, j], wins[j, i], ties[i, j], ties[j, i] = one, other, both, both
    return wins, ties


def test_the_published_strengths_of_seven_baseball_teams_come_out() -> None:
    found = fit(SEASON_1987[None], no_ties(SEASON_1987)[None], prior_sd=np.inf)
    assert found.log[0] - found.log[0, -1] == pytest.approx(PUBLISHED, abs=5e-5)
    assert found.tie[0] == 0


def test_two_players_with_ties_have_the_closed_form() -> None:
    wins, ties = np.array([[0.0, 12], [5, 0]]), np.array([[0.0, 7], [7, 0]])
    found = fit(wins[None], ties[None], prior_sd=np.inf)
    assert found.log[0, 0] - found.log[0, 1] == pytest.approx(np.log(12 / 5))
    assert found.tie[0] == pytest.approx(7 / np.sqrt(12 * 5))
    assert win_chance(found.log[0, 0], found.log[0, 1], found.tie[0]) == pytest.approx(12 / 24)


def test_a_general_optimiser_finds_no_better_strengths() -> None:
    wins, ties = simulate(np.array([0.8, 0.1, -0.2, -0.7]), 0.6, 15, seed=3)

    def cost(at: np.ndarray) -> float:
        total = 0.0
        for i in range(4):
            for j in range(i + 1, 4):
                scores = np.array([at[i], at[j], at[4] + (at[i] + at[j]) / 2])
                logs = scores - np.logaddexp.reduce(scores)
                total -= logs @ (wins[i, j], wins[j, i], ties[i, j])
        return total

    best = minimize(cost, np.zeros(5), tol=1e-12)
    found = fit(wins[None], ties[None], prior_sd=np.inf)
    assert cost(np.append(found.log[0], np.log(found.tie[0]))) <= best.fun + 1e-6
    assert found.log[0] == pytest.approx(best.x[:4] - best.x[:4].mean(), abs=1e-3)


def test_known_strengths_and_the_share_of_ties_are_recovered() -> None:
    truth = np.array([1.2, 0.4, 0.0, -0.5, -1.1])
    wins, ties = simulate(truth, 0.8, 4_000, seed=5)
    found = fit(wins[None], ties[None])
    assert found.log[0] == pytest.approx(truth, abs=0.06)
    assert found.tie[0] == pytest.approx(0.8, abs=0.04)


def test_names_do_not_matter() -> None:
    wins, ties = simulate(np.array([0.9, 0.2, -0.4, -0.7]), 0.5, 12, seed=9)
    order = np.array([2, 0, 3, 1])
    straight = fit(wins[None], ties[None])
    turned = fit(wins[order][:, order][None], ties[order][:, order][None])
    assert turned.log[0] == pytest.approx(straight.log[0][order])
    assert turned.tie[0] == pytest.approx(straight.tie[0])


def test_turning_every_result_round_turns_the_strengths_round() -> None:
    wins, ties = simulate(np.array([0.9, 0.0, -0.9]), 0.5, 12, seed=11)
    assert fit(wins.T[None], ties[None]).log[0] == pytest.approx(-fit(wins[None], ties[None]).log[0])


def test_samples_are_fitted_each_by_itself() -> None:
    tables = [simulate(np.array([0.5, 0.0, -0.5]), 0.5, 20, seed) for seed in range(3)]
    tables.append((SEASON_1987[:3, :3], no_ties(SEASON_1987[:3, :3])))
    together = fit(np.stack([w for w, _ in tables]), np.stack([t for _, t in tables]))
    for index, (wins, ties) in enumerate(tables):
        alone = fit(wins[None], ties[None])
        assert together.log[index] == pytest.approx(alone.log[0], abs=1e-7)
        assert together.tie[index] == pytest.approx(alone.tie[0], abs=1e-7)


def test_someone_who_won_everything_has_a_finite_strength_above_the_others() -> None:
    wins = np.array([[0.0, 9, 9], [0, 0, 5], [0, 4, 0]])
    found = fit(wins[None], no_ties(wins)[None])
    assert 1 < found.log[0, 0] < 6
    assert found.log[0, 0] > found.log[0, 1] > found.log[0, 2]
    assert groups(wins, no_ties(wins)) == ([[0, 1, 2]], [[1, 2], [0]])


def test_nothing_but_ties_makes_all_equal() -> None:
    ties = 5.0 * (1 - np.eye(3))
    found = fit(no_ties(ties)[None], ties[None])
    assert found.log[0] == pytest.approx([0, 0, 0])
    assert np.isfinite(found.tie[0])


def test_those_who_never_met_are_told_apart_as_groups() -> None:
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = wins[2, 3] = wins[3, 2] = 3
    assert groups(wins, no_ties(wins))[0] == [[0, 1], [2, 3]]
    assert np.isfinite(fit(wins[None], no_ties(wins)[None]).log).all()
