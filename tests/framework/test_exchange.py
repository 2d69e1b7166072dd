"""What passes between task and memory: anything but what the task declares is one clear line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, Signal, Spec
from engram.engine import prepare
from engram.errors import EngramError
from engram.plugins import Registry
from engram.recipe import Recipe

Make = Callable[..., Recipe]


@engram.state
class OddState:
    ctx: Context = engram.fixed()


@engram.parameters
class OddTask(engram.Task):
    """Sends signals that are not as declared."""

    name = "odd-task"
    how: str = engram.param(default="", doc="what is wrong")
    observation = Spec(shape=(3,))
    action = Choice(3)

    def init(self, ctx: Context) -> OddState:
        return ctx.state(OddState, ctx=ctx)

    def reset(self, state: OddState) -> Any:
        ctx = state.ctx
        fields: dict[str, Any] = {
            "observation": {"observation": ctx.zeros()},
            "wide observation": {"observation": ctx.zeros(3).astype(np.float64)},
            "whole reward": {"reward": np.zeros(ctx.batch, dtype=np.int64)},
            "column reward": {"reward": ctx.zeros(1)},
            "start": {"start": ctx.zeros()},
            "one end": {"end": False},
        }.get(self.how, {})
        return None if self.how == "none" else ctx.signal(**{"observation": ctx.zeros(3), **fields})

    def step(self, state: OddState, action: Array) -> Any:
        return self.reset(state)

    def finished(self, state: OddState) -> Array:
        return np.zeros(state.ctx.batch, dtype=np.int64 if self.how == "finished" else bool)


@engram.parameters
class OddMemory(engram.Memory):
    """Answers with actions that the task does not take."""

    name = "odd-memory"
    how: str = engram.param(default="", doc="what is wrong")

    def init(self, ctx: Context) -> OddState:
        return ctx.state(OddState, ctx=ctx)

    def step(self, state: OddState, signal: Signal) -> Any:
        action = np.zeros(state.ctx.batch, dtype=np.int64)
        return {
            "none": None,
            "column": action[:, None],
            "one": action[:1],
            "real": action + 0.5,
            "truth": action > 0,
            "small": action.astype(np.int32),
        }.get(self.how, action)


class OddPlugin:
    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [OddTask]

    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [OddMemory]


@pytest.fixture
def steps(make: Make, plugins: Registry) -> Callable[[str, str], int]:
    """Run the odd pair in float32; return the number of steps."""
    plugins.register(OddPlugin(), "odd")

    def stepped(task: str, memory: str) -> int:
        recipe = make(
            "run.dtype=float32",
            task={"use": "odd-task", "how": task},
            memory={"use": "odd-memory", "how": memory},
            record={"variables": []},
        )
        run = prepare(recipe)
        for _ in run.chunks():
            pass
        return run.step

    return stepped


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("observation", r"signal.observation must be \(3, 3\) float32, not \(3,\) float32"),
        ("wide observation", r"signal.observation must be \(3, 3\) float32, not \(3, 3\) float64"),
        ("whole reward", r"signal.reward must be \(3,\) float32, not \(3,\) int64"),
        ("column reward", r"signal.reward must be \(3,\) float32, not \(3, 1\) float32"),
        ("start", r"signal.start must be \(3,\) bool, not \(3,\) float32"),
        ("one end", r"signal.end must be an array \(3,\) bool, not bool"),
        ("none", "must return a Signal, not NoneType"),
        ("finished", r"finished\(\) must be \(3,\) bool, not \(3,\) int64"),
    ],
)
def test_a_signal_that_is_not_as_declared_is_refused_by_name(
    steps: Callable[[str, str], int], how: str, message: str
) -> None:
    with pytest.raises(EngramError, match=f"task 'odd-task': {message}"):
        steps(how, "")


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("none", "an array (3,) int64, not NoneType"),
        ("column", "(3,) int64, not (3, 1) int64"),
        ("one", "(3,) int64, not (1,) int64"),
        ("real", "(3,) int64, not (3,) float64"),
        ("truth", "(3,) int64, not (3,) bool"),
    ],
)
def test_an_action_that_the_task_does_not_take_is_refused(
    steps: Callable[[str, str], int], how: str, found: str
) -> None:
    with pytest.raises(EngramError) as caught:
        steps("", how)
    assert str(caught.value) == f"memory 'odd-memory': the action must be {found}"


def test_a_choice_may_be_any_kind_of_integer(steps: Callable[[str, str], int]) -> None:
    assert steps("", "small") == 60
