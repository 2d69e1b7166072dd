"""Schedules in runs: files, groups in the batch, trials as the end, every backend's path."""

from __future__ import annotations

import numpy as np
import pytest

import engram
import engram_conditioning
from engram import Array
from engram.plugins import Registry


@engram.state
class Sums:
    total: Array = engram.array(doc="sum of rewards", record=True)
    seen: Array = engram.array("feature", doc="sum of observations", record=True)


@engram.parameters
class Sum(engram.Memory):
    """Sums up what it sees."""

    name = "sum"

    def init(self, ctx):
        return ctx.state(Sums, sizes={"feature": ctx.observation.shape[0]})

    @engram.scan
    def body(total, seen, observation, reward):
        total = total + reward
        for place in range(len(seen)):
            seen[place] = seen[place] + observation[place]


class Memories:
    """A plugin with this memory."""

    @staticmethod
    @engram.hookimpl
    def register_memories():
        return [Sum]


@pytest.fixture(scope="module")
def registry():
    found = Registry(discover=False)
    found.register(engram_conditioning, "conditioning")
    found.register(Memories, "memories")
    return found


def run(registry, folder, task, sweep=None, record=None, **settings):
    """Run a recipe and return the opened file."""
    dt = task.get("dt", 0.1)
    tables = {
        "run": {"dt": dt, "seed": 5, "backend": "numpy", **settings}, "task": {"use": "conditioning", **task},
        "memory": {"use": "sum"}, "sweep": sweep or {}, "record": record or {},
    }  # fmt: skip
    (file,) = engram.run(engram.resolve(tables, plugins=registry), out=folder / "run.h5", plugins=registry)
    return engram.open(file)


def test_groups_are_swept_within_one_batch(registry, tmp_path):
    task = {"preset": "latent-inhibition"}
    record = {"variables": ["task.observation", "task.learn"], "every": 1}
    with run(registry, tmp_path, task, {"task.group": [0, 1]}, record, steps=25 * 201, batch=2) as file:
        seen = file["task.observation"][:]
        learn = file["task.learn"][:]

    assert seen.shape == (25 * 201, 4, 40)
    first = seen[: 25 * 100].any(axis=0).reshape(4, 2, 20).any(axis=2)
    assert first.tolist() == [[True, False], [True, False], [False, True], [False, True]]
    assert learn[: 25 * 200].all()
    assert not learn[25 * 200 :].any()


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_stopping_after_trials_sees_the_same_as_stopping_after_steps(registry, tmp_path, chunk):
    task = {"preset": "starkweather-2", "interval": {"uniform": [0.0, 1.0]}}
    record = {"variables": ["memory.total", "memory.seen"], "every": 1}
    with run(registry, tmp_path, task | {"dt": 0.2}, None, record, steps=300, batch=3) as file:
        by_steps = file["memory.total"][:], file["memory.seen"][:]
    folder = tmp_path / "trials"
    folder.mkdir()
    with run(registry, folder, task | {"dt": 0.2}, None, record, trials=8, batch=3, chunk=chunk) as file:
        by_trials = file["memory.total"][:], file["memory.seen"][:]

    n = 17 * 8  # no replica is done before
    for one, other in zip(by_steps, by_trials, strict=True):
        assert len(other) >= n
        np.testing.assert_array_equal(one[:n], other[:n])


def test_the_table_of_trials_names_the_types(registry, tmp_path):
    with run(registry, tmp_path, {"preset": "conditioned-inhibition"}, steps=25 * 401) as file:
        trials = file.trials()

    outcome = np.array(trials["outcome"])
    reward = np.array(trials["return_"])
    assert np.bincount(outcome).tolist() == [200, 200, 1]
    np.testing.assert_array_equal(reward, outcome == 0)


def test_the_place_in_the_session_can_be_recorded(registry, tmp_path):
    record = {"variables": ["task.trial", "task.elapsed", "task.kind", "task.start"], "every": 1}
    with run(registry, tmp_path, {"preset": "unblocking"}, None, record, steps=75) as file:
        trial, elapsed, kind, start = (
            file[f"task.{name}"][:, 0] for name in ("trial", "elapsed", "kind", "start")
        )

    np.testing.assert_array_equal(trial, np.arange(75) // 25)
    np.testing.assert_array_equal(elapsed, np.arange(75) % 25)
    np.testing.assert_array_equal(start, elapsed == 0)
    assert (kind == 0).all()


def test_features_have_their_names_in_the_file(registry, tmp_path):
    record = {"variables": ["task.observation"], "every": 1}
    with run(registry, tmp_path, {"preset": "blocking"}, None, record, steps=2) as file:
        labels = file.labels("task.observation", "feature")

    assert labels[0] == "A_0"
    assert labels[20] == "B_0"


@pytest.mark.parametrize("code", ["dense", "active"])
def test_a_loop_compiled_for_the_memory_sees_the_same(registry, tmp_path, code):
    pytest.importorskip("numba")
    task = {"preset": "dabney-probability", "code": code}
    found = []
    for backend in ("numpy", "numba"):
        folder = tmp_path / backend
        folder.mkdir()
        with run(registry, folder, task, steps=500, batch=4, backend=backend) as file:
            found.append((file["memory.total"][:], file["memory.seen"][:]))

    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert found[0][0][-1].all()
