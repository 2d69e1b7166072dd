"""Cells against trajectories of ngclearn 3.2.3."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram.testing import play
from engram_spiking import (
    LIF,
    Izhikevich,
    izhikevich,
    lif_euler,
    lif_exact,
    lif_midpoint,
    reward_error,
)

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
    cell = LIF(tau=0.02, rest=-70.0, reset=-70.0, threshold=-54.0, refractory=0.0, integration="exact")
    v, refractory, theta, spikes = (np.full((1, 1), value) for value in (-70.0, 0.0, 0.0, 0.0))

    lif_exact(v, refractory, theta, spikes, np.full((1, 1), 5.0), *cell.constants(0.001))
    for _ in range(20):
        lif_exact(v, refractory, theta, spikes, np.zeros((1, 1)), *cell.constants(0.001))

    np.testing.assert_allclose(v, -70.0 + 5.0 * math.exp(-1.0), rtol=1e-12)


@pytest.mark.parametrize(
    ("integration", "rule"), [("euler", lif_euler), ("midpoint", lif_midpoint), ("exact", lif_exact)]
)
def test_a_layer_of_leaky_cells_takes_the_step_of_its_rule_and_follows_the_rate(
    integration: Any, rule: Any
) -> None:
    cell = LIF(units=3, theta_plus=0.05, integration=integration)
    current = np.random.default_rng(1).uniform(0, 30, (200, 2, 3))
    trace = play(cell, {"observation": current}, batch=2, dt=0.001)

    v, refractory, theta, spikes, rate = (np.zeros((2, 3)) for _ in range(5))
    v += cell.rest
    refractory += cell.constants(0.001)[7]
    forgets = math.exp(-0.001 / cell.tau_rate)
    for step in range(200):
        rule(v, refractory, theta, spikes, current[step], *cell.constants(0.001))
        rate = forgets * rate + (1 - forgets) / 0.001 * spikes
        np.testing.assert_array_equal(trace["v"][step], v)
        np.testing.assert_array_equal(trace["spikes"][step], spikes)
        np.testing.assert_allclose(trace["rate"][step], rate, rtol=1e-5)
    assert trace["spikes"].sum() > 0


def test_a_layer_of_izhikevich_takes_the_step_of_its_rule_with_noise_about_zero() -> None:
    rng = np.random.default_rng(1)
    current, draw = (rng.uniform(0, top, (500, 2, 3)) for top in (10, 1))
    layer = Izhikevich(units=3, noise=13.0)
    trace = play(layer, {"observation": current}, draws={"noise": draw}, batch=2, dt=0.001)

    v, u, spikes = (np.zeros((2, 3)) for _ in range(3))
    v += -65.0
    u += 0.2 * -65.0
    for step in range(500):
        given = current[step] + 13.0 * (draw[step] - 0.5)
        izhikevich(v, u, spikes, given, layer.a, layer.b, layer.c, layer.d, 1.0)
        np.testing.assert_array_equal(trace["v"][step], v)
        np.testing.assert_array_equal(trace["u"][step], u)
    assert trace["spikes"].sum() > 0
