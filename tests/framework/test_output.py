"""From recipe to file: everything is there, under its name, with its unit, whatever the chunk length."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import engram
import engram_hdf5
from engram import Array, Context, Signal
from engram.plugins import Registry
from engram.recipe import Recipe, resolve

Make = Callable[..., Recipe]


def datasets(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("provenance"):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


def test_a_run_leaves_one_valid_file_under_its_final_name(make: Make, tmp_path: Path) -> None:
    (path,) = engram.run(make(), out=tmp_path / "run.h5")
    assert path == tmp_path / "run.h5" and list(tmp_path.iterdir()) == [path]
    assert engram_hdf5.validate(path) == []


@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_the_file_does_not_depend_on_the_chunk_length(make: Make, tmp_path: Path, chunk: int) -> None:
    one = datasets(engram.run(make(), out=tmp_path / "one.h5")[0])
    other = datasets(engram.run(make(f"run.chunk={chunk}"), out=tmp_path / "other.h5")[0])
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_records_trials_and_final_state_are_read_back(make: Make, tmp_path: Path) -> None:
    (path,) = engram.run(make(), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert run.status == "complete"
        assert set(run.variables()) == {"memory.value", "task.count", "task.reward", "memory.action"}
        assert run["memory.value"].shape == (15, 3, 3) and run["memory.value"].dtype == np.float64
        np.testing.assert_allclose(run.time("memory"), np.arange(0, 60, 4) * 0.5)
        assert run.labels("memory.value", "stimulus") == ("a", "b", "c")
        assert run.attributes("memory.value")["units"] == "1"
        assert run.final("memory.seen").tolist() == [60, 60, 60]
        trials = run.trials()
        assert {"replica", "start_time", "stop_time", "return_", "outcome"} <= set(trials.columns)
        assert (trials.stop_step >= trials.start_step).all() and len(trials) > 10


def test_the_file_tells_where_it_came_from(make: Make, tmp_path: Path) -> None:
    (path,) = engram.run(make("memory.rate=0.25"), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert run.recipe["memory"] == {"use": "average", "rate": 0.25, "sigma": 0.1, "rebind": False}
        facts = run.provenance
        assert facts["backend"] == "numpy" and facts["backend_reason"] == "asked for" and facts["seed"] == 5
        assert facts["wall_time_s"] > 0
    with h5py.File(path) as file:
        texts = {
            name: file["provenance"][name].asstr()[()] for name in ("packages", "plugins", "config_user")
        }
        assert json.loads(texts["packages"])["numpy"] == np.__version__
        assert [plugin["name"] for plugin in json.loads(texts["plugins"])] == ["small"]
        assert tomllib.loads(texts["config_user"])["run"]["steps"] == 60
        group = file["recordings/memory/average"]
        assert group.attrs["component"] == "average" and group.attrs["plugin"] == "small"


def test_the_recipe_in_the_file_repeats_the_run(make: Make, plugins: Registry, tmp_path: Path) -> None:
    (path,) = engram.run(make(sweep={"memory.rate": [0.1, 0.4]}), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        again = engram.run(resolve(run.recipe, plugins=plugins), out=tmp_path / "again.h5")
    first, second = datasets(path), datasets(again[0])
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_swept_values_stand_beside_the_replicas(make: Make, tmp_path: Path) -> None:
    (path,) = engram.run(make(sweep={"memory.rate": [0.1, 0.4]}), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        np.testing.assert_allclose(run.columns["memory_rate"], np.repeat([0.1, 0.4], 3))
        assert run.columns["point"].tolist() == [0, 0, 0, 1, 1, 1]
        assert run.columns["replica"].tolist() == [0, 1, 2, 0, 1, 2]


def test_axes_that_cannot_fold_give_numbered_files(make: Make, tmp_path: Path) -> None:
    paths = engram.run(make(sweep={"task.stimuli": [2, 4]}), out=tmp_path / "run.h5")
    assert [path.name for path in paths] == ["run-000.h5", "run-001.h5"]
    assert [engram.open(path)["memory.value"].shape for path in paths] == [(15, 3, 2), (15, 3, 4)]


def test_the_files_of_a_sweep_over_components_open_together(make: Make, tmp_path: Path) -> None:
    recipe = make(
        task={"use": "tide"},
        memory={"use": "stepped-leak"},
        record={"every": 5, "trials": True},
        sweep={"memory.use": ["stepped-leak", "fused-leak"]},
    )
    paths = engram.run(recipe, out=tmp_path / "run.h5")
    with engram.open(paths) as runs:
        alone = [run["memory.v"] for run in runs]
        np.testing.assert_array_equal(runs["memory.v"], np.concatenate(alone, axis=1))
        np.testing.assert_array_equal(alone[0], alone[1])
        assert runs.columns["file"].tolist() == [0] * 3 + [1] * 3
        assert [run.recipe["memory"]["use"] for run in runs] == ["stepped-leak", "fused-leak"]
        trials = runs.trials()
        assert sorted(set(trials["replica"])) == list(range(6))
        tree = runs.to_xarray()
        np.testing.assert_array_equal(tree["recordings/memory/memory/v"], runs["memory.v"])


def test_the_files_of_a_sweep_that_changes_a_shape_say_so(make: Make, tmp_path: Path) -> None:
    paths = engram.run(make(sweep={"task.stimuli": [2, 4]}), out=tmp_path / "run.h5")
    with engram.open(paths) as runs:
        with pytest.raises(
            engram_hdf5.FormatError, match=r"run-001\.h5: memory\.value has length along stimulus 4"
        ):
            runs["memory.value"]
        assert runs["memory.action"].shape == (15, 6)


def test_xarray_shows_dimension_names_and_units(make: Make, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    (path,) = engram.run(make(), out=tmp_path / "run.h5")
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        value = tree["recordings/memory/average/value"]
        assert value.dims == ("time", "batch", "stimulus") and value.attrs["units"] == "1"
        assert tree["recordings/memory/average/time"].attrs["units"] == "s"
        assert list(tree["batch"].values) == [0, 1, 2]


def test_an_existing_file_is_kept_unless_forced(make: Make, tmp_path: Path) -> None:
    (path,) = engram.run(make(), out=tmp_path / "run.h5")
    before = path.read_bytes()
    with pytest.raises(engram_hdf5.OutputExistsError, match="run.h5"):
        engram.run(make(), out=path)
    assert path.read_bytes() == before
    engram.run(make("run.seed=9"), out=path, force=True)
    assert path.read_bytes() != before


def test_several_files_are_refused_before_the_first_is_run(make: Make, tmp_path: Path) -> None:
    (tmp_path / "run-001.h5").write_text("precious")
    with pytest.raises(engram_hdf5.OutputExistsError, match="run-001.h5"):
        engram.run(make(sweep={"task.stimuli": [2, 4]}), out=tmp_path / "run.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["run-001.h5"]


@engram.state
class FragileState:
    count: Array = engram.array(doc="steps", unit="step", dtype="int32", record=True)


@engram.parameters
class Fragile(engram.Memory):
    """Breaks at step 25."""

    name = "fragile"
    error: str = engram.param(default="value", doc="how it breaks")

    def init(self, ctx: Context) -> FragileState:
        return ctx.state(FragileState)

    def step(self, state: FragileState, signal: Signal) -> Array:
        state.count += 1
        if state.count[0] == 25:
            raise KeyboardInterrupt if self.error == "interrupt" else ValueError("it broke")
        return state.count * 0


class FragilePlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Fragile]


@pytest.mark.parametrize(
    ("error", "raised", "status"),
    [("value", ValueError, "failed"), ("interrupt", KeyboardInterrupt, "interrupted")],
)
def test_a_run_that_breaks_leaves_a_readable_part(
    make: Make,
    plugins: Registry,
    tmp_path: Path,
    error: str,
    raised: type[BaseException],
    status: str,
) -> None:
    plugins.register(FragilePlugin(), "fragile")
    recipe = make("run.chunk=10", memory={"use": "fragile", "error": error}, record={"every": 10})
    with pytest.raises(raised) as caught:
        engram.run(recipe, out=tmp_path / "run.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["run.h5.part"]
    with engram.open(tmp_path / "run.h5.part") as run:
        assert run.status == status
    assert "run.h5.part keeps what was recorded" in caught.value.__notes__[0]
    with engram.open(tmp_path / "run.h5.part") as run:
        assert run["memory.count"][:, 0].tolist() == [1, 11, 21]


def test_tables_alone_are_recipe_enough(plugins: Registry, tables: dict[str, Any], tmp_path: Path) -> None:
    (path,) = engram.run(tables, out=tmp_path / "run.h5", overrides=["run.steps=5"], plugins=plugins)
    assert engram.open(path).final("memory.seen").tolist() == [5, 5, 5]


def test_progress_is_told_after_each_chunk(make: Make, tmp_path: Path) -> None:
    told: list[int] = []
    engram.run(
        make("run.chunk=25"), out=tmp_path / "run.h5", progress=lambda run, seconds: told.append(run.step)
    )
    assert told == [25, 50, 60]


@engram.state
class TwiceState:
    w: Array = engram.array("unit", "unit", doc="weights")


@engram.state
class HalfState:
    w: Array = engram.array(doc="a precision that some readers cannot take", dtype="float16")


@engram.state
class GreekState:
    θ: Array = engram.array(doc="a name that some readers cannot take")


@engram.state
class StimulusState:
    seen: Array = engram.array("stimulus", doc="an axis named as the task's, of another length", record=True)


@engram.state
class EmptyState:
    w: Array = engram.array("place", doc="nothing at all", record=True)


_STATES: dict[str, Any] = {
    "empty": EmptyState,
    "twice": TwiceState,
    "half": HalfState,
    "greek": GreekState,
    "stimulus": StimulusState,
}


@engram.parameters
class Named(engram.Memory):
    """Its state has names that may not fit into a file."""

    name = "named"
    which: str = engram.param(default="", doc="which state")

    def init(self, ctx: Context) -> Any:
        return ctx.state(_STATES[self.which], sizes={"unit": 2, "stimulus": 5, "place": 0})

    def step(self, state: Any, signal: Signal) -> Array:
        return signal.observation.argmax(axis=1)


class NamedPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Named]


@pytest.fixture
def named(make: Make, plugins: Registry) -> Callable[[str], Recipe]:
    """Resolve a recipe of the memory with this state."""
    plugins.register(NamedPlugin(), "named")
    return lambda which: make(memory={"use": "named", "which": which}, record={"every": 10})


@pytest.mark.parametrize(
    ("which", "message"),
    [("twice", "an axis occurs twice"), ("half", "stored as float16"), ("greek", "cannot be stored")],
)
def test_a_state_that_no_file_can_hold_is_refused_before_the_first_step(
    named: Callable[[str], Recipe], tmp_path: Path, which: str, message: str
) -> None:
    chunks: list[int] = []
    with pytest.raises(engram_hdf5.OutputError, match=message):
        engram.run(named(which), out=tmp_path / "run.h5", progress=lambda run, _: chunks.append(run.step))
    assert not chunks and list(tmp_path.iterdir()) == []


def test_an_empty_array_that_is_recorded_is_refused_by_its_name(
    named: Callable[[str], Recipe], tmp_path: Path
) -> None:
    with pytest.raises(engram_hdf5.OutputError, match="w: an axis of .* is empty; do not record it"):
        engram.run(named("empty"), out=tmp_path / "run.h5")


def test_labels_belong_to_axes_of_their_own_length(named: Callable[[str], Recipe], tmp_path: Path) -> None:
    (path,) = engram.run(named("stimulus"), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert run["memory.seen"].shape == (6, 3, 5) and run.labels("memory.seen", "stimulus") == ()


def test_a_file_that_cannot_be_completed_says_so(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise engram_hdf5.OutputError("no")

    monkeypatch.setattr(engram_hdf5.Writer, "write_final", fail)
    with pytest.raises(engram_hdf5.OutputError, match="no") as caught:
        engram.run(make(), out=tmp_path / "run.h5")
    assert "run.h5.part keeps what was recorded" in caught.value.__notes__[0]
    with engram.open(tmp_path / "run.h5.part") as run:
        assert run.status == "failed" and len(run["memory.value"]) == 15


def test_a_full_disk_does_not_hide_what_stopped_the_run(
    make: Make, plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise engram_hdf5.StorageError("the disk is full")

    plugins.register(FragilePlugin(), "fragile")
    monkeypatch.setattr(engram_hdf5.Writer, "stop", fail)
    with pytest.raises(ValueError, match="it broke") as caught:
        engram.run(make(memory={"use": "fragile"}, record={"every": 10}), out=tmp_path / "run.h5")
    assert caught.value.__notes__ == ["the disk is full"]


@engram.state
class WaitingState:
    """A sum that is worked out when someone asks."""

    total: Array = engram.array(doc="sum of rewards")
    waiting: Array = engram.array(doc="what the sum lacks")

    def settle(self) -> None:
        self.total += self.waiting
        self.waiting[...] = 0


@engram.parameters
class Waiting(engram.Memory):
    """Counts steps, later."""

    name = "waiting"

    def init(self, ctx: Context) -> WaitingState:
        return ctx.state(WaitingState)

    def step(self, state: WaitingState, signal: Signal) -> Array:
        state.waiting += 1
        return signal.observation.argmax(axis=1)


class WithWaiting:
    """A plugin with that memory."""

    @staticmethod
    @engram.hookimpl
    def register_memories() -> list[type[engram.Memory]]:
        return [Waiting]


def test_the_final_state_is_settled(make: Make, plugins: Registry, tmp_path: Path) -> None:
    plugins.register(WithWaiting(), "waiting")
    recipe = resolve(
        {**make().to_mapping(), "memory": {"use": "waiting"}, "record": {"variables": []}}, plugins=plugins
    )
    (path,) = engram.run(recipe, out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert run.final("memory.total").tolist() == [60, 60, 60]
