"""Large runs, and files of many arrays, stay small: on the disk and in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import engram
import engram_hdf5 as h5
from engram import Array, Context, Signal, Spec
from engram.plugins import Registry

pytestmark = pytest.mark.slow

REPLICAS = TRIALS = 10_000
EVERY = 100
MIB = 1 << 20


@engram.state
class BlinkState:
    done: Array = engram.array(doc="steps done", unit="step", dtype="int64")
    share: Array = engram.fixed()
    still: Array = engram.fixed()


@engram.parameters
class Blink(engram.Task):
    """Trials of one step; what each earns follows from its number and its replica."""

    name = "blink"
    observation = Spec(shape=(1,))
    action = Spec()

    def init(self, ctx: Context) -> BlinkState:
        share = ctx.xp.asarray(ctx.replicas % 7, dtype=ctx.dtype)
        return ctx.state(BlinkState, share=share, still=ctx.zeros(1))

    def reset(self, state: BlinkState) -> Signal:
        return self._signal(state)

    def step(self, state: BlinkState, action: Array) -> Signal:
        state.done += 1
        return self._signal(state)

    def _signal(self, state: BlinkState) -> Signal:
        yes = np.ones(REPLICAS, bool)
        reward = state.share + (state.done % 1013).astype(np.float32)
        return Signal(state.still, reward, yes, yes, ~yes, yes, (state.done % 11).astype(np.int8))


@engram.state
class AbsentState:
    action: Array = engram.fixed()


@engram.parameters
class Absent(engram.Memory):
    """Remembers nothing."""

    name = "absent"

    def init(self, ctx: Context) -> AbsentState:
        return ctx.state(AbsentState, action=ctx.zeros())

    def step(self, state: AbsentState, signal: Signal) -> Array:
        return state.action


class BlinkPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Absent]

    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Blink]


def test_ten_thousand_replicas_of_ten_thousand_trials_stay_below_100_megabytes(tmp_path: Path) -> None:
    plugins = Registry(discover=False)
    plugins.register(BlinkPlugin(), "blink")
    recipe = {
        "run": {"steps": TRIALS, "batch": REPLICAS, "seed": 1, "dt": 0.5, "backend": "numpy"},
        "task": {"use": "blink"},
        "memory": {"use": "absent"},
        "record": {"variables": [], "trials": f"every {EVERY}", "final": False},
    }
    (path,) = engram.run(recipe, out=tmp_path / "run.h5", plugins=plugins)
    assert path.stat().st_size < 100e6
    with engram.open(path) as run:
        table = {name: run.tables()["trials"].read(name) for name in run.tables()["trials"].variables}
    kept = TRIALS // EVERY
    number = np.repeat(np.arange(kept) * EVERY, REPLICAS)
    replica = np.tile(np.arange(REPLICAS), kept)
    expected = {
        "replica": replica,
        "number": number,
        "start_step": number,
        "stop_step": number,
        "start_time": 0.5 * number,
        "stop_time": 0.5 * number,
        "return_": replica % 7 + number % 1013,
        "outcome": number % 11,
        "truncated": np.zeros(kept * REPLICAS, bool),
    }
    assert table.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(table[name], values, err_msg=name)


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process is not limited here")
def test_checking_many_arrays_takes_no_more_memory_than_checking_one(make_writer, kit) -> None:
    arrays, rows = 40, 1366
    variables = [
        h5.Variable(f"v{index}", ("unit",), (1024,), "int16", "1", "counts") for index in range(arrays)
    ]
    # 8 MiB an array, 320 MiB together, of which HDF5 would keep as much as it is allowed to.
    block = np.zeros((rows, kit.BATCH, 1024), np.int16)
    with make_writer("many.h5") as writer:
        recording = kit.record(writer, variables=variables)
        writer.append(
            recording, np.arange(rows), 0.1 * np.arange(rows), {item.name: block for item in variables}
        )
    assert h5.judge(writer.path, limits=h5.Limits(memory=320 * MIB)) == []
