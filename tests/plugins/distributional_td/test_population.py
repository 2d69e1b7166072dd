"""A population against a plain loop, and what theory says of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
from engram import EngramError, Spec
from engram.engine import execute, prepare
from engram.testing import Case, parametrize_with_checks, play
from engram_distributional_td import DistributionalTD, Spread

DENSE, ACTIVE = Spec(shape=(4,)), Spec(shape=(2,), dtype="int32", low=-1, high=5)
SPREAD = {"asymmetry": Spread(grid=(0.1, 0.9)), "gamma": Spread(uniform=(0.6, 0.99)), "lam": 0.7}
WAYS: dict[str, dict[str, Any]] = {
    "online": {},
    "online replacing": {"trace_kind": "replacing"},
    "trial": {"update": "trial"},
    "quantile": {"rule": "quantile", "update": "trial"},
    "huber, log": {"rule": "huber", "kappa": 0.4, "utility": "log"},
    "sample, hill": {"bootstrap": "sample", "utility": "hill"},
    "imputed": {"bootstrap": "imputed", "update": "trial"},
    "drl_sim": {"semantics": "drl_sim"},
    "categorical": {"rule": "categorical", "gamma": 0.9, "lowest": -2.0, "highest": 2.0, "asymmetry": 0.5},
}


def population(**changes: Any) -> DistributionalTD:
    return DistributionalTD(**{"predictors": 5, **SPREAD, **changes})


@parametrize_with_checks(
    [
        Case(population(**way), observation=space, trial_steps=30)
        for way in WAYS.values()
        for space in (DENSE, ACTIVE)
    ]
)
def test_every_way_to_learn_passes(check: Callable[[], None]) -> None:
    check()


def trials(x: Any, reward: Any, *, truncated: bool = False, learn: Any = None) -> dict[str, Any]:
    """Signals of trials: x (trial, step, feature), reward (trial, step)."""
    n, steps, _ = x.shape
    place = np.tile(np.arange(steps), n)[:, None]
    last = place == steps - 1
    on = np.ones((n, steps), bool) if learn is None else np.broadcast_to(learn, (n, steps))
    return {
        "observation": x.reshape(n * steps, 1, -1),
        "reward": reward.reshape(-1, 1),
        "start": place == 0,
        "end": last,
        "truncated": last & truncated,
        "learn": on.reshape(-1, 1),
    }


def plain(
    x: Any, reward: Any, p: dict[str, float], *, online: bool, truncated: bool = False
) -> tuple[Any, Any, Any]:
    """TD(lambda) of one predictor, written as its equations, in Python's own numbers."""
    w = np.zeros(x.shape[2])
    values, deltas = np.zeros(reward.shape), np.zeros(reward.shape)
    for n, (seen, earned) in enumerate(zip(x, reward, strict=True)):
        trace, pending = np.zeros_like(w), np.zeros_like(w)
        for t in range(len(seen)):
            values[n, t] = seen[t] @ w
            if t:
                going = t < len(seen) - 1 or truncated
                d = earned[t] + p["gamma"] * (seen[t] @ w) * going - seen[t - 1] @ w
                deltas[n, t] = d
                change = (p["plus"] if d > 0 else p["minus"]) * d * trace
                if online:
                    w = w + change
                    values[n, t] = seen[t] @ w
                else:
                    pending += change
            trace = p["gamma"] * p["lam"] * trace + seen[t]
        w = w + pending
    return values, deltas, w


@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("update", ["online", "trial"])
def test_each_predictor_learns_as_the_equations_say(update: str, truncated: bool) -> None:
    rng = np.random.default_rng(3)
    x, reward = rng.normal(size=(6, 9, 4)), rng.normal(size=(6, 9))
    reward[:, 0] = 0
    plus, minus, gamma, lam = (
        rng.uniform(0.01, 0.2, 3),
        rng.uniform(0.01, 0.2, 3),
        (0.5, 0.9, 1.0),
        (0.0, 0.4, 1.0),
    )
    memory = DistributionalTD(
        predictors=3, alpha_plus=tuple(plus), alpha_minus=tuple(minus), gamma=gamma, lam=lam, update=update
    )  # fmt: skip

    found = play(memory, trials(x, reward, truncated=truncated), trial_steps=9)

    for i in range(3):
        p = {"plus": plus[i], "minus": minus[i], "gamma": gamma[i], "lam": lam[i]}
        values, deltas, w = plain(x, reward, p, online=update == "online", truncated=truncated)
        np.testing.assert_allclose(found["value"][:, 0, i], values.ravel(), rtol=0, atol=1e-12)
        np.testing.assert_allclose(found["delta"][:, 0, i], deltas.ravel(), rtol=0, atol=1e-12)
        np.testing.assert_allclose(found["w"][-1, 0, :, i], w, rtol=0, atol=1e-12)


def compound(steps: int, cue: int) -> Any:
    """A serial compound from step `cue` on: (step, feature)."""
    return np.eye(steps)[np.arange(steps) - cue] * (np.arange(steps) >= cue)[:, None]


@pytest.mark.parametrize("lam", [0.0, 0.9])
def test_a_serial_compound_learns_the_same_online_and_by_trial(lam: float) -> None:
    rng = np.random.default_rng(5)
    x = np.tile(compound(12, 3), (40, 1, 1))
    reward = (np.arange(12) == 9) * rng.normal(2, 1, (40, 1))

    found = [
        play(population(update=update, lam=lam), trials(x, reward), trial_steps=12, seed=2)["delta"]
        for update in ("online", "trial")
    ]

    np.testing.assert_allclose(*found, rtol=0, atol=1e-12)


def test_active_features_are_features_of_size_one() -> None:
    rng = np.random.default_rng(8)
    index = rng.integers(-1, 6, (7, 10, 2))
    index[..., 1] = np.where(index[..., 1] == index[..., 0], -1, index[..., 1])
    x = (index[..., None] == np.arange(6)).sum(axis=2).astype(float)
    reward = rng.normal(size=(7, 10)) * (np.arange(10) > 0)
    signals = trials(x, reward)

    for update in ("online", "trial"):
        dense = play(population(update=update), signals, trial_steps=10)
        active = play(
            population(update=update),
            {**signals, "observation": index.reshape(70, 1, 2).astype(np.int32)},
            trial_steps=10,
            observation=ACTIVE,
        )
        np.testing.assert_allclose(active["w"], dense["w"], rtol=0, atol=1e-13)


@pytest.mark.parametrize("update", ["online", "trial"])
def test_nothing_is_learnt_where_learning_is_off(update: str) -> None:
    x, reward = np.tile(compound(6, 1), (2, 1, 1)), np.ones((2, 6)) * (np.arange(6) == 4)

    found = play(population(update=update), trials(x, reward, learn=[[True], [False]]), trial_steps=6)

    assert found["w"][5].any()
    assert np.array_equal(found["w"][5], found["w"][-1])
    assert found["delta"][-2].any()


def settled(memory: DistributionalTD, reward: Any) -> Any:
    """Values at the cue over trials of two steps, (trial, predictor)."""
    x = np.tile(np.array([[1.0], [0.0]]), (len(reward), 1, 1))
    earned = np.stack([np.zeros_like(reward), reward], axis=1)
    return play(memory, trials(x, earned), trial_steps=2, record=("value",))["value"][::2, 0]


def expectile(sizes: Any, tau: float) -> float:
    """The root of tau E(r - v)+ = (1 - tau) E(v - r)+, by halving."""
    low, high = sizes.min(), sizes.max()
    for _ in range(60):
        v = (low + high) / 2
        above = tau * np.maximum(sizes - v, 0).mean() > (1 - tau) * np.maximum(v - sizes, 0).mean()
        low, high = (v, high) if above else (low, v)
    return float(low)


def test_values_settle_on_the_expectiles_of_reward() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.choice([0.1, 1.0, 5.0, 10.0], 6000)
    tau = (0.1, 0.25, 0.5, 0.75, 0.9)

    found = settled(DistributionalTD(predictors=5, asymmetry=tau, scale=0.02, update="trial"), sizes)

    wanted = [expectile(sizes, one) for one in tau]
    np.testing.assert_allclose(found[2000:].mean(axis=0), wanted, rtol=0, atol=0.12)


def test_values_settle_on_the_quantiles_of_reward() -> None:
    sizes = np.random.default_rng(1).uniform(0, 1, 6000)
    tau = (0.1, 0.25, 0.5, 0.75, 0.9)

    found = settled(DistributionalTD(predictors=5, asymmetry=tau, scale=0.02, rule="quantile"), sizes)

    np.testing.assert_allclose(found[2000:].mean(axis=0), tau, rtol=0, atol=0.03)


def test_atoms_settle_on_the_probabilities_of_reward() -> None:
    sizes = np.random.default_rng(1).choice([0.0, 1.0, 2.5], 4000, p=[0.2, 0.5, 0.3])
    memory = DistributionalTD(
        predictors=5, alpha_plus=0.02, alpha_minus=0.02, rule="categorical", lowest=0.0, highest=4.0
    )

    found = settled(memory, sizes)

    np.testing.assert_allclose(found[1500:].mean(axis=0), [0.2, 0.5, 0.15, 0.15, 0], rtol=0, atol=0.03)


def test_the_cue_takes_over_the_response_to_reward() -> None:
    """Schultz, Dayan and Montague 1997: cue at step 5, reward at step 15."""
    x = np.tile(compound(20, 5), (351, 1, 1))
    reward = np.tile((np.arange(20) == 15).astype(float), (351, 1))
    reward[-1] = 0
    memory = DistributionalTD(predictors=1, alpha_plus=0.2, alpha_minus=0.2, gamma=0.98, update="trial")

    delta = play(memory, trials(x, reward), trial_steps=20, record=("delta",))["delta"].reshape(351, 20)

    assert delta[0, 15] == 1
    assert not delta[0, :15].any()
    assert abs(delta[-2, 15]) < 1e-9
    assert delta[-2, 5] == pytest.approx(0.98**10, abs=1e-9)
    assert delta[-1, 15] == pytest.approx(-1, abs=1e-9)


def test_a_task_that_does_not_tell_the_length_of_its_trials_is_refused() -> None:
    with pytest.raises(
        EngramError, match="update = 'trial' needs a task that tells the length of its trials"
    ):
        play(population(update="trial"), trials(np.ones((1, 3, 2)), np.ones((1, 3))))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gamma": 1.2}, "gamma must lie in 0 to 1"),
        ({"lam": Spread(uniform=(-0.1, 0.5))}, "lam must lie in 0 to 1"),
        ({"alpha_plus": (0.1, 0.2)}, "alpha_plus lists 2 values for 5 predictors"),
        ({"rule": "categorical", "bootstrap": "sample", "gamma": 0.9}, "bootstraps from its own atoms"),
        ({"rule": "categorical", "gamma": 0.9, "lowest": 3.0, "highest": 1.0}, "lowest < highest"),
        ({"rule": "quantile", "bootstrap": "imputed"}, "reads expectiles"),
        ({"trace_kind": "replacing", "update": "trial"}, "'replacing' needs update = 'online'"),
        ({"trace_kind": "replacing", "semantics": "drl_sim"}, "'replacing' needs update = 'online'"),
        ({"alpha_minus": 0.3}, "asymmetry stands in place of alpha_plus and alpha_minus"),
        ({"rate": math.inf}, "rate: must be < inf"),
        ({"highest": math.inf}, "highest: must be < inf"),
        ({"semantics": "drl_sim", "rule": "quantile"}, "has rule = 'expectile'"),
        ({"semantics": "drl_sim", "asymmetry": 1.0}, "asymmetry must lie between 0 and 1"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        population(**given)


def tables(**memory: Any) -> dict[str, Any]:
    """A small recipe, with the plugin of the task."""
    pytest.importorskip("engram_conditioning")
    return {
        "run": {"trials": 5, "dt": 0.1, "seed": 1, "backend": "numpy"},
        "task": {"use": "conditioning", "preset": "schultz-1997", "trials": 5},
        "memory": {"use": "distributional-td", **memory},
    }


def test_predictors_that_do_not_learn_have_no_asymmetry() -> None:
    run = prepare(engram.resolve(tables(alpha_plus=0.0, alpha_minus=0.0)))
    assert (run.memory_state.tau == 0.5).all()
    execute(run)
    assert (run.memory_state.w == 0).all()


def test_a_hundred_predictors_are_recorded_unless_more_are_wanted(tmp_path: Path) -> None:
    (path,) = engram.run(tables(predictors=250), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert run["memory.value"].shape[-1] == run["memory.delta"].shape[-1] == 100
        assert run.final("memory.value").shape[-1] == 250
