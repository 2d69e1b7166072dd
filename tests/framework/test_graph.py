"""Steps captured once and replayed: with a device that replays by calling again, since only a GPU has graphs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engram.engine import Run, prepare
from engram.recipe import Recipe
from engram.rules.graph import Launch, StepGraph

Make = Callable[..., Recipe]
CASES: dict[str, dict[str, Any]] = {
    "closed loop": {},
    "sweep": {"sweep": {"memory.rate": [0.1, 0.6]}},
    "each step": {"record": {"every": 1, "variables": ["memory.value", "task.reward", "task.observation"]}},
    "no trials": {"record": {"every": 3, "trials": False}},
}


class Replay:
    """Captures a call by keeping it."""

    def __init__(self) -> None:
        self.captured = self.launched = 0

    def inside(self, call: Launch) -> None:
        call()

    def capture(self, call: Launch) -> Launch:
        self.captured += 1

        def launch() -> None:
            self.launched += 1
            run: Run = call.func.__self__._run  # type: ignore[attr-defined]
            run.streams.clock.device = call.func.__self__._step  # type: ignore[attr-defined]
            call()
            run.streams.clock.device = None

        return launch

    def wait(self) -> None:
        return None


def found(run: Run) -> dict[str, np.ndarray[Any, Any]]:
    chunks = list(run.chunks())
    arrays = {path: np.concatenate([c.records[path] for c in chunks]) for path in chunks[0].records}
    arrays |= {f"trial.{key}": np.concatenate([c.trials[key] for c in chunks]) for key in chunks[0].trials}
    return {**arrays, "step": np.concatenate([chunk.steps for chunk in chunks])}


@pytest.mark.parametrize("chunk", [1, 2, 7, 60])
@pytest.mark.parametrize("case", CASES)
def test_replayed_steps_give_the_same_bits(make: Make, case: str, chunk: int) -> None:
    recipe = make(f"run.chunk={chunk}", **CASES[case])
    wanted = found(prepare(recipe))
    run, replay = prepare(recipe), Replay()
    run.graph = StepGraph(run, replay)
    given = found(run)
    assert given.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(given[name], array, err_msg=name)
    assert (replay.captured, replay.launched) == (2, 58)


def test_what_cannot_be_captured_is_stepped_and_said_in_one_line(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(Replay):
        def capture(self, call: Launch) -> Launch:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    wanted = found(prepare(make()))
    run = prepare(make())
    run.graph = StepGraph(run, Refusing())
    with caplog.at_level(logging.WARNING, "engram"):
        given = found(run)
    for name, array in wanted.items():
        np.testing.assert_array_equal(given[name], array, err_msg=name)
    (line,) = caplog.messages
    assert line == (
        "lottery and average are stepped without a CUDA graph, more slowly: "
        "operation not permitted when stream is capturing"
    )
