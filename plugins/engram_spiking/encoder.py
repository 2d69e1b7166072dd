"""Input layers: how what a network sees becomes spikes.

    spike-input  the observation itself, 1 where a unit fires
    poisson      p(spike) = x dt, x a rate in Hz                          (1)
    bernoulli    p(spike) = x                                             (2)
    latency      one spike a trial, after W (1 - x), none where x <= 0    (3)

x is held within 0 and 1 in (2) and (3); W is the longest latency.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Context, Signal, Stream

from .activity import Activity, activity, followed, noted, seen, smoothed


@engram.rule("spikes[b,n]+ x[b,n] draw[b,n]; scale")
def bernoulli(x: float, draw: float, scale: float) -> float:
    """Equations (1), with `scale` dt, and (2), with `scale` 1; `draw` is uniform in [0, 1)."""
    return 1.0 if draw < x * scale else 0.0


@engram.rule("rate[b,n]& spikes[b,n]+ x[b,n] draw[b,n]; scale forgets gain")
def chance(rate: float, x: float, draw: float, scale: float, forgets: float, gain: float) -> Any:
    """What `bernoulli` does, and the rate."""
    spike = 1.0 if draw < x * scale else 0.0
    return followed(rate, spike, forgets, gain), spike


@engram.rule("spikes[b,n]+ x[b,n] elapsed[b]; window")
def latency(x: float, elapsed: float, window: float) -> float:
    """Equation (3); `elapsed` and `window` in steps."""
    late = window * (1.0 - min(x, 1.0))
    return 1.0 if x > 0.0 and elapsed <= late < elapsed + 1.0 else 0.0


@engram.state
class RandomInput(Activity):
    """An input layer that draws."""

    luck: Stream = engram.fixed()
    scale: float = engram.fixed()


@engram.state
class TimedInput(Activity):
    """An input layer that counts the steps of a trial."""

    elapsed: Array = engram.array(unit="step", doc="steps since the trial began")
    window: float = engram.fixed()


@engram.parameters
class SpikeInput(engram.Memory):
    """An input layer whose units fire where the observation is 1."""

    name = "spike-input"

    tau_rate: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rate")

    def init(self, ctx: Context) -> Activity:
        """Return a silent layer."""
        state: Activity = activity(ctx, Activity, seen(ctx), self.tau_rate)
        return state

    def step(self, state: Activity, signal: Signal) -> Array | None:
        """Fire as seen; returns the spikes (batch, unit)."""
        state.spikes[...] = signal.observation
        smoothed(state.rate, state.spikes, *state.smoothing)
        return noted(state)


@engram.parameters
class Poisson(engram.Memory):
    """An input layer whose units fire at random, at the rates in Hz that they see: equation (1)."""

    name = "poisson"

    tau_rate: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rate")

    def init(self, ctx: Context) -> RandomInput:
        """Return a silent layer."""
        return _drawing(ctx, self.tau_rate, ctx.dt)

    def step(self, state: RandomInput, signal: Signal) -> Array | None:
        """Fire by chance; returns the spikes (batch, unit)."""
        return _drawn(state, signal)


@engram.parameters
class Bernoulli(engram.Memory):
    """An input layer whose units fire in each step with the probability that they see: equation (2)."""

    name = "bernoulli"

    tau_rate: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rate")

    def init(self, ctx: Context) -> RandomInput:
        """Return a silent layer."""
        return _drawing(ctx, self.tau_rate, 1.0)

    def step(self, state: RandomInput, signal: Signal) -> Array | None:
        """Fire by chance; returns the spikes (batch, unit)."""
        return _drawn(state, signal)


@engram.parameters
class Latency(engram.Memory):
    """An input layer whose units fire once a trial, the sooner the more they see: equation (3)."""

    name = "latency"

    window: float = engram.param(default=0.1, gt=0, unit="s", symbol="W", doc="longest latency")
    tau_rate: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rate")

    def init(self, ctx: Context) -> TimedInput:
        """Return a silent layer."""
        window = float(round(self.window / ctx.dt))
        state: TimedInput = activity(ctx, TimedInput, seen(ctx), self.tau_rate, window=window)
        return state

    def step(self, state: TimedInput, signal: Signal) -> Array | None:
        """Fire when it is time; returns the spikes (batch, unit)."""
        state.elapsed[...] = (state.elapsed + 1) * ~signal.start
        latency(state.spikes, signal.observation, state.elapsed, state.window)
        smoothed(state.rate, state.spikes, *state.smoothing)
        return noted(state)


def _drawing(ctx: Context, tau: float, scale: float) -> RandomInput:
    state: RandomInput = activity(ctx, RandomInput, seen(ctx), tau, luck=ctx.random("spikes"), scale=scale)
    return state


def _drawn(state: RandomInput, signal: Signal) -> Array | None:
    draw = state.luck.uniform(state.spikes.shape[1])
    chance(state.rate, state.spikes, signal.observation, draw, state.scale, *state.smoothing)
    return noted(state)
