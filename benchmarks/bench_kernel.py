"""What the kernel itself costs: a step, a record, a start of the command line.

Run with `pytest benchmarks/bench_kernel.py -s`. Figures are ratios within one run, or stand beside a reference
timed in it; nothing here fails because of a slow machine.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Context, Signal, Spec
from engram.engine import prepare
from engram.plugins import Registry
from engram.recipe import Recipe, resolve

STEPS = 20_000


@engram.state
class IdleState:
    v: Array = engram.array("unit", doc="64 numbers", unit="1")
    u: Array = engram.array("unit", doc="64 more", unit="1")
    action: Array = engram.fixed()


@engram.parameters
class Idle(engram.Memory):
    """Does nothing, so that only the kernel is timed."""

    name = "idle"

    def init(self, ctx: Context) -> IdleState:
        return ctx.state(IdleState, sizes={"unit": 64}, action=ctx.zeros())

    def step(self, state: IdleState, signal: Signal) -> Array:
        return state.action


@engram.state
class NetworkState:
    v: Array = engram.array("unit", doc="rates", unit="1")
    u: Array = engram.array("unit", doc="slow rates", unit="1")
    w: Array = engram.array("unit", "other", doc="weights", unit="1")
    action: Array = engram.fixed()


@engram.parameters
class Network(engram.Memory):
    """64 recurrent units with Hebbian weights of their own in every replica."""

    name = "network"

    def init(self, ctx: Context) -> NetworkState:
        return ctx.state(NetworkState, sizes={"unit": 64, "other": 64}, action=ctx.zeros())

    def step(self, state: NetworkState, signal: Signal) -> Array:
        state.v[...] = 0.9 * state.v + 0.1 * np.matmul(state.w, state.v[:, :, None])[:, :, 0] + 0.01
        state.u += 0.01 * (state.v - state.u)
        state.w *= 0.999
        state.w += 0.00001 * state.v[:, :, None] * state.v[:, None, :]
        return state.action


@engram.state
class QuietState:
    steps: Array = engram.array(doc="unused", unit="1")
    signal: Signal = engram.fixed()


@engram.parameters
class Quiet(engram.Task):
    """Always says the same."""

    name = "quiet"
    observation = Spec(shape=(3,))
    action = Spec()

    def init(self, ctx: Context) -> QuietState:
        return ctx.state(QuietState, signal=ctx.signal(ctx.zeros(3)))

    def reset(self, state: QuietState) -> Signal:
        return state.signal

    def step(self, state: QuietState, action: Array) -> Signal:
        return state.signal


class IdlePlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Idle, Network]

    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Quiet]


@pytest.fixture
def make() -> Callable[..., Recipe]:
    plugins = Registry(discover=False)
    plugins.register(IdlePlugin(), "idle")

    def recipe(memory: str = "idle", **record: Any) -> Recipe:
        steps = STEPS if memory == "idle" else STEPS // 4
        run = {"steps": steps, "batch": 64, "seed": 1, "backend": "numpy"}
        tables = {"run": run, "task": {"use": "quiet"}, "memory": {"use": memory}, "record": record}
        return resolve(tables, plugins=plugins)

    return recipe


def advance(recipe: Recipe) -> float:
    """Return the processor time of a run, in s."""
    run = prepare(recipe)
    begun = time.process_time()
    for _ in run.chunks():
        pass
    return time.process_time() - begun


def test_overhead_of_a_step(benchmark: Any, make: Callable[..., Recipe]) -> None:
    """Target: below 10 us a step with the trials table, draws apart."""
    a, b = np.zeros((64, 64), np.float32), np.ones((64, 64), np.float32)
    begun = time.process_time()
    for _ in range(STEPS):
        np.copyto(a, b)
    copy = (time.process_time() - begun) / STEPS
    seconds = benchmark.pedantic(lambda: advance(make(variables=[])), rounds=5)
    benchmark.extra_info["us_per_step"] = 1e6 * seconds / STEPS
    benchmark.extra_info["copies_of_16_KiB_per_step"] = seconds / STEPS / copy
    print(
        f"\noverhead {1e6 * seconds / STEPS:.2f} us a step; a copy of (64, 64) float32 takes {1e6 * copy:.2f} us"
    )


def test_share_of_recording(benchmark: Any, make: Callable[..., Recipe], tmp_path: Path) -> None:
    """Target: two variables of 64 floats, every 10th step, batch 64, below 10 % of the run."""

    def run(**record: Any) -> float:
        begun = time.process_time()
        engram.run(make("network", **record), out=tmp_path / "run.h5", force=True)
        return time.process_time() - begun

    pairs = [(run(variables=[]), run(every=10, variables=["memory.v", "memory.u"])) for _ in range(3)]
    share = median((recorded - bare) / recorded for bare, recorded in pairs)
    extra = median(recorded - bare for bare, recorded in pairs) / (STEPS // 40)
    benchmark.pedantic(lambda: run(every=10, variables=["memory.v", "memory.u"]), rounds=1)
    benchmark.extra_info["share"] = share
    print(
        f"\nrecording takes {100 * share:.1f} % of the run, {1e6 * extra:.0f} us a row of 32 KiB, file included"
    )


def test_start_of_the_command_line(benchmark: Any) -> None:
    """Target: `engram --help` below 150 ms on an idle core; shown beside a bare interpreter."""

    def start(*arguments: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return time.perf_counter() - begun

    bare = median(start("-c", "pass") for _ in range(7))
    shown = median(start("-m", "engram_cli", "--help") for _ in range(7))
    benchmark.pedantic(lambda: start("-m", "engram_cli", "--help"), rounds=5)
    benchmark.extra_info["interpreters"] = shown / bare
    print(f"\n--help {1e3 * shown:.0f} ms; bare interpreter {1e3 * bare:.0f} ms")
