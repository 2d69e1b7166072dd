"""What a step of the network of Florian 2007 costs, 60-60-1 cells, rate-coded exclusive or, one replica and 64.

Run with `NUMBA_NUM_THREADS=1 pytest benchmarks/bench_spiking.py -s`. A step is all of it: task, draws of the inputs, cells,
sums and changes of all weights, in float32 with Numba. It stands beside a copy of what no step can do without, weights
and eligibility read once and written once, beside its connections alone, and beside the draws of its inputs
alone. All take turns, and the shortest of many rounds of processor time counts; nothing here fails because of a slow
machine.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import engram
from engram.engine import prepare
from engram.random import Streams
from engram.rules import target
from engram_cli.timing import shortest
from engram_cli.workload import copying

pytest.importorskip("numba")

BATCHES = (1, 64)
BYTES = 16
"""Of a synapse: weight and eligibility, read and written."""
STEPS = 100
SECONDS = 10.0


class Network:
    """The network of the recipe in its task, all replicas learning.

    Args:
        batch: Replicas.
    """

    def __init__(self, batch: int) -> None:
        overrides = [f"run.batch={batch}", 'run.backend="numba"', "sweep={}"]
        self._run = prepare(engram.resolve("florian-2007-rate", overrides))
        self._run.advance(STEPS)
        self._memory, self._state = self._run.memory, self._run.memory_state
        self._modulator = np.ones(batch, np.float32)
        self._streams = Streams(1, np.arange(batch), np, "float32")
        self._streams.clock.step = 0
        self._luck = self._streams.stream("luck")
        self.synapses = sum(connection.w.size for connection in self._state.connections.values())

    def steps(self) -> None:
        self._run.advance(STEPS)

    def connections(self) -> None:
        """Sums and changes only."""
        for _ in range(STEPS):
            for key, synapse in self._memory.connections.items():
                pre, post = (self._state.layers[name].spikes for name in self._state.routes[key])
                synapse.advance(self._state.connections[key], pre, post, self._modulator)

    def draws(self) -> None:
        """Numbers for the inputs only."""
        for _ in range(STEPS):
            self._streams.clock.step += 1
            self._luck.uniform(60)


@pytest.mark.parametrize("batch", BATCHES)
def test_a_step_of_the_network(benchmark: Any, batch: int) -> None:
    """Targets: no more for a synapse with 64 replicas than with one, and there at most three times the copy."""
    network = Network(batch)
    copy = copying(BYTES * network.synapses, np)
    calls = [network.steps, network.connections, network.draws, lambda: [copy() for _ in range(STEPS)]]
    with target.chosen("numba"):
        times = shortest(calls, np, SECONDS, time.process_time)
        benchmark.pedantic(calls[0], rounds=5)
    step, connections, draws, copied = (1e9 * item / STEPS / network.synapses for item in times)
    benchmark.extra_info.update(ns_per_synapse=step, times_the_copy=step / copied)
    print(
        f"\n{batch} replicas: {step * network.synapses / 1000:.0f} us a step, {step:.2f} ns a synapse,"
        f" {step / copied:.1f} times the copy ({copied:.3f} ns);"
        f" connections {connections:.2f} ns, draws {draws:.2f} ns"
    )
