"""What every layer of a spiking network has: who fires now, and how often of late.

The rate is an average that forgets with the time constant tau,

    f <- f exp(-dt / tau) + s (1 - exp(-dt / tau)) / dt                   (1)
"""

from __future__ import annotations

from typing import Any

import numpy as np

import engram
from engram import Array, Choice, Context, Events, RecipeError


@engram.state
class Activity:
    """Spikes of a layer."""

    spikes: Array = engram.array("unit", doc="1 where a unit fires in this step")
    rate: Array = engram.array("unit", unit="Hz", doc="firing rate of late", record=True)
    fired: Events = engram.events("unit", doc="a spike", record=False)
    smoothing: tuple[float, float] = engram.fixed()
    acts: bool = engram.fixed()


@engram.rule
def followed(rate: float, spike: float, forgets: float, gain: float) -> float:
    """Equation (1); `forgets` is what a step leaves of the rate."""
    return forgets * rate + gain * spike


@engram.rule("rate[b,n]& spikes[b,n]; forgets gain")
def smoothed(rate: float, spikes: float, forgets: float, gain: float) -> Any:
    """Equation (1), for layers whose own rule does not follow the rate."""
    return followed(rate, spikes, forgets, gain)


def decay(dt: float, tau: float) -> float:
    """Return exp(-dt / tau), the same on every machine."""
    return float(engram.exact.exp(np.array([-dt / tau]))[0])


def activity(ctx: Context, cls: type[Any], units: int, tau: float, **given: Any) -> Any:
    """Make the state of a silent layer.

    Args:
        ctx: Of the layer.
        cls: The layer's state.
        units: Number of units.
        tau: Time constant of the rate in s.
        **given: Further fields of the state.

    Raises:
        RecipeError: It sees another number of values than it has units.
    """
    if ctx.observation is not None and seen(ctx) != units:
        raise RecipeError(f"{ctx.path}: has {units} units, but sees {seen(ctx)} numbers; change units")
    kept = decay(ctx.dt, tau)
    return ctx.state(
        cls,
        sizes={"unit": units},
        smoothing=(kept, (1.0 - kept) / ctx.dt),
        acts=ctx.action is not None,
        **given,
    )


def seen(ctx: Context) -> int:
    """Return how many numbers a layer sees in each step.

    Raises:
        RecipeError: It does not see a row of numbers.
    """
    space = ctx.observation
    if space is None:
        raise RecipeError(f"{ctx.path}: is an input layer, which no connection may reach; take cells")
    if isinstance(space, Choice) or len(space.shape) != 1:
        raise RecipeError(f"{ctx.path}: sees a row of numbers, (unit,), which this task does not show")
    return space.shape[0]


def noted(state: Any) -> Array | None:
    """Note the spikes of this step and return them where they are an action."""
    if state.fired.buffer is not None:
        state.fired.add(state.spikes > 0)
    return state.spikes if state.acts else None
