"""A protocol of spikes and rewards at given times, as in figure 1 of Florian 2007."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

import engram
from engram import Array, Context, Signal, Spec

Times: TypeAlias = tuple[tuple[float, ...], ...]


@engram.state
class Protocol:
    """Where a replica is in the protocol."""

    elapsed: Array = engram.array(unit="step", dtype="int64", doc="next step of the protocol")
    spikes: Array = engram.fixed()
    reward: Array = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class SpikeProtocol(engram.Task):
    """Shows spikes of pre- and postsynaptic units at given times, with a reward that changes at given times.

    The reward of a step comes with the next signal, as what the spikes of that step have earned. After
    `duration` all is silent.
    """

    name = "spike-protocol"
    action = None

    pre: Times = engram.param(default=((0.005,),), unit="s", doc="spike times of each presynaptic unit")
    post: Times = engram.param(default=((0.01,),), unit="s", doc="likewise of each postsynaptic unit")
    reward: tuple[tuple[float, float], ...] = engram.param(
        default=((0.0, 1.0),), doc="pairs of a time in s and the reward of each step from then on; 0 before"
    )
    duration: float = engram.param(default=0.2, gt=0, lt=math.inf, unit="s", doc="length of the protocol")

    def check(self) -> None:
        """Everything happens within the duration."""
        times = [time for row in (*self.pre, *self.post) for time in row] + [time for time, _ in self.reward]
        late = [time for time in times if not 0 <= time < self.duration]
        if not all(math.isfinite(value) for _, value in self.reward):
            raise ValueError("reward: must be finite; inf times an eligibility of 0 would be no number")
        if late:
            raise ValueError(f"a spike or a reward at {late[0]:g} s lies outside 0 to {self.duration:g} s")
        if not self.pre or not self.post:
            raise ValueError("pre and post must have at least one unit each; [] stands for a silent one")

    @property
    def observation(self) -> Spec:
        """Spikes of the presynaptic units, then of the postsynaptic ones."""
        labels = [f"pre {unit}" for unit in range(len(self.pre))]
        labels += [f"post {unit}" for unit in range(len(self.post))]
        return Spec(shape=(len(labels),), low=0, high=1, axes=("unit",), labels=tuple(labels))

    def init(self, ctx: Context) -> Protocol:
        """Lay spikes and rewards out in steps."""
        steps = round(self.duration / ctx.dt)
        spikes = np.zeros((steps + 2, len(self.pre) + len(self.post)))
        for unit, times in enumerate((*self.pre, *self.post)):
            for time in times:
                spikes[round(time / ctx.dt), unit] = 1
        reward = np.zeros(steps + 2)
        for time, value in sorted(self.reward):
            reward[round(time / ctx.dt) + 1 : steps + 1] = value
        host: dict[str, Any] = {"spikes": spikes, "reward": reward}
        given = {name: ctx.xp.asarray(values.astype(ctx.dtype)) for name, values in host.items()}
        return ctx.state(Protocol, ctx=ctx, **given)

    def schedule(self, state: Protocol, steps: int) -> Signal:
        """Return the next signals."""
        xp = state.ctx.xp
        ahead = state.elapsed + xp.arange(steps)[:, None]
        row = xp.minimum(ahead, len(state.reward) - 1)
        state.elapsed += steps
        never = xp.zeros(row.shape, dtype="bool")
        return Signal(
            observation=state.spikes[row],
            reward=state.reward[row],
            start=ahead == 0,
            end=never,
            truncated=never,
            learn=~never,
            outcome=xp.full(row.shape, -1, dtype="int8"),
        )
