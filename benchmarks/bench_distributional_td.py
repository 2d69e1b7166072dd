"""A population of predictors: ns for each predictor and step, against a copy of as many numbers in the same run.

Run with `NUMBA_NUM_THREADS=1 pytest benchmarks/bench_distributional_td.py -s`. Trials of 25 steps, one cue and
one reward; drl_sim needs about 80 us.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
from engram.engine import Run, prepare

STEPS = 25
LOG = ("memory.value", "memory.delta")
NUMBA = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")


def run_of(predictors: int, trials: int, backend: str, log: tuple[str, ...]) -> Run:
    tables = {
        "run": {"steps": STEPS * trials, "dt": 0.1, "batch": 1, "seed": 1, "backend": backend},
        "task": {"use": "conditioning", "preset": "schultz-1997", "dt": 0.1, "trials": trials, "code": "active"},
        "memory": {
            "use": "distributional-td", "predictors": predictors, "asymmetry": {"grid": [0.1, 0.9]},
            "gamma": 0.98, "lam": 0.9, "update": "trial",
        },
        "record": {"variables": list(log), "trials": False},
    }  # fmt: skip
    return prepare(engram.resolve(tables))


def seconds(predictors: int, trials: int, backend: str, log: tuple[str, ...]) -> float:
    """CPU time of all chunks but the first, which compiles, for each predictor and step."""
    run = run_of(predictors, trials, backend, log)
    chunks = run.chunks()
    next(chunks)
    first, begun = run.step, time.process_time()
    for _ in chunks:
        pass
    return (time.process_time() - begun) / (run.step - first) / predictors


def copied() -> float:
    """CPU time to copy one float32 of many."""
    source = np.ones(1 << 22, np.float32)
    target = np.empty_like(source)
    times = []
    for _ in range(9):
        begun = time.process_time()
        target[...] = source
        times.append(time.process_time() - begun)
    return min(times) / source.size


CASES = [
    pytest.param("numba", 1000, 1000, LOG, 4.0, marks=NUMBA, id="numba, full log"),
    pytest.param("numba", 1000, 1000, (), 1.0, marks=NUMBA, id="numba, no log"),
    pytest.param("numba", 100, 1000, (), None, marks=NUMBA, id="numba, 100 predictors, no log"),
    pytest.param("numba", 10_000, 200, (), None, marks=NUMBA, id="numba, 10 000 predictors, no log"),
    pytest.param("numpy", 1000, 400, (), 60.0, id="NumPy, no log"),
    pytest.param("numpy", 1000, 400, LOG, 60.0, id="NumPy, full log"),
]


@pytest.mark.parametrize(("backend", "predictors", "trials", "log", "target"), CASES)
def test_a_predictor_step(
    benchmark: Any, backend: str, predictors: int, trials: int, log: tuple[str, ...], target: float | None
) -> None:
    """Targets on an idle core: 4 ns with a full log, 1 ns without, 60 ns with NumPy alone."""
    found = benchmark.pedantic(lambda: seconds(predictors, trials, backend, log), rounds=3)
    best = min(found, seconds(predictors, trials, backend, log))
    number = copied()
    benchmark.extra_info.update(ns=1e9 * best, copies=best / number, target=target)
    wanted = "" if target is None else f", target {target:g}"
    print(f"\n{1e9 * best:.2f} ns a predictor-step{wanted}; copying a number {1e9 * number:.2f} ns")


@NUMBA
def test_a_file_with_all_of_it(benchmark: Any, tmp_path: Path) -> None:
    """The same with everything written to a file."""

    def written() -> float:
        run = run_of(1000, 1000, "numba", LOG)
        begun = time.process_time()
        engram.run(run.recipe, out=tmp_path / "all.h5", force=True)
        return time.process_time() - begun

    spent = benchmark.pedantic(written, rounds=2)
    size = (tmp_path / "all.h5").stat().st_size
    print(f"\n{1e9 * spent / (1000 * 1000 * STEPS):.2f} ns a predictor-step; {size / 2**20:.0f} MiB")
