"""reinforce against trajectories of ngc-learn 3.2.3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram.testing import play
from engram_reinforce import Reinforce, Uniform

GOLDEN = Path(__file__).parents[2] / "golden" / "ngclearn"
CASES = sorted(path.stem for path in GOLDEN.glob("reinforce_*.npz"))
TOLERANCE = {"rtol": 1e-5, "atol": 2e-6}


def synapse(given: dict[str, Any]) -> Reinforce:
    low, high = given["mu_out_min"], given["mu_out_max"]
    return Reinforce(
        semantics="ngclearn-3.2",
        eta=given["eta"],
        decay=given["decay"],
        act_fx=given["act_fx"] or "identity",
        mu_act_fx=given["mu_act_fx"] or "identity",
        mu_out_min=-np.inf if low is None else low,
        mu_out_max=np.inf if high is None else high,
        scalar_stddev=given["scalar_stddev"] if given["scalar_stddev"] > 0 else None,
        w_max=given["w_bound"],
        samples=given["batch_size"],
        mean_weights=Uniform(low=0, high=0),
        log_std_weights=Uniform(low=0, high=0),
    )


def played(case: Any, dtype: str) -> Any:
    given = json.loads(str(case["params_json"]))
    steps, samples, _ = case["inputs"].shape
    n_act = given["shape"][1]
    rewards = case["rewards"]
    return play(
        synapse(given),
        {
            "pre": case["inputs"][:, None],
            "post": np.zeros((steps, 1, samples, n_act)),
            "modulator": np.concatenate([rewards[1:], rewards[:1]])[:, None],
        },
        dtype=dtype,
        start={
            "w_mean": case["w0"][:, :n_act],
            "w_log_std": case["w0"][:, n_act:],
            "reward": rewards[0],
        },
        force={"learning_mask": case["learning_mask"][:, None] > 0},
        draws={"noise": case["eps"][:, None]},
    )


def test_all_cases_are_here() -> None:
    assert len(CASES) == 6


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_the_synapse_follows_the_trajectory(name: str, dtype: str) -> None:
    case = np.load(GOLDEN / f"{name}.npz")

    trace = played(case, dtype)

    def halves(first: str, second: str) -> Any:
        return np.concatenate([trace[first], trace[second]], axis=-1)[:, 0]

    np.testing.assert_allclose(halves("w_mean", "w_log_std"), case["out_weights"], **TOLERANCE)
    np.testing.assert_allclose(halves("d_mean", "d_log_std"), case["out_dWeights"], **TOLERANCE)
    np.testing.assert_allclose(trace["objective"][:, 0], case["out_objective"], **TOLERANCE)
    np.testing.assert_allclose(trace["action"][:, 0], case["out_outputs"], **TOLERANCE)
    found = halves("average_mean", "average_log_std")
    np.testing.assert_allclose(found, case["out_accumulated_gradients"], **TOLERANCE)
    np.testing.assert_array_equal(trace["count"][:, 0], case["out_step_count"])
