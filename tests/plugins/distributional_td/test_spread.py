"""How parameters differ between predictors, and the distribution that expectiles imply."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Context
from engram.testing import play
from engram_distributional_td import DistributionalTD, Spread, beta_quantile, imputed


def drawn(values: Any, n: int = 4000, **more: Any) -> Any:
    memory = DistributionalTD(predictors=n, gamma=values, **more)
    signals = {"observation": np.zeros((1, 1, 1)), "reward": np.zeros((1, 1))}
    return play(memory, signals, trial_steps=1)


def test_one_number_is_for_all_and_a_list_for_each() -> None:
    assert np.array_equal(drawn(0.7, 3)["gamma"][0, 0], [0.7] * 3)
    assert np.array_equal(drawn((0.1, 0.5, 0.9), 3)["gamma"][0, 0], [0.1, 0.5, 0.9])
    assert np.allclose(drawn(Spread(grid=(0.2, 0.8)), 4)["gamma"][0, 0], [0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize(
    ("spread", "mean", "sd"),
    [
        (Spread(uniform=(0.2, 0.8)), 0.5, 0.6 / math.sqrt(12)),
        (Spread(normal=(0.5, 0.1)), 0.5, 0.1),
        (Spread(beta=(2.0, 3.0)), 0.4, 0.2),
        (Spread(beta=(0.5, 0.5)), 0.5, math.sqrt(1 / 8)),
        (Spread(choice=(0.1, 0.9)), 0.5, 0.4),
    ],
)
def test_draws_have_the_moments_of_their_distribution(spread: Spread, mean: float, sd: float) -> None:
    found = drawn(spread)["gamma"]

    assert found.mean() == pytest.approx(mean, abs=4 * sd / math.sqrt(4000))
    assert found.std() == pytest.approx(sd, rel=0.06)


def test_what_lies_outside_is_moved_to_the_end() -> None:
    found = drawn(Spread(normal=(0.9, 0.5)))["gamma"]

    assert found.max() == 1
    assert found.min() >= 0


def test_quantiles_of_beta_distributions_with_known_forms() -> None:
    u = np.linspace(0.01, 0.99, 50)

    np.testing.assert_allclose(beta_quantile(u, 1.0, 1.0), u, atol=1e-12)
    np.testing.assert_allclose(beta_quantile(u, 3.0, 1.0), u ** (1 / 3), atol=1e-12)
    np.testing.assert_allclose(beta_quantile(u, 1.0, 20.0), 1 - (1 - u) ** (1 / 20), atol=1e-12)
    np.testing.assert_allclose(beta_quantile(u, 0.5, 0.5), np.sin(np.pi * u / 2) ** 2, atol=1e-10)


def test_asymmetry_and_scale_give_both_rates() -> None:
    found = drawn(0.9, 3, asymmetry=(0.1, 0.5, 0.9), scale=0.2, rate=0.5)

    np.testing.assert_allclose(found["alpha_plus"][0, 0], [0.02, 0.1, 0.18])
    np.testing.assert_allclose(found["alpha_minus"][0, 0], [0.18, 0.1, 0.02])
    np.testing.assert_allclose(found["up"][0, 0], [0.01, 0.05, 0.09])


def test_drl_sim_draws_the_scale() -> None:
    found = drawn(0.9, 2000, asymmetry=Spread(uniform=(0.1, 0.9)), semantics="drl_sim", update="trial")
    plus, minus = found["alpha_plus"][0, 0], found["alpha_minus"][0, 0]
    tau = plus / (plus + minus)

    assert plus.max() <= 1
    assert tau.mean() == pytest.approx(0.5, abs=0.02)
    assert (minus / np.minimum(1, (1 - tau) / tau)).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("given", [{}, {"grid": (0.1, 0.9), "choice": (0.5,)}, {"choice": ()}])
def test_a_spread_names_one_distribution(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="name one of"):
        Spread(**given)


@pytest.mark.parametrize("deviation", [-0.1, math.inf])
def test_a_deviation_is_neither_negative_nor_infinite(deviation: float) -> None:
    with pytest.raises(ValueError, match="the standard deviation must be >= 0 and finite"):
        Spread(normal=(0.5, deviation))


def test_a_beta_distribution_that_would_take_for_ever_is_refused() -> None:
    with pytest.raises(ValueError, match="beta: must be <= 100"):
        Spread(beta=(1e6, 1e6))


def test_rate_is_a_factor_in_drl_sim_too() -> None:
    found = drawn(0.5, 2, alpha_plus=0.25, alpha_minus=0.04, semantics="drl_sim", rate=0.5)

    np.testing.assert_allclose(found["alpha_plus"][0, 0], 0.25)
    np.testing.assert_allclose(found["up"][0, 0], 0.5 * 0.25)
    np.testing.assert_allclose(found["down"][0, 0], 0.5 * 0.04)


def test_pairs_of_asymmetry_and_discount_stay_together_where_values_are_imputed() -> None:
    pairs = {"asymmetry": (0.9, 0.1, 0.5), "lam": (0.6, 0.4, 0.5)}
    found = drawn((0.3, 0.1, 0.2), 3, **pairs, bootstrap="imputed")

    np.testing.assert_allclose(found["tau"][0, 0], [0.1, 0.5, 0.9])
    np.testing.assert_allclose(found["gamma"][0, 0], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(found["decay"][0, 0], [0.04, 0.1, 0.18])


@engram.state
class DrawState:
    """What was imputed."""

    expectile: Array = engram.array("predictor", doc="expectiles")
    tau: Array = engram.array("predictor", doc="asymmetries")
    z: Array = engram.array(doc="the draw")


@engram.parameters
class Draws(engram.Memory):
    """Imputes at probabilities that it is given."""

    name = "draws"
    n: int = engram.param(default=3, doc="predictors")

    def init(self, ctx: Context) -> DrawState:
        return ctx.state(DrawState, sizes={"predictor": self.n})

    @engram.scan
    def body(expectile, tau, z, reward):  # type: ignore[no-untyped-def]
        """Impute."""
        z = imputed(expectile, tau, reward)


def quantiles(expectiles: Any, tau: Any, u: Any) -> Any:
    n = len(tau)
    signals = {"observation": np.zeros((len(u), 1, 1)), "reward": np.reshape(u, (-1, 1))}
    return play(Draws(n=n), signals, start={"expectile": expectiles, "tau": tau}, record=("z",))["z"][:, 0]


def test_a_certain_reward_is_imputed_as_certain() -> None:
    assert np.allclose(quantiles(np.full(9, 2.0), np.linspace(0.1, 0.9, 9), [0.01, 0.5, 0.99]), 2.0)


def test_the_imputed_distribution_has_mean_and_spread_of_the_true_one() -> None:
    sizes = np.array([0.1, 0.3, 1.2, 2.5, 5.0, 10.0, 20.0])
    p = np.array([0.06612594, 0.09090909, 0.14847358, 0.30489057, 0.31386293, 0.07173792, 0.004])
    p = p / p.sum()
    tau = np.linspace(0.02, 0.98, 99)
    found = []
    for one in tau:
        low, high = 0.0, 20.0
        for _ in range(60):
            v = (low + high) / 2
            up = one * (p * np.maximum(sizes - v, 0)).sum() > (1 - one) * (p * np.maximum(v - sizes, 0)).sum()
            low, high = (v, high) if up else (low, v)
        found.append(low)
    u = (np.arange(1000) + 0.5) / 1000

    z = quantiles(np.array(found), tau, u)

    true = sizes[np.searchsorted(np.cumsum(p), u).clip(max=6)]
    assert z.mean() == pytest.approx((sizes * p).sum(), rel=0.03)
    assert np.abs(np.sort(z) - np.sort(true)).mean() < 0.35
