"""The engine: chunks, composition, records, trials, finished replicas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import engram
from engram import Context, Signal, Spec, Stream
from engram.engine import ChunkRecords, Run, execute, prepare
from engram.errors import EngramError, PluginError, RecipeError
from engram.plugins import Registry
from engram.recipe import Recipe, resolve
from engram.testing import device

Make = Callable[..., Recipe]


def run(recipe: Recipe) -> tuple[Run, dict[str, Any], dict[str, Any]]:
    """Run a recipe; return the run, its records and its trials, joined over chunks."""
    prepared = prepare(recipe)
    chunks = list(prepared.chunks())
    records = {path: np.concatenate([c.records[path] for c in chunks]) for path in chunks[0].records}
    records["step"] = np.concatenate([c.steps for c in chunks])
    trials = {name: np.concatenate([c.trials[name] for c in chunks]) for name in chunks[0].trials}
    return prepared, records, trials


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_array_equal(one[path], other[path], err_msg=path)


def final(prepared: Run) -> dict[str, Any]:
    return {slot.path: slot.value.copy() for slot in prepared.slots}


@pytest.mark.parametrize("chunk", [1, 7, 13, 60, 1000])
def test_results_do_not_depend_on_the_chunk_length(make: Make, chunk: int) -> None:
    one, records, trials = run(make())
    other, chunked, chunked_trials = run(make(f"run.chunk={chunk}"))
    assert_same(records, chunked)
    assert_same(trials, chunked_trials)
    assert_same(final(one), final(other))


def test_a_replica_does_not_depend_on_its_batch(make: Make) -> None:
    _, small, _ = run(make("run.batch=2"))
    _, large, _ = run(make("run.batch=9"))
    for path in ("memory.value", "task.count", "task.reward", "memory.action"):
        np.testing.assert_array_equal(large[path][:, :2], small[path], err_msg=path)


def test_another_seed_gives_another_run(make: Make) -> None:
    assert not np.array_equal(run(make())[1]["memory.value"], run(make("run.seed=6"))[1]["memory.value"])


def test_rows_are_the_steps_divisible_by_every_and_start_at_zero(make: Make) -> None:
    _, records, _ = run(make("record.every=7"))
    np.testing.assert_array_equal(records["step"], np.arange(0, 60, 7))
    assert len(records["memory.value"]) == len(records["step"])


def test_a_row_holds_the_memory_after_and_the_task_at_the_signal_of_its_step(make: Make) -> None:
    recipe = make("record.every=1", "memory.rate=1.0", "memory.sigma=0.0")
    recipe = attrs.evolve(
        recipe,
        record=attrs.evolve(
            recipe.record, variables=("memory.value", "task.observation", "task.count", "task.start")
        ),
    )
    _, records, _ = run(recipe)
    np.testing.assert_allclose(records["memory.value"], records["task.observation"], atol=1e-12)
    np.testing.assert_array_equal(records["task.start"], records["task.count"] == 0)


def test_a_rebound_array_gives_the_same_run_as_writing_in_place(make: Make) -> None:
    assert_same(run(make())[1], run(make("memory.rebind=true"))[1])


def test_declared_variables_are_recorded_where_the_recipe_names_none(make: Make) -> None:
    _, records, _ = run(make(record={"every": 4}))
    assert set(records) == {"memory.value", "task.count", "step"}


def test_an_unknown_variable_is_named_with_the_nearest(make: Make) -> None:
    with pytest.raises(RecipeError, match=r"no such variable 'memory.valeu'; did you mean 'memory.value'"):
        prepare(make(record={"variables": ["memory.valeu"]}))


def test_sweep_points_are_paired_and_use_their_values(make: Make) -> None:
    recipe = make(sweep={"memory.rate": [0.0, 0.5], "task.gain": [1.0, 3.0]})
    prepared, records, _ = run(recipe)
    assert prepared.batch == 12
    np.testing.assert_array_equal(prepared.replicas, np.tile(np.arange(3), 4))
    value, reward = records["memory.value"], records["task.reward"]
    assert not value[:, :6].any() and value[:, 6:].any()
    assert reward[:, :3].max() == 1 and reward[:, 3:6].max() == 3
    np.testing.assert_array_equal(reward[:, 3:6], 3 * reward[:, :3])
    _, alone, _ = run(make("memory.rate=0.5", "task.gain=3.0"))
    np.testing.assert_array_equal(value[:, 9:], alone["memory.value"])


def test_trials_table_lists_every_trial_with_its_return(make: Make) -> None:
    recipe = make("record.every=1", "run.chunk=11")
    recipe = attrs.evolve(
        recipe, record=attrs.evolve(recipe.record, variables=("task.reward", "task.start", "task.end"))
    )
    _, records, trials = run(recipe)
    expected = []
    for replica in range(3):
        begun, total, number = -1, 0.0, 0
        for step in range(60):
            if records["task.start"][step, replica]:
                begun, total = step, 0.0
            total += records["task.reward"][step, replica]
            if records["task.end"][step, replica]:
                expected.append((step, replica, begun, number, total))
                number += 1
    names = ("stop_step", "replica", "start_step", "number", "return_")
    found = list(zip(*(trials[name].tolist() for name in names), strict=True))
    assert found == sorted(expected)
    np.testing.assert_allclose(trials["stop_time"], trials["stop_step"] * 0.5)


def test_every_kth_trial_can_be_kept(make: Make) -> None:
    _, _, all_trials = run(make())
    _, _, some = run(make('record.trials="every 3"'))
    keep = all_trials["number"] % 3 == 0
    assert_same(some, {name: values[keep] for name, values in all_trials.items()})


def test_finished_replicas_are_frozen_and_the_run_stops_with_the_last(make: Make) -> None:
    recipe = make(
        "run.steps=1000",
        "run.chunk=9",
        task={"use": "race"},
        record={"every": 1, "variables": ["memory.seen", "task.count"]},
    )
    prepared, records, trials = run(recipe)
    assert prepared.step == 13 and len(records["step"]) == 13
    np.testing.assert_array_equal(records["task.count"][-1], [4, 8, 12])
    np.testing.assert_array_equal(records["memory.seen"][-1], [5, 9, 13])
    np.testing.assert_array_equal(records["task.finished"].sum(axis=0), [8, 4, 0])
    np.testing.assert_array_equal(trials["stop_step"], [4, 8, 12])
    other, _, _ = run(make("run.steps=1000", "run.chunk=100", task={"use": "race"}, record={"variables": []}))
    assert_same(final(prepared), final(other))


def test_a_number_of_trials_ends_the_run_whatever_the_chunk(make: Make) -> None:
    settings = {"trials": 4, "batch": 3, "seed": 5, "dtype": "float64", "backend": "numpy"}
    one, records, trials = run(make(run={**settings, "chunk": 6}))
    other, again, more = run(make(run={**settings, "chunk": 50}))
    assert trials["number"].max() == 3 and len(trials["number"]) == 12
    assert_same(records, again)
    assert_same(trials, more)
    assert_same(final(one), final(other))


def test_an_open_loop_task_gives_the_same_whether_stepped_or_fused(make: Make) -> None:
    record = {"every": 3, "variables": ["memory.v", "task.reward"]}
    _, stepped, trials = run(
        make("run.chunk=8", task={"use": "tide"}, memory={"use": "stepped-leak"}, record=record)
    )
    _, fused, more = run(
        make("run.chunk=25", task={"use": "tide"}, memory={"use": "fused-leak"}, record=record)
    )
    assert_same(stepped, fused)
    assert_same(trials, more)
    np.testing.assert_array_equal(trials["stop_step"], np.repeat([9, 19, 29, 39, 49, 59], 3))


def test_a_memory_with_a_body_also_works_in_closed_loop(make: Make) -> None:
    record = {"every": 1, "variables": ["memory.v"]}
    run_settings = {"trials": 2, "batch": 2, "seed": 1, "backend": "numpy"}
    _, fused, _ = run(
        make(run=run_settings, task={"use": "tide"}, memory={"use": "fused-leak"}, record=record)
    )
    _, stepped, _ = run(
        make(run=run_settings, task={"use": "tide"}, memory={"use": "stepped-leak"}, record=record)
    )
    assert len(fused["step"]) == 20
    assert_same(fused, stepped)


def test_the_state_of_an_open_loop_task_is_recorded_step_by_step(make: Make) -> None:
    record = {"every": 1, "variables": ["task.phase"]}
    _, records, _ = run(make(task={"use": "tide"}, memory={"use": "stepped-leak"}, record=record))
    np.testing.assert_array_equal(records["task.phase"][:, 0], np.arange(1, 61))


@engram.state
class BadState:
    value: engram.Array = engram.array("unit", doc="a value")
    other: engram.Array = engram.array("unit", doc="another value")


@engram.state
class NamedState:
    unit: engram.Array = engram.array("unit", doc="named as its axis")


@engram.state
class TimedState:
    time: engram.Array = engram.array(doc="named as the file's own")


@engram.state
class ParentState:
    value: engram.Array = engram.array("unit", doc="a value")
    part: Any = engram.child()


@engram.parameters
class Bad(engram.Memory):
    """Breaks a rule of state."""

    name = "bad"
    how: str = engram.param(default="", doc="which rule")

    def init(self, ctx: Context) -> Any:
        state = ctx.state(BadState, sizes={"unit": 2})
        if self.how == "shape":
            state.value = ctx.zeros(2, 2)
        if self.how == "dtype":
            state.value = ctx.zeros(2, dtype="int32")
        if self.how == "axis":
            state.value = ctx.zeros(3)
        if self.how == "alias at once":
            state.value = state.other
        if self.how == "axis name":
            return ctx.state(NamedState, sizes={"unit": 2})
        if self.how == "reserved":
            return ctx.state(TimedState)
        if self.how == "child":
            return ParentState(value=ctx.zeros(2), part=state)
        return state

    def step(self, state: BadState, signal: Signal) -> engram.Array:
        if self.how == "alias":
            state.value = state.other
        if self.how == "view":
            state.value = state.other[:, ::-1]
        if self.how == "upcast":
            state.value = state.value.astype(np.int64)
        if self.how == "raise":
            raise ZeroDivisionError("by zero")
        return signal.observation.argmax(axis=1)


class BadPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Bad]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("shape", r"memory.value: must have shape \(batch, unit\)"),
        ("dtype", "memory.value: must be float64, not int32"),
        ("axis", "axis 'unit' has 2 entries"),
        ("alias at once", "is the same array as memory.value"),
        ("axis name", "memory.unit: an axis has this name too"),
        ("reserved", "memory.time: 'time' has a meaning of its own in files"),
        ("child", "memory.part: is the state of no component"),
        ("alias", "memory.value: was replaced by another state array"),
        ("view", "memory.value: was replaced by another state array"),
        ("upcast", "memory.value: was replaced by .* int64"),
    ],
)
def test_a_broken_state_is_named(make: Make, plugins: Registry, how: str, message: str) -> None:
    plugins.register(BadPlugin(), "bad")
    with pytest.raises(EngramError, match=message):
        run(make(memory={"use": "bad", "how": how}, record={"variables": []}))


class Witness:
    """Sees the life of a run, and may fail in it."""

    def __init__(self, fail: str = "") -> None:
        self.calls: list[Any] = []
        self.fail = fail

    @engram.hookimpl
    def run_started(self, run: Run) -> None:
        self.calls.append("started")
        self._maybe("run_started")

    @engram.hookimpl
    def chunk_finished(self, chunk: ChunkRecords) -> None:
        self.calls.append((chunk.start, chunk.stop))
        self._maybe("chunk_finished")

    @engram.hookimpl
    def run_finished(self, run: Run, error: BaseException | None) -> None:
        self.calls.append(type(error).__name__)

    def _maybe(self, hook: str) -> None:
        if hook == self.fail:
            raise RuntimeError("no")


def test_plugins_see_start_chunks_and_end_of_a_run(make: Make, plugins: Registry) -> None:
    witness = Witness()
    plugins.register(witness, "witness")
    execute(prepare(make("run.chunk=25")))
    assert witness.calls == ["started", (0, 25), (25, 50), (50, 60), "NoneType"]


def test_a_failing_lifecycle_hook_is_named_and_the_others_are_still_called(
    make: Make, plugins: Registry
) -> None:
    first, second = Witness("chunk_finished"), Witness()
    plugins.register(first, "clumsy")
    plugins.register(second, "other")
    with pytest.raises(PluginError, match="clumsy.*chunk_finished"):
        execute(prepare(make("run.chunk=25")))
    assert second.calls == ["started", (0, 25), "PluginError"]


def test_a_failing_component_ends_the_run_and_reaches_run_finished(make: Make, plugins: Registry) -> None:
    witness = Witness()
    plugins.register(witness, "witness")
    plugins.register(BadPlugin(), "bad")
    with pytest.raises(ZeroDivisionError):
        execute(prepare(make(memory={"use": "bad", "how": "raise"}, record={"variables": []})))
    assert witness.calls[-1] == "ZeroDivisionError"


def test_an_interrupt_hands_over_the_rows_of_the_unfinished_chunk(make: Make, plugins: Registry) -> None:
    prepared = prepare(make("record.every=1", "run.chunk=60"))
    step = prepared.memory.step
    written: list[ChunkRecords] = []

    class Interrupted(type(prepared.memory)):  # type: ignore[misc]
        name = "average"

        def step(self, state: Any, signal: Signal) -> Any:
            if prepared.step == 33:
                raise KeyboardInterrupt
            return step(state, signal)

    prepared.recipe = attrs.evolve(prepared.recipe, memory=Interrupted(sigma=0.1))
    with pytest.raises(KeyboardInterrupt):
        execute(prepared, written.append)
    assert written[-1].steps[-1] == 32 and len(written[-1].records["memory.value"]) == 33


def test_resolving_twice_gives_the_same_run(make: Make, plugins: Registry) -> None:
    import tomllib

    recipe = make(sweep={"memory.rate": [0.1, 0.2]})
    again = resolve(tomllib.loads(recipe.to_toml()), plugins=plugins)
    assert again.to_toml() == recipe.to_toml()
    assert_same(run(recipe)[1], run(again)[1])


class StrictBackend:
    """A backend whose arrays refuse to leave the device but through `to_host`, which counts."""

    name, xp, reason, device = "strict", device, "a test", "none"

    def __init__(self) -> None:
        self.fetched = 0

    def to_host(self, array: Any) -> Any:
        self.fetched += 1
        return np.array(array.view(np.ndarray))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"run": {"trials": 3, "batch": 3, "seed": 5, "dtype": "float64"}},
        {"task": {"use": "race"}, "record": {"variables": ["memory.value"]}},
        {"task": {"use": "tide"}, "memory": {"use": "fused-leak"}, "record": {"every": 4}},
    ],
)
def test_nothing_moves_between_host_and_device_inside_a_chunk(
    make: Make, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    _, there, trials = run(make(**changes))
    strict = StrictBackend()
    monkeypatch.setattr("engram.engine.choose", lambda name: strict)
    prepared = prepare(make("run.chunk=20", **changes))
    chunks = []
    with device.stepping():
        for chunk in prepared.chunks():
            chunks.append(chunk)
            assert strict.fetched <= len(chunk.records) + 6
            strict.fetched = 0
    found = {path: np.concatenate([c.records[path] for c in chunks]) for path in chunks[0].records}
    found["step"] = np.concatenate([c.steps for c in chunks])
    assert_same(there, found)
    assert_same(trials, {name: np.concatenate([c.trials[name] for c in chunks]) for name in chunks[0].trials})


def test_all_failing_hooks_are_reported_a_line_each(make: Make, plugins: Registry) -> None:
    plugins.register(Witness("run_started"), "one")
    plugins.register(Witness("run_started"), "two")
    with pytest.raises(PluginError) as caught:
        execute(prepare(make()))
    assert sorted(str(caught.value).splitlines()) == [
        "plugin 'one' failed in run_started: RuntimeError: no",
        "plugin 'two' failed in run_started: RuntimeError: no",
    ]


@engram.state
class DrawingState:
    v: engram.Array = engram.array(doc="a value")
    noise: engram.Stream = engram.fixed()


@engram.parameters
class DrawingBody(engram.Memory):
    """A random walk, as the body of a step."""

    name = "drawing-body"

    @engram.scan
    def body(v: float, noise: Stream) -> None:  # type: ignore[misc]
        v = v + noise.normal()

    def init(self, ctx: Context) -> DrawingState:
        return ctx.state(DrawingState, noise=ctx.random("noise"))


@engram.parameters
class DrawingStep(engram.Memory):
    """The same random walk, step by step."""

    name = "drawing-step"

    def init(self, ctx: Context) -> DrawingState:
        return ctx.state(DrawingState, noise=ctx.random("noise"))

    def step(self, state: DrawingState, signal: Signal) -> None:
        state.v += state.noise.normal()


@engram.parameters
class DrawingTask(engram.Task):
    """Draws in its schedule, which is asked for many steps at once."""

    name = "drawing-task"
    observation = Spec(shape=(2,))
    action = None

    def init(self, ctx: Context) -> DrawingState:
        return ctx.state(DrawingState, noise=ctx.random("noise"))

    def schedule(self, state: DrawingState, steps: int) -> Signal:
        raise AssertionError(state.noise.uniform(2))


class DrawingPlugin:
    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [DrawingTask]

    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [DrawingBody, DrawingStep]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_body_draws_what_a_step_draws(make: Make, plugins: Registry, backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="what is not installed compiles nothing")
    plugins.register(DrawingPlugin(), "drawing")
    world = {"task": {"use": "tide"}, "record": {"every": 3, "variables": ["memory.v"]}}
    _, stepped, _ = run(make(memory={"use": "drawing-step"}, **world))
    for chunk in (7, 60):
        settings = f'run.backend="{backend}"', f"run.chunk={chunk}"
        _, drawn, _ = run(make(*settings, memory={"use": "drawing-body"}, **world))
        assert_same(drawn, stepped)
    assert len(np.unique(stepped["memory.v"])) == stepped["memory.v"].size


def test_drawing_in_a_schedule_is_refused_as_the_result_would_depend_on_chunks(
    make: Make, plugins: Registry
) -> None:
    plugins.register(DrawingPlugin(), "drawing")
    with pytest.raises(RuntimeError, match="task.noise.*a schedule"):
        run(make(task={"use": "drawing-task"}, memory={"use": "stepped-leak"}, record={"variables": []}))


def test_a_chunk_no_one_asked_for_adapts_its_length(make: Make) -> None:
    lengths = [chunk.stop - chunk.start for chunk in prepare(make("run.steps=200")).chunks()]
    assert lengths == [16, 32, 64, 88]


@pytest.mark.parametrize(
    "changes",
    [
        {"record": {"variables": []}},
        {"record": {"variables": ["task.observation", "memory.action"]}},
        {"record": {"variables": [], "trials": False}},
    ],
)
def test_buffers_of_a_chunk_stay_small_in_a_large_batch(make: Make, changes: dict[str, Any]) -> None:
    prepared = prepare(make("run.batch=100000", "run.steps=1000", **changes))
    buffers = [*prepared.trials.buffers.values(), *(item.buffer for item in prepared.recorder.recorded)]
    assert sum(buffer.nbytes for buffer in buffers) < 1 << 26


def test_a_chunk_is_never_longer_than_the_run(make: Make) -> None:
    assert prepare(make("run.steps=20", "run.chunk=10_000_000_000")).chunk == 20


def test_a_hook_that_fails_at_the_end_does_not_hide_what_stopped_the_run(
    make: Make, plugins: Registry
) -> None:
    class Late:
        @engram.hookimpl
        def run_finished(self) -> None:
            raise RuntimeError("late")

    plugins.register(Late(), "late")
    plugins.register(BadPlugin(), "bad")
    with pytest.raises(ZeroDivisionError) as caught:
        execute(prepare(make(memory={"use": "bad", "how": "raise"}, record={"variables": []})))
    assert caught.value.__notes__ == ["then: plugin 'late' failed in run_finished: RuntimeError: late"]
    with pytest.raises(PluginError, match="'late' failed in run_finished"):
        execute(prepare(make()))


def test_a_row_that_cannot_be_written_does_not_hide_what_stopped_the_run(
    make: Make, plugins: Registry
) -> None:
    def full(chunk: ChunkRecords) -> None:
        raise OSError("disk full")

    class Interrupting:
        @engram.hookimpl
        def run_started(self, run: Run) -> None:
            run.step = 1
            raise KeyboardInterrupt

    plugins.register(Interrupting(), "interrupting")
    with pytest.raises(KeyboardInterrupt) as caught:
        execute(prepare(make()), full)
    assert caught.value.__notes__ == ["then: disk full"]


@engram.parameters
class Unsized(engram.Memory):
    """Gives no size for its axis."""

    name = "unsized"

    def init(self, ctx: Context) -> BadState:
        return ctx.state(BadState)

    def step(self, state: BadState, signal: Signal) -> None:
        return None


class UnsizedPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Unsized]


def test_an_axis_without_a_size_is_named(make: Make, plugins: Registry) -> None:
    plugins.register(UnsizedPlugin(), "unsized")
    with pytest.raises(EngramError, match="memory.value: give the size of its axis 'unit'"):
        prepare(make(memory={"use": "unsized"}, record={"variables": []}))
