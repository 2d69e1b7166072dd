"""Cells against trajectories of ngclearn 3.2.3."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram_spiking import LIF, lif_euler, lif_midpoint, reward_error

GOLDEN = Path(__file__).parents[2] / "golden" / "ngclearn"
DEFAULT = LIF(tau=0.02, theta_plus=0.05)
MIDPOINT = LIF(
    tau=0.1, resistance=3.0, refractory=0.002, tau_theta=0.2, theta_plus=0.5, reset=-65.0, lowest=-70.0,
    integration="midpoint",
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "rule", "cell"),
    [("cell_lif_default", lif_euler, DEFAULT), ("cell_lif_rk2", lif_midpoint, MIDPOINT)],
    ids=["euler", "midpoint"],
)
def test_the_leaky_cell_follows_ngclearn(name: str, rule: Any, cell: LIF, dtype: str) -> None:
    trace = np.load(GOLDEN / f"{name}.npz")
    v, refractory, theta = (trace[f"init_{key}"].astype(dtype).copy() for key in ("v", "rfr", "thr_theta"))
    spikes = np.zeros_like(v)

    for step, current in enumerate(trace["inputs"].astype(dtype)):
        rule(v, refractory, theta, spikes, current, *cell.constants(0.001))
        np.testing.assert_array_equal(spikes, trace["out_s"][step])
        np.testing.assert_array_equal(refractory, trace["out_rfr"][step])
        np.testing.assert_allclose(v, trace["out_v"][step], rtol=1e-5)
        np.testing.assert_allclose(theta, trace["out_thr_theta"][step], rtol=1e-5, atol=2e-6)

    assert trace["out_s"].sum() > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_critic_follows_the_reward_error_cell_of_ngclearn(dtype: str) -> None:
    trace = np.load(GOLDEN / "cell_rewarderror.npz")
    mu, error, present = np.zeros((1, 1), dtype), np.zeros(1, dtype), np.ones((1, 1), dtype)

    for step, reward in enumerate(trace["inputs"].astype(dtype)):
        reward_error(mu, error, present, reward[:, 0].copy(), 0.1)
        np.testing.assert_allclose(mu, trace["out_mu"][step], rtol=1e-5, atol=2e-6)
        np.testing.assert_allclose(error, trace["out_rpe"][step, 0], rtol=1e-5, atol=2e-6)


def test_the_exact_step_solves_the_equation_between_impulses() -> None:
    from engram_spiking import lif_exact

    cell = LIF(tau=0.02, rest=-70.0, reset=-70.0, threshold=-54.0, refractory=0.0, integration="exact")
    v, refractory, theta, spikes = (np.full((1, 1), value) for value in (-70.0, 0.0, 0.0, 0.0))

    lif_exact(v, refractory, theta, spikes, np.full((1, 1), 5.0), *cell.constants(0.001))
    for _ in range(20):
        lif_exact(v, refractory, theta, spikes, np.zeros((1, 1)), *cell.constants(0.001))

    np.testing.assert_allclose(v, -70.0 + 5.0 * math.exp(-1.0), rtol=1e-12)
