"""Least squares, imputation and Laplace decoding against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from engram_distributional_td.correlation import pearson, ranks, spearman
from engram_distributional_td.decoding import (
    non_negative,
    of_atoms,
    of_expectiles,
    of_quantiles,
    reward_over_time,
)
from engram_distributional_td.distribution import Distribution, distribution
from engram_distributional_td.reversal_point import reversal_point

# Rewards in ul of Dabney et al. 2020, Nature 577:671, and how often they came.
DABNEY = Distribution(
    np.array([0.1, 0.3, 1.2, 2.5, 5.0, 10.0, 20.0]),
    np.array([0.06612594, 0.09090909, 0.14847358, 0.15489467, 0.31159175, 0.1509519, 0.07705306]),
)
TAU = np.linspace(0.02, 0.98, 60)


def test_expectiles_are_those_computed_elsewhere() -> None:
    tau = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
    expected = [1.3886, 2.0047, 3.3353, 5.2078, 7.7671, 10.8488, 13.8029]
    np.testing.assert_allclose(DABNEY.expectiles(tau), expected, atol=1e-4)


def test_the_least_squares_without_a_negative_unknown_are_the_plain_ones() -> None:
    a = np.array([[2.0, 1.0], [1.0, 3.0], [0.0, 1.0]])
    x = non_negative(a, np.array([4.0, 7.0, 2.0]))
    np.testing.assert_allclose(x, np.linalg.lstsq(a, np.array([4.0, 7.0, 2.0]), rcond=None)[0], rtol=1e-12)


def test_an_unknown_that_would_be_negative_is_0_and_the_others_are_solved_without_it() -> None:
    a = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    np.testing.assert_allclose(non_negative(a, np.array([3.0, 2.0, 1.0])), [2.0, 0.0], atol=1e-12)
    np.testing.assert_array_equal(non_negative(a, np.array([-1.0, -1.0, -1.0])), [0, 0])


def test_the_least_squares_meet_the_conditions_of_an_optimum() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        a, b = random.normal(size=(12, 9)), random.normal(size=12)
        x = non_negative(a, b)
        gradient = a.T @ (b - a @ x)
        assert (x >= 0).all()
        np.testing.assert_allclose(gradient[x > 0], 0, atol=1e-9)
        assert (gradient[x == 0] < 1e-9).all()


def test_a_distribution_is_imputed_from_its_expectiles() -> None:
    found = of_expectiles(DABNEY.expectiles(TAU), TAU, np.linspace(0.1, 20, 200))
    assert found.distance(DABNEY) < 0.1
    assert found.distance(DABNEY) < DABNEY.gaussian().distance(DABNEY) / 10


@pytest.mark.filterwarnings("error")
def test_a_certain_reward_is_imputed_on_a_grid_of_one_point() -> None:
    found = of_expectiles(np.array([1.9, 2.0]), np.array([0.2, 0.8]), np.full(5, 2.0))
    assert found.mean == pytest.approx(2)


def test_the_references_are_as_far_away_as_they_should_be() -> None:
    assert DABNEY.gaussian().distance(DABNEY) == pytest.approx(1.87, abs=0.01)
    assert DABNEY.point().distance(DABNEY) == pytest.approx(3.73, abs=0.01)


def test_quantiles_hold_the_probability_between_their_middles() -> None:
    found = of_quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.75, 0.25, 0.5]))
    np.testing.assert_array_equal(found.value, [1, 2, 3])
    np.testing.assert_allclose(found.probability, [0.375, 0.25, 0.375])


def test_what_atoms_lack_is_at_no_reward() -> None:
    found = of_atoms(np.array([0.2, -0.01, 0.3]), np.array([0.0, 1.0, 2.0]))
    assert found.mean == pytest.approx(0.6)
    np.testing.assert_allclose(found.probability, [0.7, 0.0, 0.3])


def test_distance_is_the_area_between_cumulative_distributions() -> None:
    near, far = distribution(np.array([0.0, 1.0])), distribution(np.array([2.0, 5.0, 2.0, 5.0]))
    assert near.distance(far) == pytest.approx(3.0)
    assert near.distance(near) == 0


@pytest.mark.parametrize("k", [4, 8, 16])
def test_the_time_of_a_reward_is_decoded_within_a_step(k: int) -> None:
    gamma = np.linspace(0.5, 0.99, 100)
    reward = reward_over_time(gamma**k, gamma, 31, 0.05)
    assert abs(int(reward.argmax()) - k) <= 1


def test_equal_values_share_their_rank() -> None:
    np.testing.assert_array_equal(ranks(np.array([10.0, 30.0, 10.0, 20.0])), [1.5, 4, 1.5, 3])
    x = np.arange(6.0)
    assert spearman(x, np.exp(x)) == pytest.approx(1)
    assert pearson(x, np.exp(x)) < 0.9
    assert np.isnan(pearson(x, np.ones(6)))


def test_a_reversal_point_lies_on_the_line_between_its_neighbours() -> None:
    size, count = np.array([1.0, 2.0, 4.0]), np.ones(3)
    assert reversal_point(size, size - 2.5, count) == pytest.approx(2.5)
    assert reversal_point(size, size + 1, count) == 1
    assert reversal_point(size, size - 9, count) == 4


def test_a_reversal_point_weighs_responses_of_the_wrong_sign_by_their_trials() -> None:
    size, response = np.array([1.0, 2.0, 3.0, 4.0]), np.array([-1.0, 1.0, -1.0, 1.0])
    assert reversal_point(size, response, np.array([1, 9, 1, 1])) == 1.5
    assert reversal_point(size, response, np.array([1, 1, 9, 1])) == 3.5
