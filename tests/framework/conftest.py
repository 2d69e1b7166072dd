"""Small components that the kernel's tests run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, Signal, Spec, Stream
from engram.plugins import Registry
from engram.recipe import Recipe, resolve


@engram.state
class AverageState:
    value: Array = engram.array("stimulus", doc="running mean", unit="1", record=True)
    seen: Array = engram.array(doc="steps seen", unit="step", dtype="int32")
    noise: Stream = engram.fixed()
    p: Any = engram.fixed()


@engram.parameters
class Average(engram.Memory):
    """A noisy running mean of the observation; its action is the index of the largest."""

    name = "average"
    rate: float = engram.param(default=0.1, ge=0, le=1, doc="weight of the new value", per_replica=True)
    sigma: float = engram.param(default=0.0, ge=0, doc="noise", per_replica=True)
    rebind: bool = engram.param(default=False, doc="assign a new array instead of writing in place")

    def init(self, ctx: Context) -> AverageState:
        assert ctx.observation is not None
        sizes = {"stimulus": ctx.observation.shape[0]}
        return ctx.state(AverageState, sizes=sizes, noise=ctx.random("noise"), p=ctx.per_replica(self))

    def step(self, state: AverageState, signal: Signal) -> Array:
        noise = state.noise.normal(1) * state.p.sigma[:, None]
        change = (state.p.rate * signal.learn)[:, None] * (signal.observation - state.value + noise)
        if self.rebind:
            state.value = state.value + change
        else:
            state.value += change
        state.seen += 1
        return state.value.argmax(axis=1)


@engram.state
class LotteryState:
    count: Array = engram.array(doc="steps into the trial", unit="step", dtype="int32", record=True)
    score: Array = engram.array(doc="sum of rewards", unit="1")
    prize: Stream = engram.fixed()
    length: Stream = engram.fixed()
    trial_length: Array = engram.array(doc="steps of this trial", unit="step", dtype="int32")
    ctx: Context = engram.fixed()
    p: Any = engram.fixed()


@engram.parameters
class Lottery(engram.Task):
    """Random prizes, trials of random length; optionally over at a score."""

    name = "lottery"
    stimuli: int = engram.param(default=3, ge=1, doc="number of stimuli")
    gain: float = engram.param(default=1.0, doc="size of the prizes", per_replica=True)
    shortest: int = engram.param(default=3, ge=1, unit="step", doc="shortest trial")

    @property
    def observation(self) -> Spec:
        return Spec(shape=(self.stimuli,), axes=("stimulus",), labels=tuple("abcdefgh"[: self.stimuli]))

    @property
    def action(self) -> Choice:
        return Choice(self.stimuli)

    def init(self, ctx: Context) -> LotteryState:
        return ctx.state(
            LotteryState,
            prize=ctx.random("prize"),
            length=ctx.random("length", clock="trial"),
            ctx=ctx,
            p=ctx.per_replica(self),
        )

    def reset(self, state: LotteryState) -> Signal:
        state.trial_length[...] = self.shortest + state.length.integers(5)
        return self._signal(state, state.ctx.zeros(), state.ctx.zeros(dtype="bool"))

    def step(self, state: LotteryState, action: Array) -> Signal:
        xp = state.ctx.xp
        over = state.count == state.trial_length - 1
        state.count[...] = xp.where(over, 0, state.count + 1)
        state.trial_length[...] = xp.where(over, self.shortest + state.length.integers(5), state.trial_length)
        reward = xp.where(over, 0, (action == 0) * state.p.gain).astype(state.ctx.dtype)
        state.score += reward
        return self._signal(state, reward, over)

    def _signal(self, state: LotteryState, reward: Array, over: Array) -> Signal:
        observation = state.prize.uniform(self.stimuli)
        end = state.count == state.trial_length - 1
        return state.ctx.signal(observation, reward, start=state.count == 0, end=end)


@engram.parameters
class Race(engram.Task):
    """As a lottery of one stimulus, finished after `goal` steps times the replica's number plus one."""

    name = "race"
    goal: int = engram.param(default=4, ge=1, unit="step", doc="steps to the goal")

    observation = Spec(shape=(1,))
    action = Choice(1)

    def init(self, ctx: Context) -> LotteryState:
        replicas = ctx.xp.asarray(ctx.replicas)
        goal = (self.goal * (1 + replicas)).astype(np.int32)
        return ctx.state(LotteryState, ctx=ctx, trial_length=goal)

    def reset(self, state: LotteryState) -> Signal:
        return state.ctx.signal(state.ctx.zeros(1), start=state.count == 0)

    def step(self, state: LotteryState, action: Array) -> Signal:
        state.count += 1
        ones = state.ctx.zeros(1) + 1
        return state.ctx.signal(ones, ones[:, 0], end=state.count == state.trial_length)

    def finished(self, state: LotteryState) -> Array:
        return state.count >= state.trial_length


@engram.state
class TideState:
    phase: Array = engram.array(doc="steps done", unit="step", dtype="int64")
    strength: Array = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class Tide(engram.Task):
    """Open loop: a slow wave, a trial every ten steps."""

    name = "tide"
    observation = Spec(shape=(2,), axes=("stimulus",))
    action = None

    def init(self, ctx: Context) -> TideState:
        return ctx.state(TideState, ctx=ctx, strength=ctx.xp.asarray([1.0, 0.5], dtype=ctx.dtype))

    def schedule(self, state: TideState, steps: int) -> Signal:
        ctx = state.ctx
        when = ctx.xp.arange(steps)[:, None] + state.phase[None]
        state.phase += steps
        wave = (when % 7).astype(ctx.dtype)[..., None] * state.strength
        yes = ctx.xp.ones(when.shape, dtype=bool)
        outcome = ctx.xp.full(when.shape, -1, dtype=np.int8)
        start, end = when % 10 == 0, when % 10 == 9
        return Signal(wave, wave[..., 0], start, end, ~yes, yes, outcome)


@engram.state
class LeakState:
    v: Array = engram.array("stimulus", doc="leaky sum", unit="1", record=True)


@engram.parameters
class SteppedLeak(engram.Memory):
    """A leaky sum, step by step."""

    name = "stepped-leak"

    def init(self, ctx: Context) -> LeakState:
        return ctx.state(LeakState, sizes={"stimulus": 2})

    def step(self, state: LeakState, signal: Signal) -> None:
        state.v *= 0.9
        state.v += signal.observation


@engram.parameters
class FusedLeak(engram.Memory):
    """The same leaky sum, as the body of a step."""

    name = "fused-leak"

    @engram.scan
    def body(v: Array, observation: Array) -> None:  # type: ignore[misc]
        for stimulus in range(len(v)):
            v[stimulus] = v[stimulus] * 0.9 + observation[stimulus]

    def init(self, ctx: Context) -> LeakState:
        return ctx.state(LeakState, sizes={"stimulus": 2})


class SmallPlugin:
    """What the tests register."""

    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Average, SteppedLeak, FusedLeak]

    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Lottery, Race, Tide]


@pytest.fixture
def plugins() -> Registry:
    registry = Registry(discover=False)
    registry.register(SmallPlugin(), "small")
    return registry


@pytest.fixture
def tables() -> dict[str, Any]:
    return {
        "title": "a test",
        "run": {"steps": 60, "batch": 3, "seed": 5, "dt": 0.5, "dtype": "float64", "backend": "numpy"},
        "task": {"use": "lottery"},
        "memory": {"use": "average", "sigma": 0.1},
        "record": {"every": 4, "variables": ["memory.value", "task.count", "task.reward", "memory.action"]},
    }


@pytest.fixture
def make(plugins: Registry, tables: dict[str, Any]) -> Callable[..., Recipe]:
    """Resolve the test recipe with overrides such as "run.steps=5"."""

    def resolved(*overrides: str, **replaced: Any) -> Recipe:
        return resolve({**tables, **replaced}, overrides, plugins)

    return resolved
