"""Reaching: a point is moved towards a target, in one dimension or two.

A trial begins with the point at the origin and a target drawn uniformly from a cube around it. Each action is
a movement; it earns by how much the target came nearer. A trial ends at the target, or is cut short.
"""

from __future__ import annotations

import math
from typing import Any

import engram
from engram import Array, Context, Signal, Spec, Stream, exact


@engram.state
class ReachState:
    """Where point and target are, and where the trial stands."""

    position: Array = engram.array("direction", doc="the point", record=True)
    target: Array = engram.array("direction", doc="the target", record=True)
    moves: Array = engram.array(dtype="int32", doc="movements done in the trial")
    over: Array = engram.array(dtype="bool", doc="the trial is over")
    reached: Array = engram.array(dtype="bool", doc="the target was reached in the last trial", record=True)
    drawn: Stream = engram.fixed()
    ctx: Context = engram.fixed()


@engram.rule
def distance(position: Array, target: Array) -> Array:
    """Return how far a point is from a target, both rows of as many numbers."""
    total = 0.0
    for axis in range(len(target)):
        total += (target[axis] - position[axis]) * (target[axis] - position[axis])
    return exact.sqrt(total)


@engram.parameters
class Reach(engram.Task):
    """Continuous reaching: what is observed is the way to the target, what is done is a movement."""

    name = "reach"

    dimensions: int = engram.param(default=2, ge=1, le=2, doc="directions in which the point moves")
    half_width: float = engram.param(default=1.0, gt=0, lt=math.inf, doc="targets lie within +- this")
    radius: float = engram.param(default=0.2, gt=0, lt=math.inf, doc="how near is at the target")
    longest: float = engram.param(
        default=0.5, gt=0, lt=math.inf, doc="longest movement along one direction; longer ones are cut"
    )
    moves: int = engram.param(default=8, ge=1, doc="movements after which a trial is cut short")

    def check(self) -> None:
        """Some targets are beyond reach without a movement."""
        if self.radius >= self.half_width:
            raise ValueError("radius must be below half_width, else there is nothing to reach")

    @property
    def observation(self) -> Spec:
        """The way from point to target."""
        return Spec(shape=(self.dimensions,), axes=("direction",), labels=("x", "y")[: self.dimensions])

    @property
    def action(self) -> Spec:
        """A movement."""
        return self.observation

    def init(self, ctx: Context) -> ReachState:
        """Return the state before the first trial."""
        sizes = {"direction": self.dimensions}
        return ctx.state(ReachState, sizes=sizes, ctx=ctx, drawn=ctx.random("target", clock="trial"))

    def reset(self, state: ReachState) -> Signal:
        """Draw the first targets."""
        state.target[...] = self.half_width * (2 * state.drawn.uniform(self.dimensions) - 1)
        return state.ctx.signal(state.target.copy(), start=~state.ctx.zeros(dtype="bool"))

    @engram.scan
    def body(
        self: Any, action: Array, position: Array, target: Array, moves: Array, over: Array, reached: Array,
        drawn: Stream, observation: Array, reward: Array, start: Array, end: Array, truncated: Array,
        outcome: Array,
    ) -> None:  # fmt: skip
        """Move the point, or put out the next target."""
        if over:
            moves = 0
            start = True
            over = False
            for axis, place in enumerate(drawn.uniform(self.dimensions)):
                position[axis] = 0.0
                target[axis] = self.half_width * (2.0 * place - 1.0)
        else:
            before = distance(position, target)
            for axis in range(self.dimensions):
                position[axis] += min(max(action[axis], -self.longest), self.longest)
            left = distance(position, target)
            reward = before - left
            moves = moves + 1
            reached = left <= self.radius
            over = reached or moves == self.moves
            end = over
            truncated = over and not reached
            outcome = (1 if reached else 0) if over else -1
        for axis in range(self.dimensions):
            observation[axis] = target[axis] - position[axis]
