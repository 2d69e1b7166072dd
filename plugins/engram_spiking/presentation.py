"""The four patterns of exclusive or, shown one after the other in random order.

Florian 2007, Neural Computation 19:1468, section 4.2: an epoch shows each of {0,0}, {0,1}, {1,0}, {1,1} once,
in random order. Each spike of the output unit earns +1 where the two bits differ and -1 where they do not,

    r(t + dt) = +-f_out(t)                                                (1)

A trial is one pattern. Its last signal has `end`, and what the network does then earns nothing.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Context, RecipeError, Signal

BITS = ((0, 0), (0, 1), (1, 0), (1, 1))
_SIGNS = (-1.0, 1.0, 1.0, -1.0)


@engram.state
class Presentation:
    """Which pattern is shown, and since when."""

    pattern: Array = engram.array(
        dtype="int8", doc="pattern shown: 0 {0,0}, 1 {0,1}, 2 {1,0}, 3 {1,1}", record=True
    )
    tick: Array = engram.array(dtype="int32", unit="step", doc="steps since the task began")
    order: Array = engram.fixed(per_replica=True)
    signs: Array = engram.fixed()
    rows: Array = engram.fixed()
    steps: int = engram.fixed()
    learnt: int = engram.fixed()
    whole: Array = engram.fixed()
    ctx: Context = engram.fixed()


def presentation(
    ctx: Context, cls: type[Any], duration: float, epochs: int, probes: int, **given: Any
) -> Any:
    """Make the state of a task that shows the patterns.

    Args:
        ctx: Of the task.
        cls: The task's state.
        duration: Of a pattern in s.
        epochs: With learning.
        probes: Epochs without learning that follow; the last goes on for ever.
        **given: Further fields of the state.
    """
    shown = ctx.random("order").uniform(epochs + probes, len(BITS)).argsort(axis=-1)
    return ctx.state(
        cls, order=shown.reshape(ctx.batch, -1).astype("int8"), signs=ctx.xp.asarray(_SIGNS, dtype=ctx.dtype),
        rows=ctx.xp.arange(ctx.batch), steps=steps_of(duration, ctx.dt), learnt=len(BITS) * epochs,
        whole=ctx.zeros(dtype="bool"), ctx=ctx, **given,
    )  # fmt: skip


def steps_of(duration: float, dt: float) -> int:
    """Return how many steps a pattern is shown.

    Raises:
        RecipeError: Fewer than two, the start and the end.
    """
    steps = round(duration / dt)
    if steps < 2:
        raise RecipeError(f"task.duration: {duration:g} s is less than two steps of {dt:g} s; lengthen it")
    return steps


def show(state: Presentation) -> tuple[Array, Array]:
    """Set the pattern of this step; return the number of the trial and the step within it, (batch,) each."""
    trial = state.tick // state.steps
    last = state.order.shape[1] - 1
    state.pattern[...] = state.order[state.rows, state.ctx.xp.minimum(trial, last)]
    return trial, state.tick - trial * state.steps


def advance(state: Presentation, action: Array) -> Array:
    """Go to the next step; return equation (1), (batch,), 0 where the trial was over."""
    going = (state.tick + 1) % state.steps > 0
    reward = state.signs[state.pattern] * action[:, 0] * going
    state.tick += 1
    return reward


def signal(
    state: Presentation, observation: Array, trial: Array, place: Array, reward: Array | None
) -> Signal:
    """Return the signal of this step; its outcome is the pattern."""
    return Signal(
        observation,
        state.ctx.zeros() if reward is None else reward,
        start=place == 0,
        end=place == state.steps - 1,
        truncated=state.whole,
        learn=trial < state.learnt,
        outcome=state.pattern.copy(),
    )
