"""The four patterns of exclusive or, shown one after the other in random order.

Florian 2007, Neural Computation 19:1468, section 4.2: an epoch shows each of {0,0}, {0,1}, {1,0}, {1,1} once,
in random order. Each spike of the output unit earns +1 where the two bits differ and -1 where they do not,

    r(t + dt) = +-f_out(t)                                                (1)

A trial is one pattern. Its last signal has `end`, and what the network does then earns nothing.
"""

from __future__ import annotations

from typing import Any

import attrs

import engram
from engram import Array, Context, RecipeError, Signal

BITS = ((0, 0), (0, 1), (1, 0), (1, 1))


@engram.rule(
    "tick[b]& trial[b]+ place[b]+ reward[b]+ start[b]+ end[b]+ learn[b]+ pattern[b] spikes[b]; "
    "steps learnt last"
)
def go(tick: int, pattern: int, spikes: float, steps: float, learnt: float, last: float) -> Any:
    """The next step, and equation (1) for the spikes of the one before."""
    tick = tick + 1
    trial = tick // int(steps)
    place = tick % int(steps)
    reward = (1.0 if pattern == 1 or pattern == 2 else -1.0) * spikes * float(place > 0)
    return (
        tick,
        min(trial, int(last)),
        place,
        reward,
        place == 0,
        place == int(steps) - 1,
        trial < int(learnt),
    )


@attrs.frozen
class Moment:
    """A step within its trial, each (batch,).

    Attributes:
        place: Steps since the trial began.
        reward: Equation (1), 0 where the trial was over.
        start: Whether the trial begins; `end` whether this is its last step.
        learn: Whether the epoch is one with learning.
    """

    place: Array
    reward: Array
    start: Array
    end: Array
    learn: Array


@engram.state
class Presentation:
    """Which pattern is shown, and since when."""

    pattern: Array = engram.array(
        dtype="int8", doc="pattern shown: 0 {0,0}, 1 {0,1}, 2 {1,0}, 3 {1,1}", record=True
    )
    tick: Array = engram.array(dtype="int32", unit="step", doc="steps since the task began")
    order: Array = engram.fixed(per_replica=True)
    rows: Array = engram.fixed()
    limits: tuple[int, int, int] = engram.fixed()
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
    order = shown.reshape(ctx.batch, -1).astype("int8")
    return ctx.state(
        cls, order=order, rows=ctx.xp.arange(ctx.batch), tick=ctx.zeros(dtype="int32") - ctx.xp.int32(1),
        limits=(steps_of(duration, ctx.dt), len(BITS) * epochs, order.shape[1] - 1),
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


def begin(state: Presentation) -> Moment:
    """Show the first pattern; nothing was earned."""
    return attrs.evolve(advance(state, state.ctx.zeros(1)), reward=state.ctx.zeros())


def advance(state: Presentation, action: Array) -> Moment:
    """Go to the next step and set its pattern; `action` (batch, 1) are the spikes of the step before."""
    trial, place = (state.ctx.xp.empty_like(state.tick) for _ in range(2))
    start, end, learn = (state.ctx.xp.empty_like(state.whole) for _ in range(3))
    spikes = action[:, 0]
    reward = state.ctx.xp.empty_like(spikes)
    go(state.tick, trial, place, reward, start, end, learn, state.pattern, spikes, *state.limits)
    state.pattern[...] = state.order[state.rows, trial]
    return Moment(place, reward, start, end, learn)


def signal(state: Presentation, observation: Array, now: Moment) -> Signal:
    """Return the signal of this step; its outcome is the pattern."""
    return Signal(
        observation, now.reward, now.start, now.end, state.whole, now.learn, outcome=state.pattern.copy()
    )
