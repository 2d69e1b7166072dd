"""Bodies of a task and a memory that know nothing of each other, as array code, with Numba and in C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, EngramError, Signal, Spec, Stream, exact
from engram.backend import missing_gpu
from engram.engine import Run, prepare
from engram.plugins import Registry
from engram.rules import cache
from engram.rules.fused import Fused
from engram.rules.graph import step_graph
from engram.rules.weave import Weave


@engram.state
class ArmState:
    """What the bandit and its wandering place carry."""

    value: Array = engram.array("arm", doc="mean reward so far", record=True)
    last: Array = engram.array(doc="arm pulled last", dtype="int32", record=True)
    trial: Array = engram.array(doc="steps of the trial", dtype="int16")
    place: Array = engram.array("xy", doc="where it has wandered", record=True)
    won: Array = engram.array(doc="the last pull paid", dtype="bool", record=True)
    noise: Stream = engram.fixed()
    luck: Stream = engram.fixed()
    table: tuple[tuple[float, ...], ...] = engram.fixed()


@engram.parameters
class Arms(engram.Task):
    """A bandit with noise of all kinds."""

    name = "arms"

    sigma: float = engram.param(default=0.3, ge=0, doc="noise of the reward", per_replica=True)
    arms: int = engram.param(default=3, ge=1, doc="number of arms")

    @property
    def observation(self) -> Spec:
        return Spec(shape=(2,), axes=("xy",))

    @property
    def action(self) -> Choice:
        return Choice(self.arms)

    def init(self, ctx: Context) -> ArmState:
        return ctx.state(
            ArmState,
            sizes={"arm": self.arms, "xy": 2},
            noise=ctx.random("noise"),
            luck=ctx.random("luck", clock="trial"),
            table=((0.1, 0.5), (0.2, 0.6), (0.9, 0.3)),
        )

    def reset(self, state: ArmState) -> Signal:
        everyone = state.last == state.last
        nothing = state.value[:, 0] * 0
        code = (state.last * 0 - 1).astype("int8")
        return Signal(state.place * 0, nothing, everyone, ~everyone, ~everyone, everyone, code)

    @engram.scan
    def body(  # type: ignore[no-untyped-def]
        action, value, last, trial, place, won, noise, luck, table, sigma, arms, dt,
        observation, reward, start, end, outcome,
    ):  # fmt: skip
        """Pull an arm; wander; end after ten steps, or by luck."""
        u = luck.uniform()
        trial = trial + 1
        reward = table[action][0] + (u if trial % 7 == 3 else 0.0)
        if trial % 2 == 0:
            first, second = noise.normal(2)
            reward = reward + sigma * first
            place[0] = place[0] + dt * exact.cos(second)
            place[1] += dt * exact.sin(second)
        for k in range(arms):
            if k == action:
                value[k] = value[k] + 0.1 * (reward - value[k])
            observation[k % 2] = value[k] + place[k % 2]
        won = reward > 0.5
        end = trial == 10 or u > 0.93
        start = trial == 0
        outcome = -1
        if end:
            trial = -1
            outcome = last
        last = action


@engram.state
class GreedyState:
    """A table of action values."""

    q: Array = engram.array("action", doc="action value", record=True)
    previous: Array = engram.array(doc="action before", dtype="int32", record=True)
    explore: Stream = engram.fixed()
    choice: Stream = engram.fixed()


@engram.parameters
class Greedy(engram.Memory):
    """Learns which arm pays."""

    name = "greedy"

    alpha: float = engram.param(default=0.1, ge=0, le=1, doc="learning rate", per_replica=True)
    epsilon: float = engram.param(default=0.2, ge=0, le=1, doc="probability to explore")

    def init(self, ctx: Context) -> GreedyState:
        return ctx.state(
            GreedyState, sizes={"action": 3}, explore=ctx.random("explore"), choice=ctx.random("choice")
        )

    @engram.scan
    def body(  # type: ignore[no-untyped-def]
        q, previous, explore, choice, observation, reward, start, learn, alpha, epsilon, action
    ):
        """Teach the last pull; choose the next."""
        if learn and not start:
            q[previous] = q[previous] + alpha * (reward - q[previous])
        best = 0
        for k in range(3):
            best = k if q[k] > q[best] else best
        action = best
        if explore.uniform() < epsilon + 0.001 * observation[0]:
            action = choice.integers(3)
        previous = action


@engram.state
class TideState:
    """Where the tide stands."""

    now: Array = engram.array(doc="step", dtype="int32")


@engram.parameters
class SmallTide(engram.Task):
    """An open loop: signals known beforehand."""

    name = "small-tide"
    observation = Spec(shape=(2,), axes=("xy",))
    action = Choice(3)

    def init(self, ctx: Context) -> TideState:
        return ctx.state(TideState)

    def schedule(self, state: TideState, steps: int) -> Signal:
        when = state.now[None, :] + np.arange(steps, dtype=np.int32)[:, None]
        state.now += np.int32(steps)
        wave = np.stack([np.sin(when * 0.3), np.cos(when * 0.2)], axis=2)
        no = np.zeros(when.shape, dtype=bool)
        return Signal(
            wave.astype(np.float64), wave[..., 0].astype(np.float64), when % 5 == 0, when % 5 == 4, no, ~no,
            np.full(when.shape, -1, np.int8),
        )  # fmt: skip


class Bandits:
    """What the tests register."""

    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Greedy]

    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Arms, SmallTide]


WAYS = {"numba": ("numba", False), "host": ("host", False), "as on a GPU": ("host", True)}
CASES: dict[str, dict[str, Any]] = {
    "float32": {},
    "float64": {"dtype": "float64"},
    "ends with trials": {"trials": 3},
    "open loop": {"task": "small-tide", "dtype": "float64"},
}


@pytest.fixture
def bandits() -> Registry:
    registry = Registry(discover=False)
    registry.register(Bandits(), "bandits")
    return registry


@pytest.fixture
def make_run(bandits: Registry) -> Callable[..., Run]:
    def make(task: str = "arms", chunk: int | None = None, **run: Any) -> Run:
        settings = {
            "steps": 57,
            "batch": 5,
            "seed": 3,
            "dt": 0.1,
            "dtype": "float32",
            "backend": "numpy",
            **run,
        }
        variables = [
            "memory.q",
            "memory.previous",
            "memory.action",
            "task.reward",
            "task.start",
            "task.observation",
        ]
        if task == "arms":
            variables += ["task.value", "task.place", "task.won", "task.last"]
        tables = {
            "run": settings if chunk is None else {**settings, "chunk": chunk},
            "task": {"use": task}, "memory": {"use": "greedy"},
            "record": {"every": 4, "variables": variables}, "sweep": {"memory.alpha": [0.1, 0.5]},
        }  # fmt: skip
        return prepare(engram.resolve(tables, plugins=bandits))

    return make


def found(run: Run) -> dict[str, np.ndarray[Any, Any]]:
    chunks = list(run.chunks())
    arrays = {path: np.concatenate([c.records[path] for c in chunks]) for path in chunks[0].records}
    arrays |= {f"trial.{key}": np.concatenate([c.trials[key] for c in chunks]) for key in chunks[0].trials}
    arrays |= {f"final.{slot.path}": np.array(slot.value) for slot in run.slots}
    return {**arrays, "step": np.concatenate([chunk.steps for chunk in chunks])}


def assert_same(wanted: dict[str, Any], given: dict[str, Any]) -> None:
    assert wanted.keys() == given.keys()
    for name, array in wanted.items():
        assert array.dtype == given[name].dtype, name
        np.testing.assert_array_equal(given[name], array, err_msg=name)


@pytest.mark.parametrize("chunk", [None, 1, 10])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_the_woven_loop_gives_the_bits_of_array_code(
    make_run: Callable[..., Run], case: str, way: str, chunk: int | None
) -> None:
    target, beside = WAYS[way]
    if target == "host" and cache.c_compiler() is None:
        pytest.skip("no C compiler")
    wanted = found(make_run(**CASES[case]))
    run = make_run(**CASES[case], chunk=chunk)
    run.fused = Fused(run, target, closed=case != "open loop", side_by_side=beside)  # type: ignore[arg-type]
    assert_same(wanted, found(run))
    assert len(wanted["step"]) > 5 and (case == "open loop" or len(wanted["trial.replica"]) > 5)


def test_the_backend_numba_weaves_and_says_so(make_run: Callable[..., Run]) -> None:
    woven, stepped = make_run(backend="numba"), make_run()
    assert woven.execution == "one loop over the steps of a chunk"
    assert stepped.execution == "step by step"
    assert_same(found(stepped), found(woven))


def test_a_replica_is_the_same_in_any_batch(make_run: Callable[..., Run]) -> None:
    many, few = (found(make_run(backend="numba", batch=batch)) for batch in (7, 3))
    rows = np.r_[0:3, 7:10]
    for name in ("memory.q", "task.place", "task.reward"):
        np.testing.assert_array_equal(many[name][:, rows], few[name])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("trials", [None, 3])
def test_the_text_of_a_woven_loop_compiles_for_cuda(
    make_run: Callable[..., Run], compiles_for_cuda: Callable[[str], None], dtype: str, trials: int | None
) -> None:
    run = make_run(dtype=dtype, trials=trials)
    memory = run.memory.body.bound(run.memory, run.memory_state, "memory")  # type: ignore[union-attr]
    task = run.task.body.bound(run.task, run.task_state, "task")  # type: ignore[union-attr]
    weave = Weave(memory, task, [], trials=True, counts=True, freezing=trials is not None)
    compiles_for_cuda(weave.c())


def bound(body: Callable[..., Any], **more: Any) -> None:
    """Bind a body to the state of `Greedy`."""
    made = type("Made", (Greedy,), {"body": engram.scan(body), **more})
    registry = Registry(discover=False)
    registry.register(Bandits(), "bandits")
    tables = {"run": {"steps": 1, "backend": "numpy"}, "task": {"use": "arms"}, "memory": {"use": "greedy"}}
    run = prepare(engram.resolve(tables, plugins=registry))
    memory = made()
    made.body.bound(memory, run.memory_state, "memory")


def unknown(q, speed, action):  # type: ignore[no-untyped-def]
    action = speed


def writes_a_parameter(alpha, action):  # type: ignore[no-untyped-def]
    alpha = 0.5
    action = 1


def writes_the_signal(reward, action):  # type: ignore[no-untyped-def]
    reward = 1.0
    action = 1


def draws_in_a_loop(explore, q, action):  # type: ignore[no-untyped-def]
    for k in range(3):
        q[k] = explore.uniform()
    action = 1


def puts_a_float_into_an_integer(previous, reward):  # type: ignore[no-untyped-def]
    previous = reward


def forgets_an_index(q, reward):  # type: ignore[no-untyped-def]
    q = q + reward


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (unknown, r"Made\.body: 'speed' is neither state, nor a parameter, nor passed"),
        (writes_a_parameter, "assigns to 'alpha', which a memory may only read"),
        (writes_the_signal, "assigns to 'reward', which a memory may only read"),
        (draws_in_a_loop, r"explore\.uniform\(\)`: a stream gives one draw a step"),
        (puts_a_float_into_an_integer, "previous = reward`: float where int is needed"),
        (forgets_an_index, r"q \+ reward`: 'q' has 1 more axes; index all of them"),
    ],
)
def test_a_mistake_in_a_body_is_said_in_one_line(body: Callable[..., Any], said: str) -> None:
    with pytest.raises(EngramError, match=said) as caught:
        bound(body)
    assert len(str(caught.value).splitlines()) == 1


no_gpu = pytest.mark.skipif(missing_gpu() is not None, reason=f"no GPU: {missing_gpu()}")


@pytest.mark.gpu
@no_gpu
@pytest.mark.parametrize("case", ["float32", "float64", "ends with trials"])
def test_a_gpu_gives_the_bits_of_array_code(make_run: Callable[..., Run], case: str) -> None:
    wanted, run = found(make_run(**CASES[case])), make_run(**CASES[case], backend="cupy")
    assert run.execution == "one loop over the steps of a chunk"
    chunks = list(run.chunks())
    for path in chunks[0].records:
        np.testing.assert_array_equal(np.concatenate([c.records[path] for c in chunks]), wanted[path])


@pytest.mark.gpu
@no_gpu
def test_a_captured_step_gives_the_bits_of_array_code(make_run: Callable[..., Run]) -> None:
    wanted, run = found(make_run()), make_run(backend="cupy")
    run.fused = None
    run.graph = step_graph(run)
    chunks = list(run.chunks())
    assert run.graph is not None and not run.graph.obstacle
    for path in chunks[0].records:
        np.testing.assert_array_equal(np.concatenate([c.records[path] for c in chunks]), wanted[path])
