"""Bodies: rows, results that are one another's, tables, and the checks that hold them against compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, Signal, Spec, Stream, exact
from engram.rules.expression import RuleError
from engram.testing import Case, checks_for, parametrize_with_checks, play
from engram.testing.target import obstacle

TARGETS: list[dict[str, Any]] = [
    {"target": "numba"},
    {"target": "host"},
    {"target": "host", "side_by_side": True},
]
PRIZES = ((0.1, 0.9, 0.9), (0.5, 0.2, 0.3))


@engram.state
class RowState:
    q: Array = engram.array("state", "action", doc="action value")
    whole: Array = engram.array("action", doc="whole numbers", dtype="int32")
    here: Array = engram.array(doc="state", dtype="int32")
    of_state: Array = engram.array(doc="best action of the state", dtype="int32")
    of_first: Array = engram.array(doc="best action of the first state", dtype="int32")
    of_whole: Array = engram.array(doc="place of the largest whole number", dtype="int32")
    of_table: Array = engram.array(doc="place of the largest prize", dtype="int32")


@engram.parameters
class Rows(engram.Memory):
    """Asks rows of an array and of a table for their largest number."""

    name = "rows"

    @engram.scan
    def body(  # type: ignore[misc]
        q: Array, whole: Array, here: int, of_state: int, of_first: int, of_whole: int, of_table: int,
        observation: Array, action: Array,
    ) -> None:  # fmt: skip
        action[0] = observation[0]
        of_first = exact.argmax(q[0])
        of_whole = exact.argmax(whole)
        if observation[0] > 0:
            of_state = exact.argmax(q[here])
            of_table = exact.argmax(PRIZES[here])

    def init(self, ctx: Context) -> RowState:
        return ctx.state(RowState, sizes={"state": 2, "action": 3})


def steps(component: engram.Memory, start: dict[str, Any], seen: Any, **target: Any) -> Any:
    """The state after one step of a memory from given values; as array code, or compiled."""
    batch = len(seen)
    if target and (why := obstacle(target["target"])) is not None:
        pytest.skip(why)
    case = Case(component, observation=Spec(shape=seen.shape[1:]))
    driver = case.driver(batch, **target)
    driver.write(start)
    driver.step(0, {"observation": seen})
    return driver.state


@pytest.mark.parametrize("target", [{}, *TARGETS], ids=["array code", "numba", "c", "side by side"])
def test_the_first_largest_number_of_a_row_is_found_and_nan_is_the_largest(target: dict[str, Any]) -> None:
    nan = np.nan
    rows = [[1, 3, 3], [nan, 5, nan], [2, nan, 9], [-1, -1, -1], [-np.inf, -0.0, 0.0]]
    q = np.array([[[0, 0, 1], row] for row in rows], dtype=np.float32)
    whole = np.array([[4, 2, 4], [1, 2, 3], [0, 5, 5], [-3, -2, -1], [7, 0, 0]])
    here, seen = np.array([1, 1, 1, 1, 0]), np.array([[1.0], [1.0], [1.0], [1.0], [1.0]])
    state = steps(Rows(), {"q": q, "whole": whole, "here": here}, seen, **target)
    assert state.of_state.tolist() == [1, 0, 1, 0, 2]
    assert state.of_first.tolist() == [2] * 5
    assert state.of_whole.tolist() == whole.argmax(axis=1).tolist()
    assert state.of_table.tolist() == [0, 0, 0, 0, 1]


def test_a_row_is_not_asked_where_its_branch_is_not_taken() -> None:
    start = {"here": [99, -5], "of_state": [7, 8]}
    state = steps(Rows(), start, np.array([[0.0], [-1.0]]))
    assert state.of_state.tolist() == [7, 8]


def test_argmax_of_arrays_is_along_the_last_axis() -> None:
    assert exact.argmax(np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])).tolist() == [1, 0]


@engram.state
class MenuState:
    price: Array = engram.array(doc="price of what is here", record=True)
    paid: Array = engram.array(doc="what the replica pays of it", record=True)
    part: RowState = engram.child()
    prices: Array = engram.fixed()
    share: Array = engram.fixed(per_replica=True)


@engram.parameters
class Menu(engram.Memory):
    """Reads a table that all replicas share, and a row of each replica's own."""

    name = "menu"

    @engram.scan
    def body(  # type: ignore[misc]
        price: float, paid: float, prices: Any, share: Array, observation: Array, action: Array
    ) -> None:
        price = prices[int(observation[0])]
        paid = share[0] * price + share[1]
        action[0] = prices[2]

    def init(self, ctx: Context) -> MenuState:
        rows = np.stack([ctx.replicas, ctx.replicas + 10], axis=1).astype(ctx.dtype)
        return ctx.state(
            MenuState, prices=np.array([1.0, 2.0, 4.0]), share=ctx.xp.asarray(rows), part=Rows().init(ctx)
        )


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("target", [{}, *TARGETS], ids=["array code", "numba", "c", "side by side"])
def test_a_fixed_array_is_per_replica_where_it_is_declared_so(target: dict[str, Any], batch: int) -> None:
    here = np.arange(batch) % 3
    state = steps(Menu(), {}, here[:, None].astype(float), **target)
    prices, replicas = np.array([1.0, 2.0, 4.0])[here], np.arange(batch)
    assert state.price.tolist() == prices.tolist()
    assert state.paid.tolist() == (replicas * prices + replicas + 10).tolist()


@pytest.mark.parametrize("shape", [(), (2,), (1, 2)])
def test_a_per_replica_array_without_a_row_for_each_replica_is_refused(shape: tuple[int, ...]) -> None:
    body = vars(Menu)["body"]
    state = Case(Menu()).driver(3).state
    state.share = np.zeros(shape)
    with pytest.raises(engram.EngramError, match=r"Menu.body: 'share' is fixed.*give each of the 3 replicas"):
        engram.scan(body.function).bound(Menu(), state, "memory")


def pays(price, prices, action):  # type: ignore[no-untyped-def]
    price = 2.0 * prices
    action[0] = price


def asks_a_part(price, part, action):  # type: ignore[no-untyped-def]
    action[0] = price


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (pays, r"`price = 2.0 \* prices`.*mark its field fixed\(per_replica=True\)"),
        (asks_a_part, "Menu.body: 'part' is a part's state, which a body cannot use; write a step"),
    ],
)
def test_what_a_body_cannot_read_of_its_state_is_refused(body: Any, why: str) -> None:
    state = Case(Menu()).driver(3).state
    with pytest.raises(engram.EngramError, match=why):
        engram.scan(body).bound(Menu(), state, "memory")


@engram.parameters
class Square(engram.Memory):
    """Asks for the largest number of a whole table."""

    name = "square"

    @engram.scan
    def body(q: Array, here: int) -> None:  # type: ignore[misc]
        here = exact.argmax(q)

    def init(self, ctx: Context) -> RowState:
        return ctx.state(RowState, sizes={"state": 2, "action": 3})


def test_argmax_of_anything_but_a_row_is_refused() -> None:
    with pytest.raises(RuleError, match=r"exact.argmax\(q\).*argmax takes a row"):
        steps(Square(), {}, np.zeros((1, 1)))


@engram.state
class PastState:
    now: Array = engram.array(doc="what is seen", record=True)
    before: Array = engram.array(doc="what was seen before", record=True)
    earlier: Array = engram.array(doc="what was seen before that", record=True)
    taken: Array = engram.array(doc="a draw of each step", record=True)
    noise: Stream = engram.fixed()


@engram.parameters
class Past(engram.Memory):
    """Remembers three steps: each array is given what another held."""

    name = "past"
    start: float = engram.param(default=0.0, doc="first value", per_replica=True)

    @engram.scan
    def body(  # type: ignore[misc]
        now: float,
        before: float,
        earlier: float,
        taken: float,
        noise: Stream,
        observation: Array,
        action: int,
    ) -> None:
        earlier = before
        before = now
        now = observation[0]
        taken = noise.uniform()
        action = int(now > before)

    def init(self, ctx: Context) -> PastState:
        return ctx.state(PastState, noise=ctx.random("noise"))


def test_arrays_that_are_given_one_anothers_values_get_the_old_ones() -> None:
    seen = np.arange(1.0, 6.0).reshape(5, 1, 1)
    trace = play(Past(), {"observation": seen}, action=Choice(2))
    assert trace["now"][:, 0].tolist() == [1, 2, 3, 4, 5]
    assert trace["before"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert trace["earlier"][:, 0].tolist() == [0, 0, 1, 2, 3]


def test_recorded_draws_reach_a_body() -> None:
    drawn = np.array([[0.25], [0.5], [0.75]])
    trace = play(Past(), {"observation": np.zeros((3, 1, 1))}, draws={"noise": drawn}, action=Choice(2))
    np.testing.assert_array_equal(trace["taken"], drawn)


@engram.state
class DriftState:
    place: Array = engram.array("axis", doc="position", record=True)
    count: Array = engram.array(doc="steps of the trial", dtype="int32")
    length: Array = engram.array(doc="steps that the trial has", dtype="int32")
    noise: Stream = engram.fixed()
    of_trial: Stream = engram.fixed()
    ctx: Context = engram.fixed()


def reset(self: Any, state: DriftState) -> Signal:
    return state.ctx.signal(state.ctx.zeros(2), start=state.count == 0)


def init(self: Any, ctx: Context) -> DriftState:
    noise, of_trial = ctx.random("noise"), ctx.random("of_trial", clock="trial")
    return ctx.state(DriftState, sizes={"axis": 2}, noise=noise, of_trial=of_trial, ctx=ctx)


@engram.parameters
class Drift(engram.Task):
    """A place that drifts by chance and is pushed by a row of numbers; trials of random length."""

    name = "drift"
    sigma: float = engram.param(default=0.3, ge=0, doc="size of the steps", per_replica=True)
    observation, action = Spec(shape=(2,)), Spec(shape=(2,))
    init, reset = init, reset

    @engram.scan
    def body(  # type: ignore[misc]
        place: Array, count: int, length: int, noise: Stream, of_trial: Stream, sigma: float, dt: float,
        action: Array, observation: Array, reward: float, start: bool, end: bool, outcome: int,
    ) -> None:  # fmt: skip
        length = 2 + of_trial.integers(3)
        start, end = count >= length, count == length - 1
        count = 0 if count >= length else count + 1
        for axis, draw in enumerate(noise.normal(2)):
            place[axis] = place[axis] + sigma * draw + dt * action[axis]
            observation[axis] = place[axis]
        reward = exact.tanh(place[0] * place[1])
        outcome = 1 if end and reward > 0 else -1


@engram.parameters
class Levers(engram.Task):
    """Pays by a table; its action is a choice."""

    name = "levers"
    observation, action = Spec(shape=(2,)), Choice(3)
    init, reset = init, reset

    @engram.scan
    def body(place: Array, action: int, observation: Array, reward: float) -> None:  # type: ignore[misc]
        reward = PRIZES[1][action]
        place[0] = place[0] + reward
        observation[0] = place[0]


@engram.parameters
class Bells(engram.Task):
    """Takes no action."""

    name = "bells"
    observation, action = Spec(shape=(2,)), None
    init, reset = init, reset

    @engram.scan
    def body(count: int, observation: Array, end: bool) -> None:  # type: ignore[misc]
        count = count + 1
        end = count % 3 == 0
        observation[1] = float(count)


@parametrize_with_checks([Drift(), Levers(), Bells(), Case(Past(), action=Choice(2)), Rows()])
def test_conformance(check: Any) -> None:
    check()


@engram.parameters
class Forked(engram.Memory):
    """Says one thing in its body and another in its step."""

    name = "forked"

    @engram.scan
    def body(now: float, observation: Array, action: Array) -> None:  # type: ignore[misc]
        now = now + observation[0]
        action[0] = observation[0]

    def init(self, ctx: Context) -> PastState:
        return ctx.state(PastState, noise=ctx.random("noise"))

    def step(self, state: PastState, signal: Signal) -> Array:
        state.now += 1.0001 * signal.observation[:, 0]
        return signal.observation[:, :1]


@pytest.mark.parametrize("check", ["numba_gives", "c_gives", "layout_of_gpus_gives"])
def test_a_body_that_differs_from_the_step_is_found(check: str) -> None:
    if (why := obstacle("numba" if check == "numba_gives" else "host")) is not None:
        pytest.skip(why)
    found = next(run for name, run in checks_for(Forked()) if check in name)
    with pytest.raises(AssertionError, match="now"):
        found()


def test_what_has_no_body_is_spared_the_checks_of_bodies() -> None:
    @engram.parameters
    class Plain(engram.Memory):
        """Has a step."""

        name = "plain"

        def init(self, ctx: Context) -> PastState:
            return ctx.state(PastState, noise=ctx.random("noise"))

        def step(self, state: PastState, signal: Signal) -> None:
            state.now += 1

    assert not any("bits_of_array_code" in name for name, _ in checks_for(Plain()))


def test_compiled_code_that_cannot_be_made_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engram.testing.target.has_numba", lambda: False)
    monkeypatch.setattr("engram.testing.target.cache.c_compiler", lambda: None)
    assert "engram[fast]" in str(obstacle("numba")) and "C compiler" in str(obstacle("host"))


def test_a_function_of_arrays_gives_an_array_though_it_depends_on_none() -> None:
    @engram.rule
    def constant(x: float) -> int:
        return 3

    assert constant(np.zeros((2, 3))).tolist() == [[3, 3, 3], [3, 3, 3]]
