"""The tasks xor-rate and xor-temporal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram.testing import Case, parametrize_with_checks, play
from engram_spiking import XorRate, XorTemporal

STEPS = 5
TASKS = [
    XorRate(inputs=3, duration=0.005, epochs=2, probes=1),
    XorTemporal(spikes=2, duration=0.005, epochs=2, probes=1),
]


@parametrize_with_checks([Case(task, dt=0.001) for task in TASKS])
def test_conformance(check: Any) -> None:
    check()


def played(task: Any, action: float = 1.0, epochs: int = 3) -> dict[str, Any]:
    steps = 4 * STEPS * epochs
    return play(task, {"action": np.full((steps, 6, 1), action)}, batch=6, dt=0.001)


@pytest.mark.parametrize("task", TASKS, ids=["rate", "temporal"])
def test_an_epoch_shows_each_pattern_once_in_an_order_of_its_own(task: Any) -> None:
    # Row k is the signal that follows action k, that of step k + 1.
    shown = played(task)["outcome"].reshape(3, 4, STEPS, 6)[:, :, 0]

    assert (np.sort(shown, axis=1) == np.arange(4)[None, :, None]).all()
    assert len(np.unique(shown.reshape(-1, 6), axis=1).T) > 1


@pytest.mark.parametrize("task", TASKS, ids=["rate", "temporal"])
def test_a_spike_earns_one_where_the_bits_differ_and_costs_one_elsewhere(task: Any) -> None:
    trace = played(task)
    sign = np.array([-1, 1, 1, -1])[trace["outcome"]]

    np.testing.assert_array_equal(trace["reward"], np.where(trace["start"], 0, sign))
    assert (played(task, action=0.0)["reward"] == 0).all()


@pytest.mark.parametrize("task", TASKS, ids=["rate", "temporal"])
def test_nothing_is_learnt_in_the_probes(task: Any) -> None:
    learn = played(task)["learn"]

    assert learn[: 8 * STEPS - 1].all()
    assert not learn[8 * STEPS - 1 :].any()


def test_half_of_any_two_inputs_code_each_bit_by_their_rate() -> None:
    trace = played(XorRate(inputs=3, rate=30.0, duration=0.005, epochs=2, probes=1))
    bits = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])[trace["outcome"]]

    np.testing.assert_array_equal(trace["observation"], 30.0 * np.tile(bits, 3))


def test_a_symbol_is_one_train_of_spikes_on_either_input() -> None:
    task = XorTemporal(spikes=2, duration=0.005, epochs=2, probes=1)
    trace = played(task)
    bits = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])[trace["outcome"]]
    place = (np.arange(len(bits)) + 1) % STEPS

    assert (trace["trains"].sum(axis=-1) == 2).all()
    for replica in range(6):
        expected = trace["trains"][0, replica][bits[:, replica], place[:, None]]
        np.testing.assert_array_equal(trace["observation"][:, replica], expected)


def test_tasks_that_cannot_be_are_refused_in_one_line() -> None:
    with pytest.raises(
        engram.RecipeError, match=r"task.duration: 0.001 s is less than two steps of 0.001 s; lengthen it"
    ):
        play(XorRate(duration=0.001), {"action": np.zeros((1, 1, 1))}, dt=0.001)
    with pytest.raises(engram.RecipeError, match=r"task.spikes: 6 do not fit into 5 steps; lower it"):
        play(XorTemporal(spikes=6, duration=0.005), {"action": np.zeros((1, 1, 1))}, dt=0.001)
