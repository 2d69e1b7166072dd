"""Events: from a mask in a step to a row of the table, none lost, whatever the chunk, the device, the break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
import engram_hdf5
from engram import Array, Context, Events, Signal, Stream
from engram.backend import Backend
from engram.engine import ChunkRecords, Run, prepare
from engram.plugins import Registry
from engram.random import RESET_STEP
from engram.recipe import Recipe
from engram.rules import sparse
from engram.rules.sparse import SparseBuffer
from engram.testing import Case, checks_for, device, parametrize_with_checks, play
from engram.testing.device import HostTraffic

Make = Callable[..., Recipe]
COLUMNS = ["time", "step", "replica", "source", "unit"]


@engram.state
class PoissonState:
    count: Array = engram.array("unit", doc="spikes so far", unit="1", dtype="int32", record=True)
    spikes: Events = engram.events("unit", doc="a spike")
    bursts: Events = engram.events(doc="more than one spike in a step")
    silences: Events = engram.events(doc="no spike in a step", record=False)
    noise: Stream = engram.fixed()
    p: Any = engram.fixed()


@engram.parameters
class Poisson(engram.Memory):
    """Units that fire at random; `how` adds their events in a wrong way."""

    name = "poisson"
    units: int = engram.param(default=4, ge=1, doc="units of a replica")
    chance: float = engram.param(default=0.3, ge=0, le=1, doc="spikes of a unit in a step", per_replica=True)
    choices: int = engram.param(default=3, doc="actions")
    how: str = engram.param(default="", doc="what is done wrongly")
    stop_at: int = engram.param(default=-1, doc="step at which the run breaks")

    def init(self, ctx: Context) -> PoissonState:
        return ctx.state(
            PoissonState, sizes={"unit": self.units}, noise=ctx.random("noise"), p=ctx.per_replica(self)
        )

    def step(self, state: PoissonState, signal: Signal) -> Array:
        fired = state.noise.uniform(self.units) < state.p.chance[:, None]
        state.bursts.add(fired.sum(axis=1) > 1)
        state.spikes.add(fired[:, 1:] if self.how == "shape" else fired * 1 if self.how == "dtype" else fired)
        if self.how == "twice":
            state.spikes.add(fired)
        state.silences.add(~fired.any(axis=1))
        state.count += fired
        if self.stop_at >= 0 and int(state.count.max()) > self.stop_at:
            raise KeyboardInterrupt
        return state.count[:, 0] % self.choices


@engram.state
class BellState:
    left: Array = engram.array(doc="steps to the next ring", unit="step", dtype="int32")
    rings: Events = engram.events(doc="the bell rings")
    length: Array = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class Bell(engram.Task):
    """Rings every third step; each replica ends its trial after its own number of steps."""

    name = "bell"
    observation = engram.Spec(shape=(1,))
    action = engram.Choice(3)

    def init(self, ctx: Context) -> BellState:
        return ctx.state(BellState, ctx=ctx, length=4 + ctx.xp.asarray(ctx.replicas))

    def reset(self, state: BellState) -> Signal:
        return state.ctx.signal(state.ctx.zeros(1), start=state.left == 0)

    def step(self, state: BellState, action: Array) -> Signal:
        state.left += 1
        state.rings.add(state.left % 3 == 0)
        end = state.left % state.length == 0
        return state.ctx.signal(state.ctx.zeros(1), end=end)


@engram.parameters
class Fused(engram.Memory):
    """Adds events in a body."""

    name = "fused-poisson"

    @engram.scan
    def body(spikes: Events, observation: Array) -> None:  # type: ignore[misc]
        spikes.add(observation[0] > 0)

    def init(self, ctx: Context) -> PoissonState:
        return ctx.state(PoissonState, sizes={"unit": 2})


class SpikingPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Poisson, Fused]

    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Bell]


@pytest.fixture
def spiking(make: Make, plugins: Registry) -> Make:
    """Resolve the recipe of Poisson units at a bell, with overrides and replaced tables."""
    plugins.register(SpikingPlugin(), "spiking")

    def resolved(*overrides: str, **replaced: Any) -> Recipe:
        tables = {"task": {"use": "bell"}, "memory": {"use": "poisson"}, "record": {}, **replaced}
        return make(*overrides, **tables)

    return resolved


def table(run: Run) -> dict[str, Any]:
    """Run to the end; return the columns of all events."""
    chunks = list(run.chunks())
    return {name: np.concatenate([c.events[name] for c in chunks]) for name in COLUMNS}


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name in COLUMNS:
        assert one[name].dtype == other[name].dtype
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def rows(events: dict[str, Any]) -> list[tuple[int, ...]]:
    return list(zip(*(events[name].tolist() for name in ("step", "source", "replica", "unit")), strict=True))


@pytest.fixture
def on_device(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Put runs on the stand-in for a GPU, with a ring for so many events."""

    def strict(capacity: int | None) -> None:
        monkeypatch.setattr("engram.engine.choose", lambda name: Backend("strict", device, "a test", "none"))
        monkeypatch.setattr(Backend, "to_host", lambda self, array: np.array(array))
        if capacity is not None:
            monkeypatch.setattr(sparse, "_KEYS", capacity)
            monkeypatch.setattr(sparse, "_STEPS", 1)

    return strict


def test_the_table_is_the_list_that_plain_python_makes(spiking: Make) -> None:
    run = prepare(spiking("run.steps=40"))
    stream = prepare(spiking("run.steps=40")).memory_state.noise
    expected = []
    for step in range(40):
        stream._source.clock.step = step
        fired = stream.uniform(4) < 0.3
        rung = [(step, 0, replica, 0) for replica in range(3) if (step + 1) % 3 == 0]
        spikes = [
            (step, 1, replica, unit) for replica in range(3) for unit in range(4) if fired[replica, unit]
        ]
        bursts = [(step, 2, replica, 0) for replica in range(3) if fired[replica].sum() > 1]
        expected += rung + spikes + bursts

    found = table(run)

    assert rows(found) == expected and len(expected) > 100
    np.testing.assert_array_equal(found["time"], found["step"] * 0.5)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_table_does_not_depend_on_the_chunk_length(spiking: Make, chunk: int) -> None:
    assert_same(table(prepare(spiking())), table(prepare(spiking(f"run.chunk={chunk}"))))


@pytest.mark.parametrize("capacity", [None, 1, 40])
def test_a_device_of_little_room_gives_the_same_table(
    spiking: Make, on_device: Callable[[int | None], None], capacity: int | None
) -> None:
    expected = table(prepare(spiking()))
    on_device(capacity)
    run = prepare(spiking())
    with device.stepping():
        found = table(run)
    assert_same(expected, found)
    assert run.backend.xp is device


def test_a_replica_has_the_same_events_in_any_batch(spiking: Make) -> None:
    small, large = rows(table(prepare(spiking("run.batch=2")))), rows(table(prepare(spiking("run.batch=7"))))
    assert [row for row in large if row[2] < 2] == small


def test_no_event_is_lost_however_small_the_ring_and_however_many_fire() -> None:
    rng = np.random.default_rng(3)
    for capacity in (1, 12, 13, 30, 1000):
        fetched: list[int] = []

        def to_host(array: Any, fetched: list[int] = fetched) -> Any:
            fetched.append(len(array))
            return np.array(array)

        ring = SparseBuffer(device, to_host, [(3, 2), (3,), (3, 1)], steps=200, capacity=capacity)
        expected = []
        for step in range(200):
            ring.make_room()
            chance = (0, 0.02, 1)[step % 7 % 3]
            for source, shape in enumerate([(3, 2), (3,), (3, 1)]):
                mask = rng.random(shape) < chance
                ring.append(source, mask.view(engram.testing.DeviceArray), step)
                at = np.argwhere(mask.reshape(3, -1))
                expected += [(step, source, int(row), int(column)) for row, column in at]
            assert int(ring._count.view(np.ndarray)[0]) <= ring._capacity == max(12, capacity)
        found = [column.tolist() for column in ring.take(200)]
        assert list(zip(*found, strict=True)) == expected
        assert max(fetched) <= max(12, capacity)


def test_keys_that_an_interruption_left_twice_count_once() -> None:
    ring = SparseBuffer(np, np.array, [(3,)], steps=5)
    ring.append(0, np.array([True, False, True]), 2)
    ring._fetched *= 2
    assert [column.tolist() for column in ring.take(5)] == [[2, 2], [0, 0], [0, 2], [0, 0]]


def test_the_host_waits_for_the_device_only_when_events_might_have_filled_the_ring() -> None:
    waits: set[int] = set()

    def to_host(array: Any) -> Any:
        waits.add(step)
        return np.array(array)

    ring = SparseBuffer(device, to_host, [(10,)], steps=1000, capacity=100)
    one = device.arange(10) == 0
    for step in range(200):
        ring.make_room()
        ring.append(0, one, step)
    # 10 may fire a step, so that the ring might be full after 10 steps.
    assert waits == set(range(10, 200, 10))
    assert len(ring.take(200)[0]) == 200


def test_a_finished_replica_emits_nothing(spiking: Make) -> None:
    found = rows(table(prepare(spiking("run.trials=2", run={"batch": 3, "seed": 5, "backend": "numpy"}))))
    last = {replica: max(step for step, _, one, _ in found if one == replica) for replica in range(3)}
    # The second trial of replica r ends with the signal of step 2 (4 + r); nothing happens after it.
    assert last[0] <= 8 and last[1] <= 10 and 8 < last[2] <= 12
    whole = rows(table(prepare(spiking())))
    for step, source, replica, unit in whole:
        stop = 2 * (4 + replica)
        if step < stop or (step == stop and source > 0):
            assert (step, source, replica, unit) in found
    assert len([row for row in found if row[1] == 0 and row[0] == 8 and row[2] == 0]) == 0


def test_an_interrupted_chunk_keeps_the_events_of_its_completed_steps(
    spiking: Make, plugins: Registry, tmp_path: Path
) -> None:
    whole = table(prepare(spiking()))
    recipe = spiking("memory.stop_at=6")
    with pytest.raises(KeyboardInterrupt):
        engram.run(recipe, out=tmp_path / "run.h5")
    with engram.open(tmp_path / "run.h5.part") as run:
        kept = run.events()
        stop = len(run["memory.count"])
    assert 0 < stop < 60
    before = {name: values[whole["step"] < stop] for name, values in whole.items()}
    assert_same(before, {name: kept[name].to_numpy() for name in COLUMNS})


class Stopper:
    """Stops the run after some chunks, as Ctrl-C does."""

    def __init__(self, after: int) -> None:
        self.left = after

    @engram.hookimpl
    def chunk_finished(self, chunk: ChunkRecords) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("changes", [{}, {"run": {"trials": 4, "batch": 3, "seed": 5, "backend": "numpy"}}])
@pytest.mark.parametrize("after", [1, 3])
def test_a_resumed_run_has_the_events_of_one_that_never_stopped(
    spiking: Make, plugins: Registry, tmp_path: Path, after: int, changes: dict[str, Any]
) -> None:
    (whole,) = engram.run(spiking(**changes), out=tmp_path / "whole.h5")
    plugins.register(stopper := Stopper(after), "stopper")
    with pytest.raises(KeyboardInterrupt):
        engram.run(spiking("run.chunk=5", "run.checkpoint=0.0", **changes), out=tmp_path / "run.h5")
    plugins.manager.unregister(stopper)
    path = engram.resume(tmp_path / "run.h5.part", plugins=plugins)
    with engram.open(whole) as one, engram.open(path) as other:
        same = engram_hdf5.compare(one, other)
    assert {"events.step", "events.unit", "events.time"} <= same.keys() and all(same.values()), same


def test_events_after_the_checkpoint_are_not_carried_over(
    spiking: Make, plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = engram.run(spiking(), out=tmp_path / "whole.h5")
    saved: list[Path] = []

    def save_once(path: Path, arrays: dict[str, Any]) -> None:
        if not saved:
            engram_hdf5.save_checkpoint(path, arrays)
            saved.append(path)

    monkeypatch.setattr("engram.output.save_checkpoint", save_once)
    plugins.register(stopper := Stopper(4), "stopper")
    with pytest.raises(KeyboardInterrupt):
        engram.run(spiking("run.chunk=5", "run.checkpoint=0.0"), out=tmp_path / "run.h5")
    plugins.manager.unregister(stopper)
    with engram.open(tmp_path / "run.h5.part") as part:
        assert part.events().step.max() == 19
    path = engram.resume(tmp_path / "run.h5.part", plugins=plugins)
    with engram.open(whole) as one, engram.open(path) as other:
        assert one.events().equals(other.events())


def test_a_run_without_any_event_so_far_resumes(spiking: Make, plugins: Registry, tmp_path: Path) -> None:
    quiet = {"memory": {"use": "poisson", "chance": 0.0}, "task": {"use": "lottery"}}
    plugins.register(stopper := Stopper(2), "stopper")
    with pytest.raises(KeyboardInterrupt):
        engram.run(spiking("run.chunk=5", "run.checkpoint=0.0", **quiet), out=tmp_path / "run.h5")
    plugins.manager.unregister(stopper)
    with engram.open(engram.resume(tmp_path / "run.h5.part", plugins=plugins)) as run:
        assert len(run.events()) == 0 and run.batch == 3


def test_events_that_are_lost_are_not_made_up(spiking: Make, plugins: Registry, tmp_path: Path) -> None:
    import h5py

    plugins.register(stopper := Stopper(3), "stopper")
    with pytest.raises(KeyboardInterrupt):
        engram.run(spiking("run.chunk=5", "run.checkpoint=0.0"), out=tmp_path / "run.h5")
    plugins.manager.unregister(stopper)
    with h5py.File(tmp_path / "run.h5.part", "r+") as file:
        file["events/n_rows"][()] -= 1
    with pytest.raises(engram.EngramError, match="events: rows before the checkpoint are lost"):
        engram.resume(tmp_path / "run.h5.part", plugins=plugins)


def test_a_file_with_events_is_valid_and_reads_as_a_table(spiking: Make, tmp_path: Path) -> None:
    (path,) = engram.run(spiking(), out=tmp_path / "run.h5")
    assert engram_hdf5.validate(path, data=True) == []
    expected = table(prepare(spiking()))
    with engram.open(path) as run:
        events = run.events()
        assert sorted(events.columns) == sorted(COLUMNS)
        assert_same(expected, {name: events[name].to_numpy() for name in COLUMNS})
        final = run.final("memory.count")
    spikes = events[events.source == 1]
    counts = np.zeros_like(final)
    np.add.at(counts, (spikes.replica, spikes.unit), 1)
    np.testing.assert_array_equal(counts, final)


def test_xarray_reads_the_sources_by_their_paths(spiking: Make, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    (path,) = engram.run(spiking(), out=tmp_path / "run.h5")
    with xarray.open_dataset(path, engine="h5netcdf", group="events") as events:
        assert events.time.dims == ("event",) and events.time.attrs["units"] == "s"
        assert events.source.attrs["flag_meanings"].split() == [
            "task.rings",
            "memory.spikes",
            "memory.bursts",
        ]
        assert events.source.attrs["flag_values"].tolist() == [0, 1, 2]
        assert len(events.to_dataframe()) == len(events.event)
    with engram.open(path) as run:
        tree = run.to_xarray()
    assert tree["events/step"].dims == ("event",)


def test_a_recipe_names_the_events_that_it_wants(spiking: Make, tmp_path: Path) -> None:
    recipe = spiking(record={"variables": ["memory.silences", "memory.count", "memory.spikes"]})
    (path,) = engram.run(recipe, out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert run.variables() == ["memory.count"]
        assert run.attributes("memory.count")["units"] == "1"
        sources = run.tables()["events"].arrays["source"].attrs["flag_meanings"]
    # The order is that of the declaration, not that of the recipe.
    assert sources == "memory.spikes memory.silences"


def test_without_a_recorded_field_there_is_no_table_and_adding_costs_nothing(
    spiking: Make, tmp_path: Path
) -> None:
    recipe = spiking("memory.how=twice", record={"variables": ["memory.count"]})
    (path,) = engram.run(recipe, out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert "events" not in run.tables()


def test_an_unknown_field_is_named_with_the_nearest(spiking: Make) -> None:
    with pytest.raises(engram.RecipeError, match=r"'memory.spike'; did you mean 'memory.spikes'"):
        prepare(spiking(record={"variables": ["memory.spike"]}))


def test_sweep_points_have_events_of_their_own_replicas(spiking: Make) -> None:
    found = rows(table(prepare(spiking(sweep={"memory.chance": [0.0, 0.3, 1.0]}))))
    spikes = [row for row in found if row[1] == 1]
    assert {replica for _, _, replica, _ in spikes} == {3, 4, 5, 6, 7, 8}
    assert len([row for row in spikes if row[2] == 8]) == 60 * 4
    alone = [row for row in rows(table(prepare(spiking()))) if row[1] == 1]
    assert [(step, 1, replica - 3, unit) for step, _, replica, unit in spikes if replica < 6] == alone


def test_recovery_saves_the_committed_events(spiking: Make, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        engram.run(spiking("memory.stop_at=6"), out=tmp_path / "run.h5")
    saved = engram_hdf5.recover(tmp_path / "run.h5.part")
    assert {finding.code for finding in engram_hdf5.validate(saved.path)} == {"W_INCOMPLETE"}
    assert saved.lost == ()
    with engram.open(tmp_path / "run.h5.part") as part, engram.open(saved.path) as run:
        assert len(run.events()) and run.events().equals(part.events())


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("shape", r"memory.spikes: add takes \(3, 4\) bool, not \(3, 3\) bool"),
        ("dtype", r"memory.spikes: add takes \(3, 4\) bool, not \(3, 4\) int64"),
        ("twice", r"memory.spikes: was added to twice in step 0; join the masks with \|"),
    ],
)
def test_a_wrong_mask_is_one_clear_line(spiking: Make, how: str, message: str) -> None:
    with pytest.raises(engram.EngramError, match=message):
        table(prepare(spiking(f"memory.how={how}")))


def test_events_in_a_body_are_refused(spiking: Make) -> None:
    with pytest.raises(
        engram.EngramError, match="Fused.body: 'spikes' takes events, which a body cannot add"
    ):
        prepare(spiking(memory={"use": "fused-poisson"}, task={"use": "tide"}))


def test_events_in_a_reset_are_refused(spiking: Make) -> None:
    prepared = prepare(spiking())
    prepared.streams.clock.step = RESET_STEP
    with pytest.raises(engram.EngramError, match="task.rings: schedule and reset cannot add events"):
        prepared.task_state.rings.add(prepared.task_state.left == 0)


def test_events_are_recorded_in_an_open_loop(spiking: Make) -> None:
    found = rows(table(prepare(spiking(task={"use": "tide"}))))
    whole = rows(table(prepare(spiking())))
    assert found == [(step, source - 1, *rest) for step, source, *rest in whole if source > 0]


@engram.parameters
class Gate(engram.Synapse):
    """Lets everything through and says so."""

    name = "gate"

    def init(self, ctx: Context, n_pre: int, n_post: int) -> PoissonState:
        return ctx.state(PoissonState, sizes={"unit": n_post})

    def propagate(self, state: PoissonState, pre: Array) -> Array:
        state.spikes.add(pre > 0)
        return pre

    def learn(self, state: PoissonState, pre: Array, post: Array, modulator: Array) -> None: ...


@engram.state
class GatedState:
    gates: Any = engram.child()
    calls: Events = engram.events(doc="a call")


@engram.parameters
class Gated(engram.Memory):
    """Holds synapses that have events of their own."""

    name = "gated"
    gates: dict[str, engram.Synapse] = engram.component("synapse", many=True)

    def init(self, ctx: Context) -> GatedState:
        return ctx.state(
            GatedState,
            gates={name: gate.init(ctx.child(f"gates.{name}"), 2, 2) for name, gate in self.gates.items()},
        )

    def step(self, state: GatedState, signal: Signal) -> None:
        state.calls.add(signal.learn)
        for name, gate in self.gates.items():
            gate.propagate(state.gates[name], signal.observation)


def test_events_of_parts_go_by_their_paths(make: Make, plugins: Registry, tmp_path: Path) -> None:
    class Plugin:
        @engram.hookimpl
        def register_memories(self) -> list[type[engram.Memory]]:
            return [Gated]

        @engram.hookimpl
        def register_synapses(self) -> list[type[engram.Synapse]]:
            return [Gate]

    plugins.register(Plugin(), "gated")
    memory = {"use": "gated", "gates": {"left": {"use": "gate"}, "right": {"use": "gate"}}}
    variables = ["memory.gates.right.spikes", "memory.calls"]
    recipe = make("run.steps=7", task={"use": "tide"}, memory=memory, record={"variables": variables})
    (path,) = engram.run(recipe, out=tmp_path / "run.h5")
    with engram.open(path) as run:
        events = run.events()
        sources = run.tables()["events"].arrays["source"].attrs["flag_meanings"].split()
    assert sources == variables
    # The tide is zero at the first step; then both units fire in each of three replicas.
    assert events.groupby("source").size().tolist() == [6 * 2 * 3, 7 * 3]


def test_a_field_that_is_no_field_of_events_is_refused(make: Make, plugins: Registry) -> None:
    class Plain(Poisson):
        name = "plain"

        def init(self, ctx: Context) -> PoissonState:
            return ctx.state(PoissonState, sizes={"unit": 4}, spikes=ctx.zeros(4, dtype="bool"))

    class Plugin:
        @engram.hookimpl
        def register_memories(self) -> list[type[engram.Memory]]:
            return [Plain]

    plugins.register(Plugin(), "plain")
    with pytest.raises(engram.EngramError, match="memory.spikes: must be made by ctx.events, not ndarray"):
        prepare(make(memory={"use": "plain"}, record={}))


def test_fields_can_be_made_by_hand_and_their_sizes_are_checked() -> None:
    case = Case(Poisson())
    ctx = case.driver(2).context
    assert ctx.events().shape == (2,) and ctx.events(5).shape == (2, 5)
    with pytest.raises(engram.EngramError, match="memory.spikes: give the size of its axis 'unit'"):
        ctx.state(PoissonState, count=ctx.zeros(4, dtype="int32"))


@parametrize_with_checks([Poisson(), Bell()])
def test_components_with_events_keep_the_promises(check: Callable[[], None]) -> None:
    check()


@engram.parameters
class Crosstalk(engram.Memory):
    """A replica fires where another does."""

    name = "crosstalk"
    waits: bool = engram.param(default=False, doc="look at the mask on the host instead")

    def init(self, ctx: Context) -> PoissonState:
        return ctx.state(PoissonState, sizes={"unit": 3}, noise=ctx.random("noise"))

    def step(self, state: PoissonState, signal: Signal) -> None:
        fired = state.noise.uniform(3) < 0.5
        if self.waits:
            fired[fired] = False
        state.spikes.add(fired if self.waits else fired & fired[::-1])


def test_the_conformance_kit_sees_events_that_cross_replicas_or_move_to_the_host() -> None:
    with pytest.raises(AssertionError, match="spikes"):
        dict(checks_for(Crosstalk()))["crosstalk-replicas_do_not_interact"]()
    with pytest.raises(HostTraffic):
        dict(checks_for(Crosstalk(waits=True)))["crosstalk-nothing_moves_between_host_and_device"]()


def test_play_returns_events_as_masks() -> None:
    draws = np.linspace(0, 1, 24, endpoint=False).reshape(3, 2, 4)
    out = play(Poisson(), {"observation": np.zeros((3, 2, 1))}, batch=2, draws={"noise": draws})
    np.testing.assert_array_equal(out["spikes"], draws < 0.3)
    np.testing.assert_array_equal(out["bursts"], (draws < 0.3).sum(axis=2) > 1)
    assert out["spikes"].dtype == bool and out["silences"].shape == (3, 2)
