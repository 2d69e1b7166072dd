"""What a step of 1 000 learning larvae costs: array code step by step, and the loop woven of task and memory.

Run with `OMP_NUM_THREADS=1 pytest benchmarks/bench_bodies.py -s`. Both leave the same bits, records and trials
included; both are timed in the same run, in turns, and nothing here fails because of a slow machine.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np
import pytest

import engram
import engram_larva
import engram_rl_gain
from engram.engine import prepare
from engram.plugins import Registry

LARVAE, STEPS = 1000, 1000
TASKS = {
    "odor": {"use": "odor-arena", "odors": [{"name": "CS", "x": -0.04, "food": True, "radius": 0.01}]},
    "touch": {"use": "touch-arena"},
}


def played(task: str, backend: str) -> tuple[float, dict[str, Any]]:
    """Seconds of processor time a step, and the last records."""
    registry = Registry(discover=False)
    registry.register(engram_larva, "larva")
    registry.register(engram_rl_gain, "rl-gain")
    recipe = {
        "run": {"steps": STEPS, "dt": 0.1, "batch": LARVAE, "seed": 1, "backend": backend},
        "task": TASKS[task],
        "memory": {"use": "rl-gain"},
        "record": {"every": 10, "variables": ["task.position", "task.output", "task.mode"]},
    }
    run = prepare(engram.resolve(recipe, plugins=registry))
    begun = time.process_time()
    chunks = list(run.chunks())
    return (time.process_time() - begun) / STEPS, chunks[-1].records


@pytest.mark.parametrize("task", TASKS)
def test_a_step_of_larvae(benchmark: Any, task: str) -> None:
    """Array code and Numba in turns; the ratio is of medians."""
    pytest.importorskip("numba")
    for backend in ("numpy", "numba"):
        played(task, backend)
    seconds: dict[str, list[float]] = {"numpy": [], "numba": []}
    for _ in range(5):
        records = {}
        for backend, taken in seconds.items():
            spent, records[backend] = played(task, backend)
            taken.append(spent)
        for name, rows in records["numpy"].items():
            np.testing.assert_array_equal(records["numba"][name][-1], rows[-1], err_msg=name)
    array_code, woven = (median(taken) for taken in seconds.values())
    benchmark.pedantic(lambda: played(task, "numba"), rounds=1)
    benchmark.extra_info.update(
        us_array_code=1e6 * array_code,
        us_woven=1e6 * woven,
        times=array_code / woven,
        ns_larva=1e9 * woven / LARVAE,
    )
    print(
        f"\n{task}: {1e6 * array_code:.0f} us array code, {1e6 * woven:.0f} us woven, {array_code / woven:.1f} x"
    )
