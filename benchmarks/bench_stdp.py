"""How fast M-STDP-ET is in float32 on one thread: processor time of a step beside that of a copy.

Run with `NUMBA_NUM_THREADS=1 pytest benchmarks/bench_stdp.py -s`. A step is the weighted sum of the input and the
change of all weights. The copy moves what no step can do without that touches all weights: weights and
eligibility, read once and written once. All take turns, and the shortest of many rounds counts; nothing here
fails because of a slow machine.

- Of dense steps one unit in ten spikes and the modulator is never 0. A step is one call, `advance`; or two,
  `propagate` and `learn`; or one of 32 in a call, `advance_steps`.
- Evaluations are compared where one unit in a hundred spikes and the modulator is 0 but in every 100th step.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
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
STEPS = 32
SPARSE = 100
SECONDS = 6.0


class Connection:
    """A connection of as many units to as many, with spikes and modulators that come round again.

    Args:
        replicas: Each with weights of its own.
        units: On either side.
        rate: Probability that a unit spikes in a step.
        every: The modulator is 0 but in every so manieth step.
        steps: After which all comes round again.
        evaluation: Of the synapse.
    """

    def __init__(
        self, replicas: int, units: int, rate: float, every: int, steps: int, evaluation: Any = "dense"
    ) -> None:
        rng = np.random.default_rng(1)
        self._synapse = MSTDPET(learning_rate=0.01, evaluation=evaluation)
        self._state = Case(self._synapse, units=(units, units), dt=0.001).driver(replicas).state
        spikes = (rng.random((2, steps, replicas, units)) < rate).astype(np.float32)
        modulator = rng.choice([-1, 1], (steps, replicas)).astype(np.float32)
        modulator[np.arange(steps) % every != every - 1] = 0
        given = (*spikes, modulator)
        self._given = itertools.cycle(list(zip(*given, strict=True)))
        self._known = [np.moveaxis(item, 0, 1).copy() for item in given]
        self._steps = steps

    def in_one_call(self) -> None:
        self._synapse.advance(self._state, *next(self._given))

    def in_two_calls(self) -> None:
        pre, post, modulator = next(self._given)
        self._synapse.propagate(self._state, pre)
        self._synapse.learn(self._state, pre, post, modulator)

    def known(self) -> None:
        self._synapse.advance_steps(self._state, *self._known)

    def all_in_calls(self) -> None:
        for _ in range(self._steps):
            self.in_one_call()


def nanoseconds(calls: dict[str, tuple[Callable[[], None], int]], synapses: int) -> dict[str, float]:
    """Return ns a synapse and step of each call, which is so many steps, and of the copy."""
    copy = copying(BYTES * synapses, np)
    with target.chosen("numba"):
        times = shortest([*(call for call, _ in calls.values()), copy], np, SECONDS, time.process_time)
    steps = [steps for _, steps in calls.values()] + [1]
    scaled = (1e9 * item / synapses / many for item, many in zip(times, steps, strict=True))
    return dict(zip([*calls, "copy"], scaled, strict=True))


def shown(found: dict[str, float]) -> str:
    """Name, time and fraction of the copy of each."""
    return "; ".join(f"{name} {ns:.3f} ns, {found['copy'] / ns:.2f} of copy" for name, ns in found.items())


@pytest.mark.parametrize(("replicas", "units"), SIZES.values(), ids=SIZES)
def test_a_step_that_touches_all_weights(benchmark: Any, replicas: int, units: int) -> None:
    """Target: 90 % of the copy."""
    one, two, many = (Connection(replicas, units, 0.1, 1, STEPS) for _ in range(3))
    calls = {
        "one call": (one.in_one_call, 1), "two calls": (two.in_two_calls, 1), "of 32 steps": (many.known, STEPS),
    }  # fmt: skip
    found = nanoseconds(calls, replicas * units**2)
    with target.chosen("numba"):
        benchmark.pedantic(one.in_one_call, rounds=5)
    benchmark.extra_info.update(found)
    print(f"\n{shown(found)}")


@pytest.mark.parametrize("units", [1024, 3072])
def test_a_step_where_little_happens(benchmark: Any, units: int) -> None:
    """Target at 3072: event-driven 8 times as fast as dense."""
    kinds = ("dense", "lazy", "event-driven")
    made = {kind: Connection(1, units, 0.01, SPARSE, SPARSE, kind) for kind in kinds}
    found = nanoseconds({kind: (made[kind].all_in_calls, SPARSE) for kind in kinds}, units**2)
    with target.chosen("numba"):
        benchmark.pedantic(made["event-driven"].in_one_call, rounds=5)
    benchmark.extra_info.update(found)
    times = ", ".join(f"{kind} {found['dense'] / found[kind]:.1f}" for kind in kinds[1:])
    print(f"\n{shown(found)}; times as fast as dense: {times}")
