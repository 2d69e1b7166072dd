"""A step of M-STDP-ET, forward sum and update in one pass, against a copy of weights and eligibility.

Run with `NUMBA_NUM_THREADS=1 pytest benchmarks/bench_stdp.py -s`. A tenth of the units spike, traces are given
as they are to other simulators' synapses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engram.testing import Case
from engram_stdp import MSTDPET

SIZES = [(1, 256), (1, 1024), (1, 4096), (64, 256)]


def shortest(calls: list[Callable[[], Any]], repeats: int) -> list[float]:
    """Shortest CPU time of each, all in turns."""
    best = [np.inf] * len(calls)
    for _ in range(9):
        for index, call in enumerate(calls):
            begun = time.process_time()
            for _ in range(repeats):
                call()
            best[index] = min(best[index], (time.process_time() - begun) / repeats)
    return best


@pytest.mark.parametrize(("batch", "units"), SIZES)
def test_a_step_of_a_synapse(benchmark: Any, batch: int, units: int) -> None:
    synapse = MSTDPET(trace="given", learning_rate=1e-3)
    state = Case(synapse, units=(units, units), dt=0.001).driver(batch).state
    rng = np.random.default_rng(0)
    pre, post = ((rng.random((batch, units)) < 0.1).astype(np.float32) for _ in range(2))
    modulator = np.ones(batch, np.float32)
    source = np.ones((2, *state.w.shape), np.float32)
    other = np.empty_like(source)

    def step() -> None:
        synapse.advance(state, pre, post, modulator)

    step()
    repeats = max(1, int(2e7 / state.w.size))
    own, copy = shortest([step, lambda: np.copyto(other, source)], repeats)
    benchmark.pedantic(step, rounds=3)
    benchmark.extra_info.update(ns=1e9 * own / state.w.size, of_copy=copy / own)
    print(
        f"\n{batch}x{units}x{units}: {1e6 * own:.0f} us, {1e9 * own / state.w.size:.2f} ns, {copy / own:.2f} of copy"
    )
