"""The synapse: what it draws, what it learns from, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram.testing import play
from engram.testing.playback import Driver
from engram_reinforce import Reinforce, Uniform

STILL = Uniform(low=0.0, high=0.0)
RNG = np.random.default_rng(3)
EPS = RNG.normal(size=(1, 1, 6, 2))
X = RNG.normal(size=(1, 1, 6, 3))
W = {"w_mean": RNG.normal(size=(3, 2)), "w_log_std": 0.3 * RNG.normal(size=(3, 2))}


def rewards(*values: float) -> Any:
    return np.array(values)[:, None]


def single(weight: float = 0.0, **given: Any) -> Reinforce:
    """A synapse of one input and one unit with sigma 0.5."""
    start = Uniform(low=weight, high=weight)
    return Reinforce(**{"scalar_stddev": 0.5, "eta": 0.1, "mean_weights": start, **given})


def played(synapse: Reinforce, reward: Any, eps: Any, **given: Any) -> Any:
    steps = len(reward)
    inputs = {"pre": np.ones((steps, 1, 1)), "post": np.zeros((steps, 1, 1)), "modulator": reward}
    return play(synapse, inputs, draws={"noise": np.reshape(eps, (steps, 1, 1, 1))}, **given)


def log_density(w_mean: Any, w_log_std: Any, actions: Any, activation: Any) -> float:
    mean, std = activation(X[0, 0] @ w_mean), np.exp(X[0, 0] @ w_log_std)
    return float((-0.5 * ((actions - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)).sum())


def sample(reward: float = 1.0, **given: Any) -> Any:
    """One sample axis of six, rewarded alike."""
    inputs = {"pre": X, "post": np.zeros((1, 1, 6, 2)), "modulator": rewards(reward)}
    return play(Reinforce(samples=6, **given), inputs, start=W, draws={"noise": EPS})


@pytest.mark.parametrize(("name", "activation"), [("identity", lambda x: x), ("tanh", np.tanh)])
def test_the_gradient_is_the_slope_of_the_log_density(name: str, activation: Any) -> None:
    trace = sample(mu_act_fx=name)
    actions = trace["post"][0, 0]
    for key, found in (("w_mean", trace["d_mean"]), ("w_log_std", trace["d_log_std"])):
        slope = np.zeros((3, 2))
        for place in np.ndindex(3, 2):
            step = np.zeros((3, 2))
            step[place] = 1e-6
            ahead, behind = ({**W, key: W[key] + sign * step} for sign in (1, -1))
            difference = log_density(**ahead, actions=actions, activation=activation) - log_density(
                **behind, actions=actions, activation=activation
            )
            slope[place] = difference / 2e-6
        np.testing.assert_allclose(found[0, 0], slope, rtol=1e-6, atol=1e-6)


def test_the_objective_is_the_log_density_of_the_samples() -> None:
    trace = sample(reward=2.0)
    wanted = -2 * log_density(W["w_mean"], W["w_log_std"], trace["post"][0, 0], lambda x: x)
    np.testing.assert_allclose(trace["objective"][0, 0], wanted, rtol=1e-12)


def test_updates_add_up_over_samples() -> None:
    together = sample()["d_mean"][0, 0]
    alone = np.zeros((3, 2))
    for number in range(6):
        inputs = {"pre": X[:, :, number], "post": np.zeros((1, 1, 2)), "modulator": rewards(1.0)}
        alone += play(Reinforce(), inputs, start=W, draws={"noise": EPS[:, :, [number]]})["d_mean"][0, 0]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_a_sample_learns_from_its_own_reward() -> None:
    trace = played(single(), rewards(1.0, 0.0), [2.0, -1.0])
    np.testing.assert_allclose(trace["w_mean"][:, 0, 0, 0], [0.1 * 2.0 / 0.5] * 2)


def test_in_ngclearn_the_next_sample_learns_from_it() -> None:
    synapse = single(semantics="ngclearn-3.2", w_min=-1.0)
    trace = played(synapse, rewards(1.0, 0.0), [2.0, -1.0])
    np.testing.assert_allclose(trace["w_mean"][:, 0, 0, 0], [0.0, 0.1 * 0.01 * -1.0 / 0.5])


def test_weights_may_be_negative_unless_a_bound_is_asked_for() -> None:
    free = played(single(), rewards(1.0), [-2.0])["w_mean"]
    held = played(single(w_min=0.0), rewards(1.0), [-2.0])["w_mean"]
    assert free[0, 0, 0, 0] < 0 == held[0, 0, 0, 0]


def test_a_bounded_action_learns_from_what_was_drawn() -> None:
    free = played(single(), rewards(1.0), [2.0])
    held = played(single(mu_out_max=0.25), rewards(1.0), [2.0])
    assert held["post"].item() == 0.25
    np.testing.assert_array_equal(held["w_mean"], free["w_mean"])


def test_the_baseline_follows_rewards_and_is_taken_off_them() -> None:
    trace = played(single(baseline=0.5), rewards(4.0, 4.0), [0.0, 0.0])
    np.testing.assert_allclose(trace["baseline"][:, 0], [2.0, 3.0])
    np.testing.assert_allclose(trace["reward"][:, 0, 0], [4.0, 2.0])


def test_a_masked_reward_changes_neither_weights_nor_baseline() -> None:
    mask = np.array([[True], [False]])
    trace = played(single(baseline=0.5), rewards(4.0, 8.0), [1.0, 1.0], force={"learning_mask": mask})
    for name in ("w_mean", "w_log_std", "baseline"):
        np.testing.assert_array_equal(trace[name][0], trace[name][1])


def test_a_given_deviation_leaves_its_weights_alone() -> None:
    trace = played(single(), rewards(3.0), [2.0])
    assert not trace["d_log_std"].any()
    assert (trace["std"] == 0.5).all()


def bandit_updates(semantics: str, updates: int = 1500) -> Any:
    """The check of section 1.8 of our notes: 32 samples of one weight, target 0.8, running baseline."""
    given: dict[str, Any] = {"w_min": 0.0, "w_max": 10.0, "semantics": semantics}
    scale = 1.0 if semantics == "ngclearn-3.2" else 0.01 / 32
    synapse = Reinforce(
        samples=32, scalar_stddev=0.2, eta=20 * scale, baseline=0.1,
        mean_weights=Uniform(low=0.2, high=0.2), log_std_weights=STILL, **given,
    )  # fmt: skip
    sizes = {"pre": np.ones((1, 20, 32, 1)), "post": np.ones((1, 20, 32, 1))}
    driver = Driver(synapse, 20, np.dtype("float64"), sizes=sizes)
    weights = []
    for step in range(updates):
        driver.streams.clock.step = step
        action = synapse.propagate(driver.state, sizes["pre"][0])
        synapse.learn(driver.state, sizes["pre"][0], action, -((action[..., 0] - 0.8) ** 2))
        weights.append(driver.state.w_mean[:, 0, 0].copy())
    return np.array(weights)


def test_a_bandit_converges_where_a_reward_meets_its_own_sample_only() -> None:
    ours, theirs = bandit_updates("williams-1992"), bandit_updates("ngclearn-3.2")
    assert (abs(ours[500:].mean(axis=0) - 0.8) < 0.02).all()
    assert (abs(theirs[500:].mean(axis=0) - 0.8) > 0.02).mean() > 0.5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"mean_weights": Uniform(low=-1.0, high=0.0), "w_min": 0.0},
            "mean_weights must lie within the bounds",
        ),
        (
            {"semantics": "ngclearn-3.2", "log_std_weights": Uniform(low=-1.0, high=0.0)},
            "log_std_weights must",
        ),
        ({"mu_out_min": 1.0, "mu_out_max": 1.0}, "mu_out_min must be below mu_out_max"),
        ({"scalar_stddev": -1.0}, "scalar_stddev"),
        ({"eta": float("nan")}, "eta"),
        ({"samples": 0}, "samples"),
        ({"act_fx": "softplus"}, "act_fx"),
        ({"w_min": float("nan")}, "w_min"),
    ],
)
def test_a_wrong_parameter_is_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(engram.InvalidParameters, match=said) as caught:
        Reinforce(**given)
    assert "\n" not in str(caught.value)


def test_initial_weights_are_in_order() -> None:
    with pytest.raises(engram.InvalidParameters, match="low must be at most high, not 1 and 0"):
        Uniform(low=1.0, high=0.0)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 5, 3)])
def test_activity_of_other_samples_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(engram.EngramError, match=r"synapse: activity has the shape .* give \(1, 4, 3\)"):
        play(Reinforce(samples=4), {"pre": np.zeros(shape)})


def test_synapses_that_do_not_exist_never_come_to_be() -> None:
    inputs = {"pre": np.full((9, 2, 40), 0.1), "post": np.zeros((9, 2, 3)), "modulator": np.ones((9, 2))}
    trace = play(Reinforce(connection_probability=0.3), inputs, batch=2)
    there = trace["mask"][0]
    assert 0.2 < there.mean() < 0.4
    for name in ("w_mean", "w_log_std", "d_mean"):
        assert not trace[name][:, ~there].any(), name
        assert np.ptp(trace[name][:, there], axis=0).min() > 0, name


def test_the_scale_multiplies_what_is_passed_on_and_its_slope() -> None:
    plain = played(single(0.4), rewards(0.0, 1.0), [1.0, 0.0])
    scaled = played(single(0.4, scale=3.0), rewards(0.0, 1.0), [1.0, 0.0])
    np.testing.assert_allclose(scaled["mean"][0], 3 * plain["mean"][0])
    np.testing.assert_allclose(scaled["d_mean"][1], 3 * plain["d_mean"][1])
    code = played(single(0.4, scale=3.0, semantics="ngclearn-3.2"), rewards(0.0, 1.0), [1.0, 0.0])
    np.testing.assert_allclose(code["mean"][0], plain["mean"][0])


def test_absent_synapses_outside_the_bounds_are_refused() -> None:
    with pytest.raises(
        engram.InvalidParameters, match=r"connection_probability: .* set w_min and w_max around 0"
    ):
        Reinforce(connection_probability=0.5, w_min=0.01)
