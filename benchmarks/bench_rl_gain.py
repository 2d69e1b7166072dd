"""What a step of rl-gain costs for 10 000 agents: idle, and when all decide.

Run with `OMP_NUM_THREADS=1 pytest benchmarks/bench_rl_gain.py -s`. A step includes its draws. It stands beside
a loop over agents of plain Python, as larvaworld has, and beside a copy of the table Q, both timed in the same
run; nothing here fails because of a slow machine.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engram import Array, Context, Signal, Spec, Transitions
from engram.random import Streams
from engram_rl_gain import RLGain

AGENTS = 10_000
SIZES = [(1, 0), (1, 1), (2, 1), (3, 1)]
"""Stimuli n and bins k on either side."""


class Steps:
    """A memory in its run, a step a call."""

    def __init__(self, memory: RLGain, stimuli: int) -> None:
        self.streams = Streams(1, np.arange(AGENTS), np, "float32")
        spec = Spec(shape=(stimuli,))
        context = Context(
            xp=np, batch=AGENTS, replicas=np.arange(AGENTS), dtype=np.dtype("float32"), dt=0.1,
            observation=spec, action=spec, path="memory", streams=self.streams,
        )  # fmt: skip
        rng = np.random.default_rng(0)
        change = rng.normal(0, 0.1, (AGENTS, stimuli)).astype(np.float32)
        self.signal: Signal = context.signal(change, rng.integers(0, 2, AGENTS).astype(np.float32))
        self.memory, self.state = memory, memory.init(context)
        self.streams.clock.step = -1

    def __call__(self) -> Array:
        self.streams.clock.step += 1
        return self.memory.step(self.state, self.signal)


class PlainAgent:
    """One agent in plain Python: equations (1) to (5) with lists and loops."""

    def __init__(self, stimuli: int, per_side: int, interval: int, seed: int) -> None:
        self.per_side, self.interval, self.rng = per_side, interval, random.Random(seed)
        self.gains = list(itertools.product((-300.0, -50.0, 50.0, 300.0), repeat=stimuli))
        self.q = [[0.0] * len(self.gains) for _ in range((2 * per_side + 1) ** stimuli)]
        self.ticks = self.iterator = self.state = self.action = 0
        self.reward_sum = 0.0

    def step(self, changes: list[float], reward: int) -> tuple[float, ...]:
        self.ticks += 1
        self.reward_sum += reward - 0.01
        if self.ticks * 0.1 <= 6e8:
            self.iterator += 1
            if self.iterator >= self.interval:
                self.decide(changes)
        return self.gains[self.action]

    def decide(self, changes: list[float]) -> None:
        here = 0
        for change in changes:
            beyond = sum(abs(change) > (i + 1) * 0.1 for i in range(self.per_side))
            here = here * (2 * self.per_side + 1) + self.per_side + (beyond if change > 0 else -beyond)
        row = self.q[self.state]
        row[self.action] = 0.95 * row[self.action] + 0.05 * (self.reward_sum + 0.6 * max(self.q[here]))
        explores = self.rng.random() < 0.15
        self.action = (
            self.rng.randrange(len(self.gains)) if explores else self.q[here].index(max(self.q[here]))
        )
        self.state, self.iterator, self.reward_sum = here, 0, 0.0


def plain_seconds(stimuli: int, per_side: int, interval: int) -> float:
    """Seconds of processor time for one step of as many agents of plain Python, from a tenth of them."""
    agents = [PlainAgent(stimuli, per_side, interval, seed) for seed in range(AGENTS // 10)]
    begun = time.process_time()
    for _ in range(10):
        for agent in agents:
            agent.step([0.2] * stimuli, 1)
    return time.process_time() - begun


def copy_seconds(values: Array) -> float:
    """Seconds of processor time for one copy."""
    into = np.empty_like(values)
    begun = time.process_time()
    for _ in range(50):
        np.copyto(into, values)
    return (time.process_time() - begun) / 50


def timed(call: Callable[[], Any], n: int = 60) -> float:
    """Mean seconds of processor time a call: draws are made a block of steps at a time."""
    begun = time.process_time()
    for _ in range(n):
        call()
    return (time.process_time() - begun) / n


@pytest.mark.parametrize("all_decide", [False, True], ids=["idle", "all-decide"])
@pytest.mark.parametrize(("stimuli", "per_side"), SIZES, ids=[f"n{n}-k{k}" for n, k in SIZES])
@pytest.mark.parametrize("specific", [True, False], ids=["state-best", "global-best"])
def test_a_step(benchmark: Any, stimuli: int, per_side: int, all_decide: bool, specific: bool) -> None:
    """Target: below 5 ms where all decide, draws included."""
    minutes = 0.0 if all_decide else 1e6
    memory = RLGain(
        update_dt=minutes, train_dur=1e7, state_space_per_side=per_side, state_specific_best=specific
    )
    step = Steps(memory, stimuli)
    step()
    seconds = benchmark.pedantic(lambda: timed(step), rounds=5)
    plain, copy = plain_seconds(stimuli, per_side, 1 if all_decide else 10**9), copy_seconds(step.state.q)
    benchmark.extra_info.update(
        ms_per_step=1e3 * seconds, times_plain_python=plain / seconds, copies_of_q=seconds / copy
    )
    print(f"\n{1e3 * seconds:.2f} ms, plain Python {1e3 * plain:.1f} ms, {seconds / copy:.1f} copies of Q")


@pytest.mark.parametrize("n", [32])
def test_replayed_transitions(benchmark: Any, n: int) -> None:
    """A block of n transitions for each of the agents."""
    memory = RLGain(state_space_per_side=1)
    step = Steps(memory, 1)
    rng = np.random.default_rng(0)
    shape = (n, AGENTS)
    block = Transitions(
        observation=rng.normal(0, 0.1, (*shape, 1)).astype(np.float32), action=rng.integers(0, 4, shape),
        reward=rng.random(shape).astype(np.float32),
        next_observation=rng.normal(0, 0.1, (*shape, 1)).astype(np.float32),
        terminated=np.zeros(shape, dtype=bool), truncated=np.zeros(shape, dtype=bool),
        weight=np.ones(shape, dtype=np.float32),
    )  # fmt: skip
    seconds = benchmark.pedantic(lambda: timed(lambda: memory.learn(step.state, block), 3), rounds=5)
    benchmark.extra_info["ns_per_transition"] = 1e9 * seconds / (n * AGENTS)
    print(f"\n{1e9 * seconds / (n * AGENTS):.0f} ns a transition")
