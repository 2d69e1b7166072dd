"""What a recipe leaves out of its file: steps, by place in a trial, and entries of axes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
import pytest

import engram
from engram import Array, Context, EngramError, Signal, Spec, Stream
from engram.engine import Run, execute, prepare
from engram.errors import RecipeError
from engram.plugins import Registry
from engram.rules import cache
from engram.rules.fused import Fused
from engram.rules.graph import Launch, StepGraph
from engram.rules.selection import Selection, evenly, places, span
from engram.testing import Case, play
from engram_hdf5 import FormatError, validate

TRIAL = 5
STEPS = 97


@engram.state
class DrillState:
    """Where a trial stands."""

    place: Array = engram.array(doc="step of the trial", dtype="int32")
    seen: Array = engram.array("feature", doc="what was shown", record=True)
    noise: Stream = engram.fixed()


@engram.parameters
class Drill(engram.Task):
    """Trials of five steps; every so often one of another length."""

    name = "drill"
    uneven: int = engram.param(default=0, ge=0, doc="end each trial so many steps too early")

    observation = Spec(shape=(2,), axes=("feature",), labels=("tone", "light"))
    action = Spec()

    def trial_steps(self, dt: float) -> tuple[int, int]:
        return TRIAL, TRIAL

    def init(self, ctx: Context) -> DrillState:
        return ctx.state(DrillState, sizes={"feature": 2}, noise=ctx.random("noise"))

    def reset(self, state: DrillState) -> Signal:
        everyone = state.place == state.place
        nothing = state.seen[:, 0] * 0
        code = (state.place * 0 - 1).astype("int8")
        return Signal(state.seen * 0, nothing, everyone, ~everyone, ~everyone, everyone, code)

    @engram.scan
    def body(place, seen, noise, uneven, action, observation, reward, start, end):  # type: ignore[no-untyped-def]
        """Show noise and what was answered."""
        u, v = noise.uniform(2)
        place = (place + 1) % (TRIAL - uneven)
        seen[0] = u
        seen[1] = v - 0.1 * action
        observation[0] = seen[0]
        observation[1] = seen[1]
        reward = u
        start = place == 0
        end = place == TRIAL - 1 - uneven


@engram.parameters
class Parade(engram.Task):
    """The same trials, whatever is answered."""

    name = "parade"

    observation = Spec(shape=(2,), axes=("feature",))
    action = Spec()

    def trial_steps(self, dt: float) -> tuple[int, int]:
        return TRIAL, TRIAL

    def init(self, ctx: Context) -> DrillState:
        return ctx.state(DrillState, sizes={"feature": 2})

    def schedule(self, state: DrillState, steps: int) -> Signal:
        when = state.place[None, :] + np.arange(steps, dtype=np.int32)[:, None]
        state.place += np.int32(steps)
        wave = np.stack([np.sin(when * 0.3), np.cos(when * 0.2)], axis=2).astype(np.float32)
        no = np.zeros(when.shape, dtype=bool)
        start, end = when % TRIAL == 0, when % TRIAL == TRIAL - 1
        return Signal(wave, wave[..., 0], start, end, no, ~no, np.full(when.shape, -1, np.int8))


@engram.state
class CrowdState:
    """A population."""

    value: Array = engram.array("predictor", doc="prediction", record=4)
    weight: Array = engram.array("predictor", "feature", doc="weight", record=True)
    total: Array = engram.array(doc="sum of what was predicted", record=True)


@engram.parameters
class Crowd(engram.Memory):
    """Predictors that learn at rates of their own."""

    name = "crowd"
    predictors: int = engram.param(default=11, ge=1, doc="how many")

    def init(self, ctx: Context) -> CrowdState:
        return ctx.state(CrowdState, sizes={"predictor": self.predictors, "feature": 2})

    @engram.scan
    def body(value, weight, total, predictors, observation, reward, action):  # type: ignore[no-untyped-def]
        """Move each towards the reward."""
        total = total * 0.5
        for k in range(predictors):
            for j in range(2):
                weight[k, j] = weight[k, j] + 0.01 * k * (observation[j] - weight[k, j])
            value[k] = value[k] + 0.05 * (k + 1) * (reward - value[k])
            total = total + value[k]
        action = total


class Plugin:
    """What the tests register."""

    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Crowd]

    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Drill, Parade, Endless]


@engram.parameters
class Endless(engram.Task):
    """Says nothing of its trials."""

    name = "endless"
    observation = Spec(shape=(2,), axes=("feature",))
    action = Spec()

    def init(self, ctx: Context) -> DrillState:
        return ctx.state(DrillState, sizes={"feature": 2})

    def schedule(self, state: DrillState, steps: int) -> Signal:
        return Parade().schedule(state, steps)


@pytest.fixture
def registry() -> Registry:
    made = Registry(discover=False)
    made.register(Plugin(), "crowds")
    return made


Make = Callable[..., engram.Recipe]
ALL = ["memory.value", "memory.weight", "memory.total", "memory.action", "task.observation", "task.reward"]
WHOLE: dict[str, Any] = {"every": 1, "variables": ALL}
PART: dict[str, Any] = {
    "every": 3,
    "every_trial": 2,
    "window": [[0.2, 0.3], [0.0, 0.0]],
    "variables": ALL,
    "entries": {"memory.predictor": [0, 3, 10], "task.feature": [1]},
}
KEPT = [step for step in range(STEPS) if step % 3 == 0 and step // 5 % 2 == 0 and step % 5 in (0, 2, 3)]


@pytest.fixture
def recipe(registry: Registry) -> Make:
    def make(task: str = "drill", record: dict[str, Any] = PART, **run: Any) -> engram.Recipe:
        settings = {"steps": STEPS, "batch": 3, "seed": 4, "dt": 0.1, "backend": "numpy", **run}
        tables = {"run": settings, "task": {"use": task}, "memory": {"use": "crowd"}, "record": record}
        return engram.resolve(tables, plugins=registry)

    return make


def found(run: Run) -> dict[str, Any]:
    chunks = list(run.chunks())
    rows = {path: np.concatenate([c.records[path] for c in chunks]) for path in chunks[0].records}
    return {**rows, "step": np.concatenate([chunk.steps for chunk in chunks])}


def part_of(whole: dict[str, Any]) -> dict[str, Any]:
    """What the settings `PART` keep of everything."""
    rows = {path: values[[s for s in KEPT if s < len(whole["step"])]] for path, values in whole.items()}
    for path in ("memory.value", "memory.weight"):
        rows[path] = rows[path][:, :, [0, 3, 10]]
    rows["task.observation"] = rows["task.observation"][:, :, [1]]
    return rows


def assert_same(wanted: dict[str, Any], given: dict[str, Any]) -> None:
    assert wanted.keys() == given.keys()
    for name, array in wanted.items():
        assert given[name].dtype == array.dtype, name
        np.testing.assert_array_equal(given[name], array, err_msg=name)


class Replay:
    """Captures a call by keeping it, in place of a GPU's graph."""

    def inside(self, call: Launch) -> None:
        call()

    def capture(self, call: Launch) -> Launch:
        def launch() -> None:
            run, step = call.func.__self__._run, call.func.__self__._step  # type: ignore[attr-defined]
            run.streams.clock.device = step
            call()
            run.streams.clock.device = None

        return launch

    def wait(self) -> None:
        return None


def as_array_code(run: Run, closed: bool) -> None:
    run.fused = None


def with_numba(run: Run, closed: bool) -> None:
    run.fused = Fused(run, "numba", closed=closed)


def in_c(run: Run, closed: bool) -> None:
    run.fused = Fused(run, "host", closed=closed)


def as_on_a_gpu(run: Run, closed: bool) -> None:
    run.fused = Fused(run, "host", closed=closed, side_by_side=True)


def as_a_graph(run: Run, closed: bool) -> None:
    run.graph = StepGraph(run, Replay())


CASES: dict[str, dict[str, Any]] = {"closed": {}, "frozen": {"trials": 15}, "open": {"task": "parade"}}
WAYS = [(case, way) for case in CASES for way in (as_array_code, with_numba, in_c, as_on_a_gpu)]


@pytest.mark.parametrize("chunk", [1, 7, 60])
@pytest.mark.parametrize(("name", "way"), [*WAYS, ("closed", as_a_graph)])
def test_every_way_of_stepping_keeps_the_same_part_of_everything(
    recipe: Make, name: str, way: Callable[[Run, bool], None], chunk: int
) -> None:
    if way in (in_c, as_on_a_gpu) and cache.c_compiler() is None:
        pytest.skip("no C compiler")
    case = CASES[name]
    whole = found(prepare(recipe(**case, record=WHOLE)))
    run = prepare(recipe(**case, chunk=chunk))
    way(run, case.get("task") != "parade")
    given = found(run)
    assert_same(part_of(whole), given)
    assert len(given["step"]) >= 8


def test_an_open_loop_whose_task_is_recorded_keeps_the_same_part(recipe: Make) -> None:
    variables = [*ALL, "task.place"]
    for chunk in (4, 60):
        part = found(prepare(recipe("parade", {**PART, "variables": variables}, chunk=chunk)))
        np.testing.assert_array_equal(part["step"], KEPT)
        whole = found(prepare(recipe("parade", {**WHOLE, "variables": variables})))
        np.testing.assert_array_equal(part["memory.value"], whole["memory.value"][KEPT][:, :, [0, 3, 10]])


@pytest.mark.parametrize("after", [1, 3])
def test_a_run_resumed_in_mid_trial_leaves_the_same_file(
    recipe: Make, registry: Registry, tmp_path: Path, after: int
) -> None:
    class Stopper:
        left = after

        @engram.hookimpl
        def chunk_finished(self) -> None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

    (whole,) = engram.run(recipe(), out=tmp_path / "whole.h5")
    registry.register(stopper := Stopper(), "stopper")
    with pytest.raises(KeyboardInterrupt):
        engram.run(recipe(chunk=8, checkpoint=0.0), out=tmp_path / "run.h5")
    registry.manager.unregister(stopper)
    path = engram.resume(tmp_path / "run.h5.part", plugins=registry)
    with engram.open(whole) as first, engram.open(path) as second:
        for name in first.variables():
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
            np.testing.assert_array_equal(first.step(name), KEPT)
            np.testing.assert_array_equal(second.step(name), KEPT)


@pytest.mark.parametrize("freezing", [False, True])
def test_no_value_that_is_left_out_has_a_place_in_the_buffers(recipe: Make, freezing: bool) -> None:
    recorder = prepare(recipe(steps=100_000, **({"trials": 3} if freezing else {}))).recorder
    shapes = {item.path: item.buffer.shape for item in recorder.recorded}
    assert shapes["memory.weight"][1:] == (3, 3, 2)
    assert shapes["memory.weight"][0] <= 1000 // (2 * TRIAL) * 3 + 3


def test_windows_hold_both_of_their_ends_in_spite_of_rounding() -> None:
    assert span(1.9, 2.1, 0.1) == slice(19, 22)
    assert span(0.3, 0.3, 0.1) == slice(3, 4)
    assert span(5.9, 6.3, 0.1) == slice(59, 64)


@pytest.mark.parametrize("every", [1, 3, 7])
@pytest.mark.parametrize("every_trial", [1, 2, 5])
def test_a_selection_counts_what_it_keeps_and_never_more_than_it_says(every: int, every_trial: int) -> None:
    inside = np.zeros(TRIAL, dtype=bool)
    inside[[0, 2, 3]] = True
    selection = Selection(every, every_trial, inside)
    kept = selection.steps(0, 400)
    for first in range(0, 80, 3):
        for n in (1, 2, 9, 33):
            rows = selection.steps(first, n)
            np.testing.assert_array_equal(rows, kept[(kept >= first) & (kept < first + n)])
            assert len(rows) <= selection.most(n)
        assert selection.count(first) == (kept < first).sum()


def test_entries_are_evenly_spaced_from_first_to_last() -> None:
    assert evenly(3, 11) == (0, 5, 10)
    assert evenly(4, 11) == (0, 3, 6, 10)
    assert evenly(1, 11) == (0,)
    assert evenly(20, 3) == (0, 1, 2)
    assert list(evenly(100, 10_000)) == sorted(set(evenly(100, 10_000)))


def test_places_are_those_of_a_flattened_array() -> None:
    values = np.arange(4 * 3 * 5).reshape(4, 3, 5)
    kept = places(values.shape, [(1, 3), range(3), (0, 4)])
    assert kept is not None
    np.testing.assert_array_equal(values.reshape(-1)[kept], values[[1, 3]][:, :, [0, 4]].reshape(-1))
    assert places(values.shape, [range(4), range(3), range(5)]) is None


def test_a_declared_number_keeps_so_many_unless_the_recipe_says_otherwise(recipe: Make) -> None:
    def shape(record: dict[str, Any]) -> tuple[int, ...]:
        rows = found(prepare(recipe(record=record)))
        return rows["memory.value"].shape[2:] + rows["memory.weight"].shape[2:]

    assert shape({}) == (4, 4, 2)
    assert shape({"entries": {"memory.predictor": 2}}) == (2, 2, 2)
    assert shape({"entries": {"memory.feature": [0]}}) == (4, 4, 1)
    assert shape({"variables": ["memory.value", "memory.weight"]}) == (11, 11, 2)


def test_a_population_no_larger_than_declared_is_recorded_whole(registry: Registry, tmp_path: Path) -> None:
    tables = {"run": {"steps": 9, "dt": 0.1}, "task": {"use": "drill"}}
    small = {**tables, "memory": {"use": "crowd", "predictors": 4}}
    (path,) = engram.run(small, out=tmp_path / "run.h5", plugins=registry)
    with engram.open(path) as run:
        assert run["memory.value"].shape == (9, 1, 4)
        np.testing.assert_array_equal(run.entries("memory.value", "predictor"), np.arange(4))


def test_a_number_of_entries_needs_an_axis() -> None:
    with pytest.raises(TypeError, match="record=100: must be True, False, or"):
        engram.array(doc="a number", record=100)


def test_the_file_says_which_entries_it_holds_and_keeps_the_whole_final_state(
    recipe: Make, tmp_path: Path
) -> None:
    import xarray

    (path,) = engram.run(recipe(), out=tmp_path / "run.h5")
    assert [finding for finding in validate(path, data=True) if finding.is_error] == []
    with engram.open(path) as run:
        assert run["memory.value"].shape == (len(KEPT), 3, 3)
        np.testing.assert_array_equal(run.entries("memory.weight", "predictor"), [0, 3, 10])
        assert run.labels("task.observation", "feature") == ("light",)
        assert run.final("memory.value").shape == (3, 11)
        assert "record_every" not in run.attributes("memory")
        tree = run.to_xarray()
    np.testing.assert_array_equal(tree["recordings/memory/crowd"]["predictor"], [0, 3, 10])
    with xarray.open_dataset(path, engine="h5netcdf", group="recordings/memory/crowd") as data:
        np.testing.assert_array_equal(data.value.sel(predictor=10)[:, 0], data.value[:, 0, 2])


def test_files_open_together_where_they_keep_the_same_entries(recipe: Make, tmp_path: Path) -> None:
    def written(name: str, *kept: int) -> Path:
        record = {**PART, "entries": {"memory.predictor": list(kept)}}
        return engram.run(recipe(record=record), out=tmp_path / name)[0]

    one, same, other = (
        written("one.h5", 0, 3, 10),
        written("same.h5", 0, 3, 10),
        written("other.h5", 1, 3, 10),
    )
    with engram.open([one, same]) as runs:
        assert runs["memory.value"].shape == (len(KEPT), 6, 3)
        assert runs.entries("memory.value", "predictor").tolist() == [0, 3, 10]
    with engram.open([one, other]) as runs:
        with pytest.raises(FormatError, match="entries along predictor 1, 3, 10; .* has 0, 3, 10"):
            runs["memory.value"]
        with pytest.raises(FormatError, match="memory.value has other entries along predictor"):
            runs.entries("memory.value", "predictor")


def test_the_recipe_in_the_file_selects_again(recipe: Make, registry: Registry, tmp_path: Path) -> None:
    (path,) = engram.run(recipe(), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        again = engram.resolve(run.recipe, plugins=registry)
    assert again.record == recipe().record


def test_entries_can_be_overridden(recipe: Make, registry: Registry) -> None:
    tables = recipe().to_mapping()
    again = engram.resolve(tables, ["record.entries.memory.predictor=5"], registry)
    assert again.record.entries == {"memory.predictor": 5, "task.feature": (1,)}


@pytest.mark.parametrize(
    ("task", "record", "said"),
    [
        ("endless", {"window": [[0, 0.1]]}, "recipe: record.window: the task does not say how long"),
        ("endless", {"every_trial": 2}, "recipe: record.every_trial: the task does not say how long"),
        ("drill", {"window": []}, "recipe: record.window: is empty; give"),
        ("drill", {"window": [[0.3, 0.1]]}, r"record.window: \[0.3, 0.1\] must hold steps of a trial alone"),
        ("drill", {"window": [[0.11, 0.19]]}, r"\[0.11, 0.19\] must .* 0.1 s apart from 0 to 0.4 s"),
        ("drill", {"window": [[0.3, 0.9]]}, r"\[0.3, 0.9\] must hold steps of a trial alone"),
        ("drill", {"window": [[-0.1, 0.2]]}, r"\[-0.1, 0.2\] must hold steps of a trial alone"),
        ("drill", {"window": [[0, float("inf")]]}, r"\[0, inf\] must hold steps of a trial alone"),
        ("drill", {"entries": {"memory.predictr": 3}}, "has an axis 'memory.predictr'; did you mean"),
        ("drill", {"entries": {"memory.predictor": []}}, 'entries."memory.predictor": give increasing'),
        ("drill", {"entries": {"memory.predictor": [3, 3]}}, "increasing indices from 0 to 10"),
        ("drill", {"entries": {"memory.predictor": [11]}}, "increasing indices from 0 to 10"),
        ("drill", {"entries": {"memory.predictor": [-1]}}, "increasing indices from 0 to 10"),
        ("drill", {"entries": {"memory.predictor": 0}}, "increasing indices from 0 to 10"),
    ],
)
def test_a_selection_that_cannot_be_is_one_clear_line(
    recipe: Make, task: str, record: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        prepare(recipe(task, record))
    assert len(caught.value.problems) == 1


def test_entries_of_a_wrong_type_are_told_when_the_recipe_is_read(recipe: Make) -> None:
    with pytest.raises(RecipeError, match='record.entries."memory.predictor": must be an integer, not 0.5'):
        recipe(record={"entries": {"memory.predictor": 0.5}})
    with pytest.raises(RecipeError, match="record.entries: must be a table, not 3"):
        recipe(record={"entries": 3})


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_trials_of_another_length_stop_the_run_with_one_line(
    recipe: Make, registry: Registry, backend: str
) -> None:
    tables = recipe(backend=backend).to_mapping()
    tables["task"]["uneven"] = 2
    with pytest.raises(EngramError, match="step 3: a trial starts, but the task says that each has 5 steps"):
        execute(prepare(engram.resolve(tables, plugins=registry)))


def test_uneven_trials_of_an_open_loop_are_seen_without_a_table_of_trials(
    recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Parade, "trial_steps", lambda self, dt: (4, 4))
    record = {"window": [[0, 0.1]], "trials": False, "variables": ["memory.total"]}
    with pytest.raises(EngramError, match="step 5: a trial starts, but the task says that each has 4 steps"):
        execute(prepare(recipe("parade", record)))


@pytest.mark.parametrize("steps", [0, -3])
def test_a_trial_without_steps_has_no_windows(
    recipe: Make, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(Parade, "trial_steps", lambda self, dt: (steps, steps))
    with pytest.raises(RecipeError, match="record.every_trial: the task does not say how long"):
        prepare(recipe("parade", {"every_trial": 2}))


def test_a_memory_is_told_how_long_a_trial_is(recipe: Make) -> None:
    told: list[int | None] = []

    @engram.parameters
    class Curious(engram.Memory):
        """Notes what it is told."""

        name = "curious"

        def init(self, ctx: Context) -> CrowdState:
            told.append(ctx.child("part").trial_steps)
            return ctx.state(CrowdState, sizes={"predictor": 1, "feature": 2})

        def step(self, state: CrowdState, signal: Signal) -> Array:
            return state.total

    inputs = {"observation": np.zeros((2, 1, 2))}
    play(Curious(), inputs)
    play(Curious(), inputs, trial_steps=7)
    Case(Curious(), trial_steps=8).driver(1)
    prepare(attrs.evolve(recipe(record={}), memory=Curious()))
    prepare(attrs.evolve(recipe("endless", {}), memory=Curious()))
    assert told == [None, 7, 8, TRIAL, None]


def test_a_large_population_stays_small_in_its_file(registry: Registry, tmp_path: Path) -> None:
    tables = {
        "run": {"steps": 50 * TRIAL, "dt": 0.1, "batch": 2},
        "task": {"use": "drill"},
        "memory": {"use": "crowd", "predictors": 2000},
        "record": {"window": [[0.4, 0.4]], "every_trial": 10, "entries": {"memory.predictor": 5}},
    }
    (path,) = engram.run(tables, out=tmp_path / "run.h5", plugins=registry)
    with h5py.File(path) as file:
        assert file["recordings/memory/crowd/value"].shape == (5, 2, 5)
    with engram.open(path) as run:
        np.testing.assert_array_equal(run.step("memory"), np.arange(5) * 50 + 4)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_trials_as_long_as_each_other_end_a_schedule_like_their_steps(
    registry: Registry, backend: str
) -> None:
    def ended(**limit: int) -> Run:
        run = {"dt": 0.1, "backend": backend, "batch": 3, "chunk": 7, **limit}
        tables = {"run": run, "task": {"use": "parade"}, "memory": {"use": "crowd"}}
        ready = prepare(engram.resolve(tables, plugins=registry))
        assert (ready.fused is None) == (backend == "numpy")
        execute(ready)
        return ready

    by_trials, by_steps = ended(trials=4), ended(steps=4 * TRIAL)
    assert by_trials.step == by_steps.step == 4 * TRIAL
    for one, other in zip(by_trials.slots, by_steps.slots, strict=True):
        np.testing.assert_array_equal(one.value, other.value)
    assert ended(trials=4, steps=9).step == 9


def test_windows_need_trials_that_are_all_as_long(recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Parade, "trial_steps", lambda self, dt: (4, 5))
    with pytest.raises(RecipeError, match=r"record.window: trials have 4 to 5 steps, not all as many"):
        prepare(recipe("parade", {"window": [[0, 0.1]]}))
