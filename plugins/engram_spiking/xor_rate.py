"""Exclusive or of two bits that are coded by the rates of many inputs.

Florian 2007, Neural Computation 19:1468, section 4.2.1: a bit that is 1 is a Poisson rate of 40 Hz of all its
inputs, a bit that is 0 is silence. Input i codes bit i mod 2, so that a network may make any half of the
inputs inhibitory.
"""

from __future__ import annotations

import engram
from engram import Array, Context, Signal, Spec

from .presentation import BITS, Moment, Presentation, advance, begin, presentation, signal, steps_of


@engram.state
class RateState(Presentation):
    """The pattern shown, and the rates of each."""

    rates: Array = engram.fixed()


@engram.parameters
class XorRate(engram.Task):
    """Exclusive or of two rates: each spike of one unit is rewarded where the bits differ, else punished."""

    name = "xor-rate"

    inputs: int = engram.param(default=30, ge=1, doc="inputs of each bit")
    rate: float = engram.param(default=40.0, ge=0, unit="Hz", doc="rate that stands for 1")
    duration: float = engram.param(default=0.5, gt=0, unit="s", doc="how long a pattern is shown")
    epochs: int = engram.param(default=200, ge=1, doc="epochs with learning, each of all four patterns")
    probes: int = engram.param(default=10, ge=0, doc="epochs without learning that follow")

    @property
    def observation(self) -> Spec:
        """Rate of each input."""
        return Spec(shape=(2 * self.inputs,), axes=("input",), low=0.0, high=self.rate, unit="Hz")

    @property
    def action(self) -> Spec:
        """1 where the output unit fires."""
        return Spec(shape=(1,), axes=("output",), low=0.0, high=1.0)

    def trial_steps(self, dt: float) -> tuple[int, int]:
        """All patterns are shown equally long."""
        return (steps_of(self.duration, dt),) * 2

    def init(self, ctx: Context) -> RateState:
        """Draw the order of the patterns."""
        bits = ctx.xp.asarray(BITS, dtype=ctx.dtype)
        rates = self.rate * ctx.xp.tile(bits, (1, self.inputs))
        state: RateState = presentation(ctx, RateState, self.duration, self.epochs, self.probes, rates=rates)
        return state

    def reset(self, state: RateState) -> Signal:
        """Show the first pattern."""
        return self._shown(state, begin(state))

    def step(self, state: RateState, action: Array | None) -> Signal:
        """Reward or punish the spike of this step, and go on."""
        assert action is not None
        return self._shown(state, advance(state, action))

    def _shown(self, state: RateState, now: Moment) -> Signal:
        return signal(state, state.rates.take(state.pattern, axis=0), now)
