"""How fast M-STDP-ET is in float32 on one thread: processor time of a step beside that of a copy.

Run with `NUMBA_NUM_THREADS=1 pytest benchmarks/bench_stdp.py -s`. A step is the weighted sum of the input and the
change of all weights, with one unit in ten spiking and a modulator that is never 0. In one pass it is
`advance`; in two, `propagate` and then `learn`. The copy moves what no step can do without: weights and
eligibility, read once and written once. All take turns, and the shortest of many rounds counts; nothing here
fails because of a slow machine.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest

from engram.rules import target
from engram.testing import Case
from engram_cli.timing import shortest
from engram_cli.workload import copying
from engram_stdp import MSTDPET

pytest.importorskip("numba")

SIZES = {"256": (1, 256), "1024": (1, 1024), "4096": (1, 4096), "16x256": (16, 256), "16x1024": (16, 1024)}
BYTES = 16
"""Of a synapse: weight and eligibility, read and written."""
DIFFERENT = 64
SECONDS = 6.0


class Connection:
    """A connection of as many units to as many, with spikes and modulators that come round again.

    Args:
        replicas: Each with weights of its own.
        units: On either side.
    """

    def __init__(self, replicas: int, units: int) -> None:
        rng = np.random.default_rng(1)
        self._synapse = MSTDPET(learning_rate=0.01)
        self._state = Case(self._synapse, units=(units, units), dt=0.001).driver(replicas).state
        spikes = (rng.random((2, DIFFERENT, replicas, units)) < 0.1).astype(np.float32)
        modulator = rng.choice([-1, 1], (DIFFERENT, replicas)).astype(np.float32)
        self._given = itertools.cycle(zip(*spikes, modulator, strict=True))

    def in_one_pass(self) -> None:
        pre, post, modulator = next(self._given)
        self._synapse.advance(self._state, pre, post, modulator)

    def in_two_passes(self) -> None:
        pre, post, modulator = next(self._given)
        self._synapse.propagate(self._state, pre)
        self._synapse.learn(self._state, pre, post, modulator)


@pytest.mark.parametrize(("replicas", "units"), SIZES.values(), ids=SIZES)
def test_a_step_of_mstdp_et(benchmark: Any, replicas: int, units: int) -> None:
    """Target: 90 % of the copy in one pass."""
    synapses = replicas * units**2
    connection = Connection(replicas, units)
    calls = [connection.in_one_pass, connection.in_two_passes, copying(BYTES * synapses, np)]
    with target.chosen("numba"):
        times = shortest(calls, np, SECONDS, time.process_time)
        benchmark.pedantic(calls[0], rounds=5)
    one, two, copy = (1e9 * item / synapses for item in times)
    benchmark.extra_info.update(ns_per_synapse=one, fraction_of_copy=copy / one, passes=two / one)
    print(
        f"\n{one:.3f} ns a synapse in one pass, {copy / one:.2f} of copy ({copy:.3f});"
        f" {two:.3f} in two, {copy / two:.2f} of copy, {two / one:.2f} times as long"
    )
