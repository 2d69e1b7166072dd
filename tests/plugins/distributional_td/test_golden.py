"""distributional-td against trajectories of drl_sim f496298."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram import Spec
from engram.testing import play
from engram_distributional_td import DistributionalTD

GOLDEN = Path(__file__).parents[2] / "golden" / "drl"
CASES = sorted(path.stem for path in GOLDEN.glob("*.npz"))
LONG = "alpha_uniform_gamma_list_notebook"


def each(values: Any, predictors: int) -> tuple[float, ...]:
    return tuple(float(value) for value in np.broadcast_to(np.ravel(values), predictors))


def memory(case: Any) -> DistributionalTD:
    n = int(case["n_predictors"])
    plus, minus = np.broadcast_to(case["alpha"], (n, 2)).T
    return DistributionalTD(
        predictors=n,
        alpha_plus=each(plus, n),
        alpha_minus=each(minus, n),
        gamma=each(case["gamma"], n),
        lam=each(case["lmbda"], n),
        semantics="drl_sim",
    )


def signals(case: Any, active: bool) -> dict[str, Any]:
    """Trials one after another; features are private to a trial type, a reward is seen one step later."""
    x, states = case["x"], case["states"]
    types, features, steps = x.shape
    trials = len(states)
    observation = np.zeros((trials, steps, types, features))
    reward = np.zeros((trials, steps))
    for trial, state in enumerate(states):
        observation[trial, :, state] = x[state].T
        reward[trial, 1:] = case["r"][state, trial, :-1]
    seen = observation.reshape(trials * steps, 1, types * features)
    place = np.tile(np.arange(steps), trials)[:, None]
    last = place == steps - 1
    return {
        "observation": indices(seen) if active else seen,
        "reward": reward.reshape(-1, 1),
        "start": place == 0,
        "end": last,
        "truncated": last,
    }


def indices(seen: Any) -> Any:
    """The active features of each step, -1 for none."""
    slots = int((seen != 0).sum(axis=-1).max())
    order = np.argsort(seen == 0, axis=-1, kind="stable")[..., :slots]
    return np.where(np.take_along_axis(seen, order, axis=-1) != 0, order, -1).astype(np.int32)


def assert_equal(case: Any, trace: Any) -> None:
    steps = case["x"].shape[-1]
    n, trials, kept = int(case["n_predictors"]), len(case["states"]), case["trials_kept"]
    value = trace["value"].reshape(trials, steps, n)[kept]
    delta = trace["delta"].reshape(trials, steps, n)[kept]
    shown = case["states"][kept]
    at_rest = 1e-5 * max(1, np.abs(case["r"]).max())
    rows = np.arange(len(kept))
    np.testing.assert_allclose(value.transpose(0, 2, 1), case["V"][:, shown, rows].swapaxes(0, 1), 0, at_rest)
    wanted = case["deltas"][:, shown, rows].swapaxes(0, 1)
    np.testing.assert_allclose(delta[:, 1:].transpose(0, 2, 1), wanted, 0, at_rest)
    assert not delta[:, 0].any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [name for name in CASES if name != "dense_features"])
def test_active_features_follow_the_trajectory(name: str, dtype: str) -> None:
    case = np.load(GOLDEN / f"{name}.npz")
    types, features, steps = case["x"].shape

    trace = play(
        memory(case),
        signals(case, active=True),
        dt=float(case["dt"]),
        dtype=dtype,
        trial_steps=steps,
        observation=Spec(
            shape=(1 + (name.startswith("two_cues_compound")),), dtype="int32", high=types * features - 1.0
        ),
        record=("value", "delta"),
    )

    assert_equal(case, trace)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["dense_features", "two_cues_compound_extinction", "single_dt1_lambda0"])
def test_features_of_any_size_follow_the_trajectory(name: str, dtype: str) -> None:
    case = np.load(GOLDEN / f"{name}.npz")

    trace = play(
        memory(case),
        signals(case, active=False),
        dt=float(case["dt"]),
        dtype=dtype,
        trial_steps=case["x"].shape[2],
        record=("value", "delta"),
    )

    assert_equal(case, trace)
