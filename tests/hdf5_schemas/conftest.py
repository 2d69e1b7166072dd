from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram_hdf5 as h5

BATCH = 3
ROWS = 50


@pytest.fixture(scope="session")
def golden() -> Path:
    return Path(__file__).parent.parent / "golden" / "hdf5"


@pytest.fixture
def make_writer(tmp_path: Path) -> Callable[..., h5.Writer]:
    def make(name: str = "run.h5", **changes: Any) -> h5.Writer:
        arguments: dict[str, Any] = {
            "title": "a test",
            "source": "engram 0.1",
            "run_id": "run-1",
            "columns": [
                h5.Column("seed", np.arange(BATCH), "1", "seed of the draws"),
                h5.Column(
                    "memory_alpha", np.array([0.1, 0.2, 0.3]), "1", "learning rate", path="memory.alpha"
                ),
            ],
            "batch": BATCH,
            "provenance": {"backend": "numpy", "seed": 1, "git_dirty": False},
            "texts": {"config": "[run]\nsteps = 50\n", "packages": '{"engram": "0.1"}'},
        }
        return h5.Writer(tmp_path / name, **arguments | changes)

    return make


VARIABLES = (
    h5.Variable(
        "gain", ("stimulus",), (2,), "float32", "mV", "sensory gain", labels={"stimulus": ("CS", "US")}
    ),
    h5.Variable("spikes", ("unit",), (4,), "int16", "1", "spike count"),
    h5.Variable("awake", (), (), "bool", "1", "whether awake"),
    h5.Variable("q", ("stimulus", "action"), (2, 3), "float64", "1", "action value"),
)
TRIALS = (
    h5.ColumnSpec("replica", "int32", "1", "index along batch"),
    h5.ColumnSpec("start_time", "float64", "s", "first step"),
    h5.ColumnSpec("outcome", "int8", "1", "outcome", {0: "miss", 1: "hit"}),
    h5.ColumnSpec("rewarded", "bool", "1", "whether rewarded"),
)
EVENTS = (
    h5.ColumnSpec("time", "float64", "s", "time"),
    h5.ColumnSpec("replica", "int32", "1", "index along batch"),
    h5.ColumnSpec("unit", "int32", "1", "unit that fired"),
)


def draw(rows: int = ROWS) -> dict[str, Any]:
    """Rows of every variable, with their step and time."""
    rng = np.random.default_rng(5)
    step = np.arange(rows) * 10
    return {
        "step": step,
        "time": step * 0.1,
        "gain": rng.standard_normal((rows, BATCH, 2)).astype(np.float32),
        "spikes": rng.integers(0, 9, (rows, BATCH, 4)).astype(np.int16),
        "awake": rng.random((rows, BATCH)) > 0.5,
        "q": rng.standard_normal((rows, BATCH, 2, 3)),
    }


def record(writer: h5.Writer, *, path: str = "memory", name: str = "rl_gain", **changes: Any) -> h5.Recording:
    attributes = {"component": "rl-gain", "schema": "engram-gain/rl-gain", "schema_version": "1.0.0"}
    arguments = {"attributes": attributes, "every": 10, "variables": VARIABLES} | changes
    return writer.add_recording("memory", name, path=path, **arguments)


def append(
    writer: h5.Writer, recording: h5.Recording, rows: dict[str, Any], part: slice = slice(None)
) -> None:
    arrays = {name: array[part] for name, array in rows.items() if name not in ("step", "time")}
    writer.append(recording, rows["step"][part], rows["time"][part], arrays)


def fill(writer: h5.Writer) -> h5.Recording:
    """Write one of everything, uncommitted."""
    recording = record(writer)
    append(writer, recording, draw())
    trials, events = writer.add_table("trials", TRIALS), writer.add_table("events", EVENTS)
    replica = np.arange(BATCH, dtype=np.int32)
    flags = {"outcome": np.array([0, 1, 1], np.int8), "rewarded": np.array([False, True, True])}
    writer.append_rows(trials, {"replica": replica, "start_time": np.zeros(BATCH), **flags})
    writer.append_rows(events, {"time": np.array([0.5, 0.25, 0.75]), "replica": replica, "unit": replica + 1})
    final = h5.Variable("q", ("stimulus",), (2,), "float32", "1", "action value")
    writer.write_final(
        "memory",
        "rl_gain",
        step=490,
        time=49.0,
        arrays={"q": np.ones((BATCH, 2), np.float32)},
        variables=[final],
    )
    return recording


@pytest.fixture
def run_path(make_writer: Callable[..., h5.Writer]) -> Path:
    """A complete run file with one of everything."""
    writer = make_writer()
    fill(writer)
    writer.set_provenance(wall_time_s=1.5)
    return writer.complete()


@pytest.fixture(scope="session")
def kit() -> Any:
    """The functions above, for tests: with importlib mode a conftest cannot be imported."""
    import types

    return types.SimpleNamespace(
        BATCH=BATCH,
        ROWS=ROWS,
        VARIABLES=VARIABLES,
        TRIALS=TRIALS,
        draw=draw,
        record=record,
        append=append,
        fill=fill,
    )
