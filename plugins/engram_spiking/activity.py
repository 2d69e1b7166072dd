"""What every layer of a spiking network has: who fires now, and how often of late.

The rate is an average that forgets with the time constant tau,

    f <- f exp(-dt / tau) + s (1 - exp(-dt / tau)) / dt                   (1)
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Context, Events


@engram.state
class Activity:
    """Spikes of a layer."""

    spikes: Array = engram.array("unit", doc="1 where a unit fires in this step")
    rate: Array = engram.array("unit", unit="Hz", doc="firing rate of late", record=True)
    fired: Events = engram.events("unit", doc="a spike", record=False)
    smoothing: tuple[float, float] = engram.fixed()


@engram.rule("rate[b,n]& spikes[b,n]; kept gain")
def smoothed(rate: float, spikes: float, kept: float, gain: float) -> float:
    """Equation (1)."""
    return kept * rate + gain * spikes


def smoothing(dt: float, tau: float) -> tuple[float, float]:
    """Return what equation (1) keeps of the rate, and what a spike adds to it in Hz."""
    kept = decay(dt, tau)
    return kept, (1.0 - kept) / dt


def decay(dt: float, tau: float) -> float:
    """Return exp(-dt / tau), the same on every machine."""
    import numpy as np

    return float(engram.exact.exp(np.array([-dt / tau]))[0])


def note(state: Activity) -> None:
    """Follow the rate and note the spikes of this step."""
    smoothed(state.rate, state.spikes, *state.smoothing)
    if state.fired.buffer is not None:
        state.fired.add(state.spikes > 0)


def activity(ctx: Context, cls: type[Any], units: int, tau: float, **given: Any) -> Any:
    """Make the state of a layer of so many units whose rate forgets with `tau` s."""
    return ctx.state(cls, sizes={"unit": units}, smoothing=smoothing(ctx.dt, tau), **given)
