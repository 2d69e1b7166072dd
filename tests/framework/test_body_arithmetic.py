"""What bodies compute at the edges, which array code, Numba and C must all agree on."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Context, EngramError, Signal, Spec, Stream
from engram.checkpoint import restore, snapshot
from engram.engine import Run, prepare
from engram.plugins import Registry
from engram.rules import cache
from engram.rules.fused import Fused


@engram.state
class BeatState:
    """Where the metronome stands."""

    beat: Array = engram.array(doc="step", dtype="int8")
    pace: Array = engram.array(doc="steps a step")


@engram.parameters
class Metronome(engram.Task):
    """Shows two numbers that differ from step to step."""

    name = "metronome"
    observation = Spec(shape=(2,), axes=("side",))
    action = Spec(dtype="int8")

    def init(self, ctx: Context) -> BeatState:
        return ctx.state(BeatState)

    def reset(self, state: BeatState) -> Signal:
        no = state.beat != state.beat
        zero = state.pace * 0
        return Signal(np.stack([zero, zero], axis=1), zero, ~no, no, no, ~no, state.beat * 0 - 1)

    @engram.scan
    def body(beat, action, observation, reward, start, end):  # type: ignore[no-untyped-def]
        """Count on; a trial is seven beats long."""
        beat = beat + 1
        observation[0] = 0.5 * beat
        observation[1] = action * 1.0
        reward = beat % 3 - 1.0
        start = beat % 7 == 0
        end = beat % 7 == 6


@engram.state
class ProbeState:
    """A field of every kind."""

    x: Array = engram.array(doc="number", record=True)
    y: Array = engram.array(doc="number", record=True)
    z: Array = engram.array(doc="number", record=True)
    p: Array = engram.array(doc="flag", dtype="bool", record=True)
    r: Array = engram.array(doc="flag", dtype="bool", record=True)
    i8: Array = engram.array(doc="integer", dtype="int8", record=True)
    i16: Array = engram.array(doc="integer", dtype="int16", record=True)
    i32: Array = engram.array(doc="integer", dtype="int32", record=True)
    i64: Array = engram.array(doc="integer", dtype="int64", record=True)
    u8: Array = engram.array(doc="integer", dtype="uint8", record=True)
    u32: Array = engram.array(doc="integer", dtype="uint32", record=True)
    v: Array = engram.array("five", doc="numbers", record=True)
    m: Array = engram.array("two", "three", doc="numbers", record=True)
    flags: Array = engram.array("five", doc="flags", dtype="bool", record=True)
    k8: Array = engram.array("five", doc="integers", dtype="int8", record=True)
    b8: Array = engram.array("five", doc="integers", dtype="uint8", record=True)
    b32: Array = engram.array("five", doc="integers", dtype="uint32", record=True)
    noise: Stream = engram.fixed()
    luck: Stream = engram.fixed()
    daily: Stream = engram.fixed()
    none: Any = engram.fixed()
    word: str = engram.fixed()


@engram.parameters
class Probe(engram.Memory):
    """Whatever its body does."""

    name = "probe"
    gain: float = engram.param(default=0.5, doc="per replica", per_replica=True)
    gains: tuple[float, ...] = engram.param(default=(0.5, 0.25), doc="per replica, listed", per_replica=True)
    level: float = engram.param(default=1.0, doc="static")

    def init(self, ctx: Context) -> ProbeState:
        streams = {name: ctx.random(name) for name in ("noise", "luck")}
        sizes = {"five": 5, "two": 2, "three": 3}
        state = ctx.state(
            ProbeState, sizes=sizes, **streams, daily=ctx.random("daily", clock="trial"), none=None, word="on"
        )
        state.x[...] = ctx.replicas * 0.25 - 1.0
        state.v[...] = np.arange(5) - 2.0
        return state


def swaps(x, y, z, p, r, action):  # type: ignore[no-untyped-def]
    x, y = y + 0.0, x
    z = y
    p, r = r, not p
    action = 1


def shifts(observation, x, y, z, action):  # type: ignore[no-untyped-def]
    z = y
    y = x
    x = observation[0]
    action = 1


def shifts_the_other_way(observation, z, y, x, reward, action):  # type: ignore[no-untyped-def]
    old = x
    x = y
    y = z
    z = old if reward > 0 else x
    action = 1


def exchanges(x, y, action):  # type: ignore[no-untyped-def]
    x, y = y, x
    action = 1


def overflows(i8, i16, i32, i64, u8, u32, k8, b8, b32, action):  # type: ignore[no-untyped-def]
    i8 = i8 + 3
    i16 = i16 * 5 + 1
    i32 = i32 * 1103515245 + 12345
    i64 = i64 * 6364136223846793005 + 1442695040888963407
    u8 = u8 - 7
    u32 = u32 * 1664525 + 1013904223
    for k in range(5):
        k8[k] = k8[k] + 60
        b8[k] = b8[k] - 1 - k
        b32[k] = b32[k] - 1
    action = i8 + 100


def stores_what_does_not_fit(i8, k8, b8, u8, observation, action):  # type: ignore[no-untyped-def]
    i8 = 300
    u8 = -1
    k8[0] = 200
    b8[1] = -3
    if observation[0] > 2:
        k8[1] = 1000
    action = 200


def divides(i64, i32, k8, b8, b32, u8, observation, action):  # type: ignore[no-untyped-def]
    i32 = i32 - 7
    for k in range(5):
        k8[k] = i32 // (k - 2)
        b8[k] = (i32 % (k - 2)) + (7 // k) + (7 % k)
        b32[k] = b8[k] // (b8[k] - 3) + b8[k] % b8[(k + 1) % 5]
    i64 = (b8[0] // b8[1]) // -3 + (b8[2] % b8[3]) // -2 + (b32[0] // b32[1]) // (b8[0] - b8[0])
    n = 3
    if observation[0] > 5:
        n = 0
    u8 = 7 // n + 7 % n
    action = i32 % 5


def moves_bits(i64, i32, u8, k8, b8, b32, flags, p, action):  # type: ignore[no-untyped-def]
    u8 = u8 + 37
    i32 = (u8 << 20) ^ (u8 >> 2) | 5
    i64 = (i32 << u8) + (-i32 >> 3) + (~u8 & 255)
    k8[1] = b8[0] << 3
    b8[0] = b8[0] + u8
    b32[2] = ~b32[2] >> 1
    p = (b8[0] > k8[1]) ^ (u8 > 100)
    flags[1] = p | flags[0]
    flags[0] = p & (u8 > 3) or not flags[1]
    i32 = i32 + p + flags[0] * 2 - (p + p)
    action = abs(-u8)


def branches(observation, reward, x, y, v, m, k8, i32, p, action):  # type: ignore[no-untyped-def]
    i32 = i32 + 1
    a, b = x, i32
    if i32 % 2 == 0:
        a = 1.0
        if reward > 0:
            a, y = y + 1.0, a
            for k in range(5):
                if v[k] > 0:
                    v[k] -= 0.5
                    b = k
                else:
                    v[k] += 0.25 * k
        elif reward < 0:
            b = 7
            v[i32 % 5] = 2.0
            v[i32 % 5] += 1.0
        else:
            v[0], v[1] = v[1], v[0]
    else:
        m[b % 2, i32 % 3] = a
        before = m[0, 1]
        m[0, 1] = before + 1
        x = m[0, 1] - before + m[b % 2][2]
        p = not p
    k8[1] = b
    k8[b % 5] = b + 1
    k8[1] = k8[1] * 2
    row = m[i32 % 2]
    y = y + row[0] if p else row[i32 % 3]
    x = x + a
    action = b


def indexes_outside(i32, v, k8, x, y, observation, action):  # type: ignore[no-untyped-def]
    i32 = i32 + 1
    far = i32 - 4
    if far >= 0 and far < 5:
        v[far] = v[far] + 1.0
    x = v[far] if 0 <= far < 5 else -1.0
    y = v[far]
    v[far - 3] = 0.5 * far
    for k in range(7):
        k8[k] = k8[k - 2] + k
    action = 1


def draws(noise, luck, daily, v, x, y, z, i32, p, observation, action):  # type: ignore[no-untyped-def]
    i32 = i32 + 1
    if i32 % 2 == 0:
        v[0], v[1], v[2], v[3], v[4] = noise.normal(5)
        if observation[0] > 3:
            x = luck.uniform()
    y = daily.uniform()
    z = 0.5
    p = x < y
    action = 1


def draws_many(noise, luck, daily, v, k8, x, action):  # type: ignore[no-untyped-def]
    many = noise.uniform(9)
    few = luck.integers(100, 5)
    one = daily.normal(6)
    for k in range(5):
        v[k] = v[k] + 1.0
    for index, item in enumerate(few):
        k8[index] = item
    x = many[8] + many[4] + one[5]
    action = few[4]


def takes_parameters(gain, gains, level, self, dt, none, word, x, y, z, action):  # type: ignore[no-untyped-def]
    x = gain * x + gains[0]
    y = gains[1] + level * dt
    if none is None and word == "on":
        z = z + self.level
    action = 1


BODIES = [
    swaps, shifts, shifts_the_other_way, exchanges, overflows, stores_what_does_not_fit, divides, moves_bits,
    branches, indexes_outside, draws, draws_many, takes_parameters,
]  # fmt: skip
WAYS = {
    "numba": ("numba", False, "float32"),
    "host": ("host", False, "float64"),
    "as on a GPU": ("host", True, "float32"),
}


def run_of(body: Callable[..., Any], dtype: str = "float32", backend: str = "numpy", **tables: Any) -> Run:
    """A run of 200 steps of a memory with this body."""
    memory = type("Made", (Probe,), {"body": engram.scan(body)})

    class Plugin:
        @engram.hookimpl
        def register_memories(self) -> list[Any]:
            return [memory]

        @engram.hookimpl
        def register_tasks(self) -> list[Any]:
            return [Metronome]

    registry = Registry(discover=False)
    registry.register(Plugin(), "probes")
    given = {
        "run": {"steps": 200, "batch": 3, "seed": 5, "dt": 0.1, "dtype": dtype, "backend": backend, "chunk": 70},
        "task": {"use": "metronome"}, "memory": {"use": "probe"},
        "sweep": {"memory.gain": [0.25, 0.75]}, **tables,
    }  # fmt: skip
    return prepare(engram.resolve(given, plugins=registry))


def rows(run: Run) -> dict[str, np.ndarray[Any, Any]]:
    chunks = list(run.chunks())
    found = {path: np.concatenate([c.records[path] for c in chunks]) for path in chunks[0].records}
    return {**found, **{f"final.{slot.path}": np.array(slot.value) for slot in run.slots}}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", BODIES)
def test_the_edges_of_arithmetic_are_the_same_everywhere(body: Callable[..., Any], way: str) -> None:
    target, beside, dtype = WAYS[way]
    if target == "host" and cache.c_compiler() is None:
        pytest.skip("no C compiler")
    wanted = rows(run_of(body, dtype))
    run = run_of(body, dtype)
    run.fused = Fused(run, target, closed=True, side_by_side=beside)  # type: ignore[arg-type]
    for name, array in rows(run).items():
        np.testing.assert_array_equal(array, wanted[name], err_msg=name)


def draws_in_both_branches(noise, x, i8, action):  # type: ignore[no-untyped-def]
    if i8 > 0:
        x = noise.uniform()
        action = 1
    else:
        x = noise.uniform()
        action = 2


def draws_too_large_an_integer(noise, action):  # type: ignore[no-untyped-def]
    action = noise.integers(1 << 40)


def draws_nothing(noise, action):  # type: ignore[no-untyped-def]
    action = noise.integers()


def reads_one_value_for_all(self, x, action):  # type: ignore[no-untyped-def]
    x = self.gain
    action = 1


def forgets_the_action(x):  # type: ignore[no-untyped-def]
    x = 1.0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (draws_in_both_branches, r"`noise\.uniform\(\)`: a stream gives one draw a step; draw once, before"),
        (draws_too_large_an_integer, r"integers\(n\) needs 1 <= n <= 2\*\*31"),
        (draws_nothing, "a stream has uniform"),
        (reads_one_value_for_all, r"`self\.gain`: 'gain' differs between replicas; make it an argument"),
        (forgets_the_action, r"Made\.body: has no argument 'action'; a memory must assign to it"),
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_would_differ_between_ways_is_refused(body: Callable[..., Any], said: str, backend: str) -> None:
    with pytest.raises(EngramError, match=said) as caught:
        rows(run_of(body, backend=backend))
    assert len(str(caught.value).splitlines()) == 1


@engram.state
class PaidState(BeatState):
    """A field with the name of what a task passes on."""

    reward: Array = engram.array(doc="reward so far")


def pays(reward, observation, action):  # type: ignore[no-untyped-def]
    reward = reward + 1.0


def test_a_field_named_as_what_is_passed_on_is_refused() -> None:
    task = type("Paying", (Metronome,), {"body": engram.scan(pays)})
    ctx = run_of(swaps).context
    with pytest.raises(EngramError, match=r"Paying\.body: 'reward' is a field of the state and what a task"):
        task.body.bound(task(), ctx.state(PaidState), "task")


def reads_a_table(x, none, i8, action):  # type: ignore[no-untyped-def]
    i8 = i8 + 1
    x = none[i8] / 2
    action = 1


def changes_the_step(dt, x, action):  # type: ignore[no-untyped-def]
    dt = 2 * dt
    x = dt
    action = 1


def changes_the_step_in_a_branch(dt, x, i8, action):  # type: ignore[no-untyped-def]
    x = 1.0
    if i8 > 3:
        dt = x
    action = 1


@pytest.mark.parametrize("body", [changes_the_step, changes_the_step_in_a_branch])
def test_what_is_known_beforehand_cannot_be_assigned(body: Callable[..., Any]) -> None:
    with pytest.raises(EngramError, match=r"^Made.body: assigns to 'dt', which a memory may only read$"):
        run_of(body)


@pytest.mark.parametrize(
    ("first", "second"), [((1, 2), (1.0, 2.0)), (np.zeros(2000), np.r_[np.zeros(999), 0.5, np.zeros(1000)])]
)
def test_fixed_things_that_look_alike_are_told_apart(first: Any, second: Any) -> None:
    body, made = engram.scan(reads_a_table), type("Made", (Probe,), {})
    for table in (first, second):
        state = run_of(swaps).memory_state
        state.none = table
        (numbers,) = body.bound(made(), state, "memory").program.tables.values()
        assert repr(numbers.values) == repr(tuple(np.asarray(table).tolist()))


def test_finished_is_recorded_where_no_replica_can_be() -> None:
    run = run_of(swaps, record={"variables": ["task.finished"]}, backend="numba")
    assert run.fused is not None and not rows(run)["task.finished"].any()


def test_runs_that_are_over_leave_nothing_behind() -> None:
    memory = engram.scan(swaps)
    state = run_of(swaps).memory_state
    probe = Probe()
    memory.bound(probe, state, "memory")
    gone = weakref.ref(state)
    del state
    gc.collect()
    assert gone() is None and not memory._bound


@pytest.mark.parametrize("backends", [("numpy", "numba"), ("numba", "numpy")])
def test_a_run_goes_on_with_another_backend_bit_for_bit(backends: tuple[str, str]) -> None:
    first, second = (run_of(draws_many, backend=backend) for backend in backends)
    first.advance(33)
    restore(second, snapshot(first))
    wanted = rows(run_of(draws_many))
    for name, array in rows(second).items():
        np.testing.assert_array_equal(array, wanted[name][-len(array) :], err_msg=name)
