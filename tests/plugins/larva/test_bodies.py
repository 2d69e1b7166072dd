"""The bodies of the arenas: array code, Numba, C and the layout of a GPU give the same bits."""

import numpy as np
import pytest

import engram
import engram_larva
from engram import Array
from engram.engine import prepare
from engram.plugins import Registry
from engram.rules import cache
from engram.rules.fused import Fused

FOOD = {"name": "A", "x": 0.0, "food": True, "radius": 0.05}
SHORT = {"train_trials": 2, "trial_dur": 3.0, "test_dur": 4.0}
TASKS = {
    "odor": {"use": "odor-arena"},
    "food-in-a-box": {
        "use": "odor-arena",
        "odors": [FOOD, {"name": "B", "x": 0.03}, {"name": "A", "x": -0.03}],
        "arena": {"shape": "rectangle", "width": 0.02, "height": 0.05},
        "semantics": "larvaworld-2.5",
        "perception": "linear",
    },
    "touch": {"use": "touch-arena", "start": {"width": 0.03, "height": 0.03}},
    "two-sensors": {
        "use": "touch-arena",
        "sensors": [{"name": "left", "aside": 0.1}, {"name": "right", "aside": -0.1}],
        "patches": [{"x": 0.005}, {"x": -0.01, "radius": 0.004}],
        "semantics": "larvaworld-2.5",
    },
}
VARIABLES = ["position", "head", "omega", "bend", "e", "mode", "left", "bite", "gain", "output"]
PASSED = ["observation", "reward", "start", "end", "learn"]
compiled = pytest.mark.skipif(cache.c_compiler() is None, reason="no C compiler was found")


@engram.state
class Held:
    gain: Array = engram.array("stimulus", doc="gain")


@engram.parameters
class HeldGain(engram.Memory):
    """A memory that never changes its gain."""

    name = "held-gain"
    value: float = engram.param(default=150.0, doc="gain", per_replica=True)

    def init(self, ctx):
        gain = ctx.per_replica(self).value[:, None] + ctx.zeros(*ctx.observation.shape)
        return ctx.state(Held, gain=gain)

    @engram.scan
    def body(gain, action):
        for stimulus in range(len(gain)):
            action[stimulus] = gain[stimulus]


class Plugin:
    @engram.hookimpl
    def register_memories(self):
        return [HeldGain]


@pytest.fixture(scope="module")
def registry():
    found = Registry(discover=False)
    found.register(engram_larva, "larva")
    found.register(Plugin(), "held")
    return found


def rows(registry, task, *, dtype="float32", batch=6, chunk=None, target=None, side_by_side=False):
    """Return what a run records and its trials; `target` runs the woven loop, None steps array code."""
    run = {"steps": 200, "dt": 0.1, "batch": batch, "seed": 3, "dtype": dtype, "backend": "numpy"}
    recipe = {
        "run": run if chunk is None else {**run, "chunk": chunk},
        "task": {**SHORT, **TASKS[task]},
        "memory": {"use": "held-gain"},
        "record": {"variables": [f"task.{name}" for name in VARIABLES + PASSED]},
        "sweep": {"memory.value": [-300.0, 150.0], "task.trained": [True, False]},
    }
    prepared = prepare(engram.resolve(recipe, plugins=registry))
    if target is not None:
        prepared.fused = Fused(prepared, target, closed=True, side_by_side=side_by_side)
    chunks = list(prepared.chunks())
    found = {name: np.concatenate([chunk.records[name] for chunk in chunks]) for name in chunks[0].records}
    return found | {
        f"trial.{name}": np.concatenate([chunk.trials[name] for chunk in chunks]) for name in chunks[0].trials
    }


def assert_same_bits(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name, strict=True)


def test_the_runs_compared_reach_every_branch(registry):
    fed, felt = rows(registry, "food-in-a-box"), rows(registry, "touch")
    assert set(np.unique(fed["task.mode"])) == {0, 1, 2}
    assert len(np.unique(fed["task.start"].sum(axis=0))) == 1
    assert len(np.unique(fed["trial.number"])) == 5
    still = (np.diff(fed["task.position"], axis=0) == 0).all(axis=2) & (fed["task.mode"][1:] == 0)
    assert still.any()
    assert fed["task.reward"].any()
    assert set(np.unique(felt["task.observation"])) == {-1.0, 0.0, 1.0}


@compiled
@pytest.mark.parametrize("side_by_side", [False, True], ids=["host", "layout-of-a-gpu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", TASKS)
def test_compiled_bodies_equal_array_code(registry, task, dtype, side_by_side):
    expected = rows(registry, task, dtype=dtype)
    found = rows(registry, task, dtype=dtype, target="host", side_by_side=side_by_side)
    assert_same_bits(found, expected)


@pytest.mark.slow  # Numba compiles each of them for ten seconds
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", TASKS)
def test_bodies_with_numba_equal_array_code(registry, task, dtype):
    pytest.importorskip("numba")
    assert_same_bits(rows(registry, task, dtype=dtype, target="numba"), rows(registry, task, dtype=dtype))


@compiled
@pytest.mark.parametrize("chunk", [1, 7])
@pytest.mark.parametrize("task", ["food-in-a-box", "touch"])
def test_chunks_change_no_bit(registry, task, chunk):
    expected = rows(registry, task)
    assert_same_bits(rows(registry, task, chunk=chunk), expected)
    assert_same_bits(rows(registry, task, chunk=chunk, target="host"), expected)


@compiled
@pytest.mark.parametrize("target", [None, "host"])
def test_a_part_of_the_larvae_is_as_they_are_together(registry, target):
    together = rows(registry, "food-in-a-box", batch=6, target=target)
    apart = rows(registry, "food-in-a-box", batch=2, target=target)
    own = np.concatenate([np.arange(2) + 6 * point for point in range(4)])
    for name in apart:
        if not name.startswith("trial."):
            np.testing.assert_array_equal(together[name][:, own], apart[name], err_msg=name)
