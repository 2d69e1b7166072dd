"""Memory and sensor of two plugins in one loop, against larvaworld 2.5.1."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Context, Signal, Spec
from engram.testing import play
from engram_larva.sensor import leak, perceive
from engram_rl_gain import RLGain

GOLDEN = Path(__file__).parents[1] / "golden" / "larvaworld"


@engram.state
class LoopState:
    learner: Any = engram.child()
    gain: Array = engram.array("stimulus", doc="gain in force")
    level: Array = engram.array("stimulus", doc="concentration one step ago")
    change: Array = engram.array("stimulus", doc="perceived change")
    output: Array = engram.array(doc="sensor output")


@engram.parameters
class Loop(engram.Memory):
    """The memory sees the change of the step before and the reward of this one; then the sensor reads."""

    name = "loop"
    learner: engram.Memory = engram.component("memory")

    def init(self, ctx: Context) -> LoopState:
        learner = self.learner.init(ctx.child("learner"))
        return ctx.state(LoopState, sizes={"stimulus": ctx.observation.shape[0]}, learner=learner)

    def step(self, state: LoopState, signal: Signal) -> Array:
        concentration = signal.observation
        signal = Signal(
            state.change.copy(),
            signal.reward,
            signal.start,
            signal.end,
            signal.truncated,
            signal.learn,
            signal.outcome,
        )
        state.gain[...] = self.learner.step(state.learner, signal)
        state.change[...] = perceive(concentration, state.level, "log")
        state.level[...] = concentration
        state.output[...] = leak(
            state.output, (state.gain * state.change).sum(axis=1), math.exp(-0.1 * 0.1), 0.1
        )
        return state.gain


@pytest.mark.parametrize("name", ["closed_loop_n1", "closed_loop_n2"])
@pytest.mark.parametrize("batch", [1, 7])
def test_memory_and_sensor_in_a_loop_equal_larvaworld(name: str, batch: int) -> None:
    trace = np.load(GOLDEN / f"{name}.npz")
    meta = json.loads(str(trace["meta"]))
    learner = RLGain(
        update_dt=meta["update_dt"], train_dur=meta["train_dur"], delta=meta["Delta"], state_space_per_side=meta["k"],
        semantics="larvaworld-2.5",
    )  # fmt: skip

    def tiled(values: Any) -> Any:
        return np.repeat(np.asarray(values, dtype=float)[:, None], batch, axis=1)

    explored = np.where(trace["explored"] == 1, trace["action"], -1)
    out = play(
        Loop(learner=learner),
        {"observation": tiled(trace["conc"]), "reward": tiled(trace["reward"])},
        batch=batch,
        dt=meta["dt"],
        draws={"learner.explore": tiled(trace["u"]), "learner.action": tiled(explored).astype(int)},
        observation=Spec(shape=trace["conc"].shape[1:]),
    )
    for replica in range(batch):
        np.testing.assert_array_equal(out["gain"][:, replica], trace["gain"])
        np.testing.assert_allclose(out["change"][:, replica], trace["dX"], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(out["output"][:, replica], trace["output"], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(out["learner.q"][:, replica], trace["q_table"], rtol=1e-12, atol=1e-12)
