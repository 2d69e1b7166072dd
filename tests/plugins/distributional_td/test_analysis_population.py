"""What a learnt population holds: reversal points, distributions, and times of reward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engram import EngramError

SIZES = [0.1, 0.3, 1.2, 2.5, 5.0, 10.0, 20.0]
SHARES = [0.06612594, 0.09090909, 0.14847358, 0.15489467, 0.31159175, 0.1509519, 0.07705306]


def tables(memory: dict[str, Any], trials: int = 2000, delay: int = 1, **run: Any) -> dict[str, Any]:
    """One cue at 1 s, and after `delay` s a reward of a size drawn as in Dabney et al. 2020."""
    size = {"choice": SIZES, "p": [*SHARES[:-1], 1 - sum(SHARES[:-1])]}
    events = [{"stimulus": "cue", "at": 1.0}, {"outcome": "water", "at": 1.0 + delay, "size": size}]
    return {
        "run": {"trials": trials, **run},
        "task": {
            "use": "conditioning", "trial": 2.0 + delay, "trials": trials, "stimuli": [{"name": "cue"}],
            "outcomes": [{"name": "water"}], "types": [{"name": "cue", "events": events}],
        },
        "memory": {"use": "distributional-td", "gamma": 1.0, "lam": 1.0, **memory},
    }  # fmt: skip


EXPECTILES = {"predictors": 30, "asymmetry": {"grid": [0.05, 0.95]}, "scale": 0.04}


@pytest.fixture(scope="module")
def learnt(opened: Callable[..., Any]) -> Any:
    return opened(tables(EXPECTILES, batch=2))


def test_reversal_points_rise_with_asymmetry_and_are_the_values(learnt: Any, analysed: Any) -> None:
    result = analysed(learnt, "reversal-points")

    assert result["spearman"] >= 0.98
    assert result["pearson"] > 0.9
    assert result["consistency"] > 0.95
    np.testing.assert_allclose(result["reversal"], result["value"], atol=0.5)
    np.testing.assert_allclose(result["estimate"], result["asymmetry"], atol=0.1)
    assert result["time"] == 1


def test_halves_are_of_the_trials_that_were_recorded(opened: Any, analysed: Any) -> None:
    run = opened(tables({**EXPECTILES, "scale": 0.2}, trials=400) | {"record": {"every_trial": 2}})
    assert analysed(run, "reversal-points", last=1.0)["consistency"] > 0.8


def test_one_size_of_reward_has_no_reversal_point(opened: Any, analysed: Any) -> None:
    recipe = tables({"predictors": 2}, trials=20)
    recipe["task"]["types"][0]["events"][1]["size"] = 1.0
    with pytest.raises(EngramError, match="fewer than two sizes"):
        analysed(opened(recipe), "reversal-points")


def test_learnt_expectiles_decode_nearer_than_a_normal_distribution(learnt: Any, analysed: Any) -> None:
    result = analysed(learnt, "decoded-distribution")

    assert result["wasserstein"] < 0.6 < result["wasserstein_gaussian"] < result["wasserstein_point"]
    assert result["mean"] == pytest.approx(result["true_mean"], rel=0.1)
    rewards = learnt["task.reward"]
    assert result["true_mean"] == pytest.approx(rewards[rewards > 0].mean())
    assert result["probability"].sum() == pytest.approx(1)


def test_returns_are_discounted_as_values_are(opened: Any, analysed: Any) -> None:
    run = opened(tables({**EXPECTILES, "gamma": 0.5}, delay=3))
    late = analysed(run, "decoded-distribution")
    early = analysed(run, "decoded-distribution", time=1.0)

    assert early["true_mean"] == pytest.approx(late["true_mean"] / 4)
    assert early["wasserstein"] == pytest.approx(late["wasserstein"] / 4, rel=0.2)


def test_quantiles_and_atoms_are_a_distribution_already(opened: Any, analysed: Any) -> None:
    quantiles = opened(tables({**EXPECTILES, "rule": "quantile"}))
    assert analysed(quantiles, "decoded-distribution")["wasserstein"] < 1.4

    atoms = {"predictors": 41, "alpha_plus": 0.02, "alpha_minus": 0.02, "highest": 20.0}
    result = analysed(opened(tables({**atoms, "rule": "categorical"})), "decoded-distribution")
    assert result["wasserstein"] < 0.6
    np.testing.assert_allclose(result["reward"], np.linspace(0, 20, 41))


@pytest.mark.parametrize(
    ("memory", "text"),
    [
        ({"rule": "huber"}, "values of the Huber rule are neither"),
        ({"utility": "log"}, "its values are utilities, not rewards"),
    ],
)
def test_values_that_are_no_statistics_of_reward_are_refused(
    opened: Any, analysed: Any, memory: Any, text: str
) -> None:
    with pytest.raises(EngramError, match=text):
        analysed(opened(tables({**EXPECTILES, **memory}, trials=20)), "decoded-distribution")


def test_different_discounts_are_refused_where_they_matter(opened: Any, analysed: Any) -> None:
    run = opened(tables({**EXPECTILES, "gamma": {"grid": [0.5, 0.9]}}, trials=50, delay=3))
    assert analysed(run, "decoded-distribution")["time"] == 3
    with pytest.raises(EngramError, match="different discounts"):
        analysed(run, "decoded-distribution", time=1.0)


@pytest.mark.parametrize("delay", [4, 8, 16])
def test_the_time_of_reward_is_decoded_within_a_step(opened: Any, analysed: Any, delay: int) -> None:
    discounts = {"predictors": 60, "gamma": {"grid": [0.5, 0.99]}, "alpha_plus": 0.5, "alpha_minus": 0.5}
    recipe = tables(discounts, trials=80, delay=delay)
    recipe["task"] |= {"trial": 24.0, "trials": 80}
    recipe["task"]["types"][0]["events"][1]["size"] = 1.0
    result = analysed(opened(recipe), "reward-time")

    assert result["true"] == delay
    assert abs(result["error"]) <= 1
    assert result["now"] == 1
    assert result["reward"].sum() == pytest.approx(1)


def test_atoms_of_which_some_were_recorded_are_no_distribution(opened: Any, analysed: Any) -> None:
    recipe = tables({"predictors": 11, "rule": "categorical"}, trials=5)
    recipe["record"] = {"entries": {"memory.predictor": [1, 4]}}
    with pytest.raises(EngramError, match="holds only some of the atoms"):
        analysed(opened(recipe), "decoded-distribution")


def test_values_far_from_a_certain_reward_are_decoded_as_such(opened: Any, analysed: Any) -> None:
    recipe = tables({"predictors": 9, "asymmetry": {"grid": [0.1, 0.9]}, "scale": 0.02}, trials=20)
    recipe["task"]["types"][0]["events"][1]["size"] = 2.0
    result = analysed(opened(recipe), "decoded-distribution")
    assert result["true_mean"] == 2
    assert result["mean"] < 1


def test_values_that_are_not_finite_are_not_taken_for_none(opened: Any, analysed: Any) -> None:
    recipe = tables({"predictors": 2, "alpha_plus": 1.0, "alpha_minus": 1.0, "lam": 1.0}, trials=300)
    recipe["task"]["stimuli"][0]["salience"] = 10.0
    with pytest.raises(EngramError, match=r"memory\.value is not finite in the last trials"):
        analysed(opened(recipe), "value-at-time")


def test_time_and_size_are_decoded_together(opened: Any, analysed: Any) -> None:
    tau, gamma = (item.ravel() for item in np.meshgrid(np.linspace(0.1, 0.9, 9), np.linspace(0.5, 0.99, 12)))
    pairs = {"predictors": tau.size, "asymmetry": tau.tolist(), "gamma": gamma.tolist(), "scale": 0.06}
    result = analysed(opened(tables(pairs, trials=1200, delay=5)), "magnitude-time")

    assert abs(result["error"]) <= 1
    assert result["wasserstein"] < result["wasserstein_gaussian"]
    assert result["probability"].shape == (len(result["time"]), len(result["size"]))
    assert result["probability"].sum() == pytest.approx(1)


def test_times_need_different_discounts(learnt: Any, analysed: Any) -> None:
    with pytest.raises(EngramError, match="fewer than three discounts"):
        analysed(learnt, "reward-time")
    with pytest.raises(EngramError, match="three discounts or more for each asymmetry"):
        analysed(learnt, "magnitude-time")


def test_the_response_to_the_cue_rises_with_asymmetry_and_discount(opened: Any, analysed: Any) -> None:
    tau, gamma = (item.ravel() for item in np.meshgrid([0.2, 0.5, 0.8], [0.6, 0.9]))
    pairs = {"predictors": 6, "asymmetry": tau.tolist(), "gamma": gamma.tolist(), "scale": 0.1}
    result = analysed(opened(tables(pairs, trials=400, delay=3)), "cue-response")

    error = dict(zip(zip(tau, gamma, strict=True), result["error"], strict=True))
    assert error[0.2, 0.6] < error[0.5, 0.6] < error[0.8, 0.6]
    assert error[0.2, 0.6] < error[0.2, 0.9]
    assert result["spearman_asymmetry"] > 0
    assert result["time"] == 1


def test_a_run_whose_predictors_differ_between_replicas_asks_for_one(opened: Any, analysed: Any) -> None:
    run = opened(tables({"predictors": 4, "gamma": {"uniform": [0.5, 0.9]}}, trials=20, batch=2))
    with pytest.raises(EngramError, match="choose a replica, such as -o replica=0"):
        analysed(run, "cue-response")
    assert len(analysed(run, "cue-response", replica=1)["error"]) == 4


def test_predictors_of_which_some_were_recorded_keep_their_parameters(opened: Any, analysed: Any) -> None:
    recipe = tables(EXPECTILES, trials=60)
    recipe["record"] = {"entries": {"memory.predictor": [3, 20]}, "every_trial": 2, "window": [[1.0, 2.0]]}
    run = opened(recipe)
    result = analysed(run, "cue-response")

    np.testing.assert_array_equal(result["predictor"], [3, 20])
    np.testing.assert_allclose(result["asymmetry"], np.linspace(0.05, 0.95, 30)[[3, 20]])
    assert set(analysed(run, "value-at-time")["trial"]) == set(range(0, 60, 2))
    with pytest.raises(EngramError, match="predictors: 4 was not recorded"):
        analysed(run, "value-at-time", predictors=[4])
