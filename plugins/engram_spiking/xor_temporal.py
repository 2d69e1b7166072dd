"""Exclusive or of two symbols that are coded by the times of spikes.

Florian 2007, Neural Computation 19:1468, section 4.2.2: symbols 0 and 1 are two spike trains of 50 spikes in
500 ms, drawn once; either of the two inputs fires the train of its symbol.
"""

from __future__ import annotations

import engram
from engram import Array, Context, RecipeError, Signal, Spec

from .presentation import BITS, Moment, Presentation, advance, begin, presentation, signal, steps_of


@engram.state
class TemporalState(Presentation):
    """The pattern shown, and the trains of both symbols."""

    trains: Array = engram.array("symbol", "moment", doc="spike train of each symbol")
    bits: Array = engram.fixed()


@engram.parameters
class XorTemporal(engram.Task):
    """Exclusive or of two spike trains: a spike of one unit is rewarded where they differ, else punished."""

    name = "xor-temporal"

    spikes: int = engram.param(default=50, ge=1, doc="spikes in the train of a symbol")
    duration: float = engram.param(default=0.5, gt=0, unit="s", doc="length of a train")
    epochs: int = engram.param(default=200, ge=1, doc="epochs with learning, each of all four patterns")
    probes: int = engram.param(default=10, ge=0, doc="epochs without learning that follow")

    @property
    def observation(self) -> Spec:
        """1 where an input fires."""
        return Spec(shape=(2,), axes=("input",), low=0.0, high=1.0)

    @property
    def action(self) -> Spec:
        """1 where the output unit fires."""
        return Spec(shape=(1,), axes=("output",), low=0.0, high=1.0)

    def trial_steps(self, dt: float) -> tuple[int, int]:
        """All patterns are shown equally long."""
        return (steps_of(self.duration, dt),) * 2

    def init(self, ctx: Context) -> TemporalState:
        """Draw the trains and the order of the patterns."""
        steps = steps_of(self.duration, ctx.dt)
        if self.spikes > steps:
            raise RecipeError(f"task.spikes: {self.spikes} do not fit into {steps} steps; lower it")
        rank = ctx.random("trains").uniform(2, steps).argsort(axis=-1).argsort(axis=-1)
        state: TemporalState = presentation(
            ctx, TemporalState, self.duration, self.epochs, self.probes,
            trains=(rank < self.spikes).astype(ctx.dtype), bits=ctx.xp.asarray(BITS),
        )  # fmt: skip
        return state

    def reset(self, state: TemporalState) -> Signal:
        """Show the first pattern."""
        return self._shown(state, begin(state))

    def step(self, state: TemporalState, action: Array | None) -> Signal:
        """Reward or punish the spike of this step, and go on."""
        assert action is not None
        return self._shown(state, advance(state, action))

    def _shown(self, state: TemporalState, now: Moment) -> Signal:
        firing = state.trains[state.rows[:, None], state.bits[state.pattern], now.place[:, None]]
        return signal(state, firing, now)
