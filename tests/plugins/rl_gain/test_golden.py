"""rl-gain and rl-touch against trajectories of larvaworld 2.5.1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram.testing import play
from engram_rl_gain import RLGain, RLTouch, best_gain, learner, state_index
from engram_rl_gain.semantics import INTENDED, LARVAWORLD_25

GOLDEN = Path(__file__).parents[2] / "golden" / "larvaworld"
TRACES = sorted(
    path.stem for path in GOLDEN.glob("rl_*.npz") if "table" not in path.stem and "PATCHED" not in path.stem
)
RECORD = ("q", "gain", "reward_sum", "last_state", "last_action", "iterator", "total_ticks", "learning")


def memory(meta: dict[str, Any], **changes: Any) -> RLGain | RLTouch:
    cls = RLGain if meta["kind"] == "olf" else RLTouch
    names = ("update_dt", "train_dur", "alpha", "gamma", "epsilon", "state_specific_best")
    given = {name: meta[name] for name in names}
    given |= {"delta": meta["Delta"], "state_space_per_side": meta["state_spacePerSide"]}
    return cls(**{**given, "gain_space": tuple(meta["gain_space"]), "semantics": "larvaworld-2.5", **changes})


def replay(trace: Any, component: Any, shifts: Sequence[int] = (0,)) -> dict[str, Any]:
    """Replicas that get the inputs and draws of a trace, each later by so many steps."""
    meta = json.loads(str(trace["meta"]))

    def tiled(values: Any) -> Any:
        return np.stack([np.roll(values, shift, axis=0) for shift in shifts], axis=1)

    explored = np.where(trace["event"] == 1, trace["action"], -1)
    return play(
        component,
        {"observation": tiled(trace["dx"]), "reward": tiled(trace["reward"].astype(float))},
        batch=len(shifts),
        dt=meta["dt"],
        force={"active": tiled(trace["active"].astype(bool))},
        draws={
            "explore": tiled(trace["u"].astype(float)),
            "action": tiled(explored),
        },
        record=RECORD,
    )


def assert_equal(out: dict[str, Any], trace: Any) -> None:
    exact = {"gain": "gain", "state": "last_state", "action": "last_action", "iterator": "iterator"}
    exact |= {"total_ticks": "total_ticks", "learning_on": "learning"}
    for theirs, ours in exact.items():
        np.testing.assert_array_equal(out[ours][:, 0], trace[theirs], err_msg=theirs)
    np.testing.assert_allclose(out["reward_sum"][:, 0], trace["rewardSum"], rtol=1e-12, atol=1e-12)
    if "q_table" in trace:
        np.testing.assert_allclose(out["q"][:, 0], trace["q_table"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(out["q"][-1, 0], trace["q_final"], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(best_gain(out["q"][-1], trace["actions"])[0], trace["best_gain"])


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_of_larvaworld_comes_out_again(name: str) -> None:
    trace = np.load(GOLDEN / f"{name}.npz")
    assert_equal(replay(trace, memory(json.loads(str(trace["meta"])))), trace)


@pytest.mark.parametrize("name", ["rl_olf_n2_k1_asanchor", "rl_touch_n1", "rl_posttrain_statebest"])
def test_each_of_seven_replicas_with_inputs_of_their_own_equals_its_single_run(name: str) -> None:
    trace = np.load(GOLDEN / f"{name}.npz")
    component = memory(json.loads(str(trace["meta"])))
    shifts = [17 * replica for replica in range(7)]
    seven = replay(trace, component, shifts)
    assert len({seven["q"][-1, replica].tobytes() for replica in range(7)}) > 5
    for replica, shift in enumerate(shifts):
        one = replay(trace, component, [shift])
        for path in RECORD:
            np.testing.assert_array_equal(seven[path][:, [replica]], one[path], err_msg=path)


def test_the_trace_of_larvaworld_with_its_state_repaired_comes_out_again(monkeypatch: Any) -> None:
    repaired = replace(LARVAWORLD_25, state=INTENDED.state)
    monkeypatch.setattr(learner, "semantics", lambda name: repaired)
    trace = np.load(GOLDEN / "rl_olf_n2_k1_intended_PATCHED.npz")
    assert_equal(replay(trace, memory(json.loads(str(trace["meta"])))), trace)


def test_the_repaired_state_uses_every_stimulus() -> None:
    trace = np.load(GOLDEN / "rl_olf_n2_k1_intended_PATCHED.npz")
    state = state_index(trace["dx"], json.loads(str(trace["meta"]))["Delta"], 1)
    greedy = trace["event"] == 0
    assert greedy.sum() > 20
    np.testing.assert_array_equal(state[greedy], trace["state"][greedy])


def test_the_table_of_states_comes_out_again() -> None:
    table = np.load(GOLDEN / "rl_state_collapse_table.npz")
    cases = sorted(name.removesuffix("_dx") for name in table if name.endswith("_dx"))
    assert len(cases) == 7
    for case in cases:
        change = table[f"{case}_dx"].reshape(len(table[f"{case}_state"]), -1)
        found = state_index(change, float(table["Delta"]), int(case[-1]), "larvaworld-2.5")
        np.testing.assert_array_equal(found, table[f"{case}_state"], err_msg=case)


@pytest.mark.parametrize("name", ["closed_loop_n1", "closed_loop_n2"])
def test_memory_and_sensor_in_a_loop_come_out_again(name: str) -> None:
    """Each step: the memory sees the change of the step before and the reward of this one, then the sensor reads."""
    trace = np.load(GOLDEN / f"{name}.npz")
    meta = json.loads(str(trace["meta"]))
    component = RLGain(
        update_dt=meta["update_dt"], train_dur=meta["train_dur"], delta=meta["Delta"], state_space_per_side=meta["k"],
        semantics="larvaworld-2.5",
    )  # fmt: skip
    conc = trace["conc"]
    steps, stimuli = conc.shape
    before = np.vstack([np.zeros((1, stimuli)), conc[:-1]])
    safe = np.where(before == 0, 1, before)
    change = np.where(before == 0, 0, conc / safe - 1)
    change[0] = 0
    np.testing.assert_allclose(change, trace["dX"], rtol=1e-12, atol=1e-15)
    seen = np.vstack([np.zeros((1, stimuli)), trace["dX"][:-1]])
    action = np.where(trace["explored"] == 1, trace["action"], -1)
    out = play(
        component,
        {"observation": seen[:, None], "reward": trace["reward"][:, None].astype(float)},
        dt=meta["dt"],
        draws={"explore": trace["u"][:, None], "action": action[:, None]},
        record=("q", "gain"),
    )
    np.testing.assert_array_equal(out["gain"][:, 0], trace["gain"])
    np.testing.assert_allclose(out["q"][:, 0], trace["q_table"], rtol=1e-12, atol=1e-12)
    output = 0.0
    for step in range(steps):
        output = output * np.exp(-0.1 * 0.1) + 0.1 * (out["gain"][step, 0] * change[step]).sum()
        np.testing.assert_allclose(output, trace["output"][step], rtol=1e-12, atol=1e-13)
