"""Small components that the kernel's tests run; rules on every target; NVIDIA's compiler without a GPU."""

from __future__ import annotations

import ctypes
import importlib.metadata
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, Signal, Spec, Stream
from engram.plugins import Registry
from engram.recipe import Recipe, resolve
from engram.rules import target


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


def nvrtc() -> ctypes.CDLL | None:
    """NVIDIA's run-time compiler, from the wheel `nvidia-cuda-nvrtc`; it needs neither GPU nor driver."""
    try:
        files = importlib.metadata.files("nvidia-cuda-nvrtc") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((ctypes.CDLL(str(f.locate())) for f in files if f.name.startswith("libnvrtc.so")), None)


def complaints(compiler: ctypes.CDLL, text: str, architecture: str) -> str:
    """What the compiler says against a text; "" if it takes it."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    made = compiler.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"text.cu", 0, None, None)
    assert made == 0
    options = [f"--gpu-architecture={architecture}", "--fmad=false"]
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    failed = compiler.nvrtcCompileProgram(program, len(options), given)
    compiler.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    compiler.nvrtcGetProgramLog(program, log)
    compiler.nvrtcDestroyProgram(ctypes.byref(program))
    return log.value.decode() or f"error {failed}" if failed else ""


@pytest.fixture(scope="session")
def cuda_complaints() -> Callable[[str], str] | None:
    """What NVIDIA's compiler says against a text, each text once; None where the compiler is not installed."""
    compiler = nvrtc()
    known: dict[str, str] = {}

    def check(text: str) -> str:
        assert compiler is not None
        if text not in known:
            known[text] = "".join(complaints(compiler, text, name) for name in ("sm_80", "sm_90"))
        return known[text]

    return check if compiler else None


@pytest.fixture
def compiles_for_cuda(cuda_complaints: Callable[[str], str] | None) -> Callable[[str], None]:
    """Asserts that NVIDIA's compiler takes a text, for two generations of GPUs."""
    if cuda_complaints is None:
        pytest.skip("nvidia-cuda-nvrtc has no wheel for this machine, or is not installed")

    def check(text: str) -> None:
        assert cuda_complaints(text) == ""

    return check


def bits(array: Any) -> Any:
    """An array as integers, all NaN alike."""
    if array.dtype.kind != "f":
        return array
    pattern = array.view(np.dtype(f"i{array.dtype.itemsize}")).copy()
    pattern[np.isnan(array)] = -1
    return pattern


@pytest.fixture(scope="session")
def same_bits(cuda_complaints: Callable[[str], str] | None) -> Callable[..., list[Any]]:
    """Applies a rule by array code, with Numba and by its C text to copies; returns the arrays, all bits equal."""

    def apply(rule: Any, *values: Any, tries: tuple[str, ...] = ("numba", "host")) -> list[Any]:
        def copies() -> list[Any]:
            return [np.array(value) if isinstance(value, np.ndarray) else value for value in values]

        wanted = copies()
        rule.reference(*wanted)
        for name in tries:
            found = copies()
            with target.chosen("numba"):
                (rule if name == "numba" else rule.on_host)(*found)
            for item, one, other in zip(rule.spec.arguments, wanted, found, strict=True):
                if item.axes:
                    np.testing.assert_array_equal(bits(one), bits(other), err_msg=f"{name}: {item.name}")
        if cuda_complaints is not None:
            pairs = zip(rule.spec.arguments, values, strict=True)
            dtypes = {item.name: str(value.dtype) for item, value in pairs if item.axes}
            assert cuda_complaints(rule.source("cuda", **dtypes)) == ""
        return wanted

    return apply
