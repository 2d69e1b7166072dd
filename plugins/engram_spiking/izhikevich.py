"""Izhikevich's two-variable cell.

Izhikevich 2003, IEEE Transactions on Neural Networks 14:1569, times in ms, potentials in mV:

    dv/dt = 0.04 v^2 + 5 v + 140 - u + I                                  (1)
    du/dt = a (b v - u)                                                   (2)
    spike where v >= 30;  then v = c, u = u + d                           (3)

As in the program of that paper, a step takes two half Euler steps of v and then one of u.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Context, RecipeError, Signal, Stream

from .activity import Activity, activity, followed, noted

_PEAK = 30.0
_START = -65.0
_LONGEST = 0.002


@engram.rule
def slope(v: float, u: float, current: float) -> float:
    """Right-hand side of equation (1)."""
    return (0.04 * v + 5.0) * v + 140.0 - u + current


@engram.rule
def cell(
    v: float, u: float, current: float, a: float, b: float, c: float, d: float, step: float
) -> Any:  # fmt: skip
    """Equations (1) to (3) for a step in ms: v, u and 1 where it fires."""
    v = v + 0.5 * step * slope(v, u, current)
    v = v + 0.5 * step * slope(v, u, current)
    u = u + step * a * (b * v - u)
    spike = v >= _PEAK
    return (c if spike else v), (u + d if spike else u), (1.0 if spike else 0.0)


@engram.rule("v[b,n]& u[b,n]& spikes[b,n]+ current[b,n]; a b c d step")
def izhikevich(
    v: float, u: float, current: float, a: float, b: float, c: float, d: float, step: float
) -> Any:  # fmt: skip
    """Equations (1) to (3) for a step in ms."""
    return cell(v, u, current, a, b, c, d, step)


@engram.rule(
    "v[b,n]& u[b,n]& rate[b,n]& spikes[b,n]+ current[b,n] draw[b,n]; a b c d step noise forgets gain"
)
def noisy(
    v: float, u: float, rate: float, current: float, draw: float,
    a: float, b: float, c: float, d: float, step: float, noise: float, forgets: float, gain: float,
) -> Any:  # fmt: skip
    """What `izhikevich` does with noise about 0, and the rate; `draw` is uniform in [0, 1)."""
    v, u, spike = cell(v, u, current + noise * (draw - 0.5), a, b, c, d, step)
    return v, u, followed(rate, spike, forgets, gain), spike


@engram.state
class IzhikevichState(Activity):
    """Cells of Izhikevich."""

    v: Array = engram.array("unit", unit="mV", doc="membrane potential")
    u: Array = engram.array("unit", unit="mV/ms", doc="recovery")
    constants: tuple[float, ...] = engram.fixed()
    luck: Stream = engram.fixed()
    calm: Array = engram.fixed()


@engram.parameters
class Izhikevich(engram.Memory):
    """A layer of cells of Izhikevich 2003; the defaults are his regular spiking cell."""

    name = "izhikevich"

    units: int = engram.param(default=1, ge=1, doc="number of cells")
    a: float = engram.param(default=0.02, unit="1/ms", doc="rate of recovery")
    b: float = engram.param(default=0.2, unit="1/ms", doc="how recovery follows the potential")
    c: float = engram.param(default=-65.0, lt=_PEAK, unit="mV", doc="potential after a spike")
    d: float = engram.param(default=8.0, unit="mV/ms", doc="rise of recovery with a spike")

    noise: float = engram.param(
        default=0.0, ge=0, unit="mV/ms", doc="width of the uniform noise about 0 that is added to the input"
    )
    tau_rate: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rate")

    def init(self, ctx: Context) -> IzhikevichState:
        """Return cells at -65 mV, with u = b v.

        Raises:
            RecipeError: Steps are longer than 2 ms.
        """
        if ctx.dt > _LONGEST:
            raise RecipeError(f"{ctx.path}: diverges in steps of {ctx.dt:g} s; set run.dt to 0.001")
        constants = (self.a, self.b, self.c, self.d, 1000.0 * ctx.dt, self.noise)
        state: IzhikevichState = activity(
            ctx, IzhikevichState, self.units, self.tau_rate, constants=constants,
            luck=ctx.random("noise"), calm=ctx.zeros(self.units),
        )  # fmt: skip
        state.v += _START
        state.u += self.b * _START
        return state

    def step(self, state: IzhikevichState, signal: Signal) -> Array | None:
        """Take the input (batch, unit) of one step; returns the spikes (batch, unit)."""
        draw = state.luck.uniform(self.units) if self.noise > 0 else state.calm
        noisy(
            state.v, state.u, state.rate, state.spikes, signal.observation, draw,
            *state.constants, *state.smoothing,
        )  # fmt: skip
        return noted(state)
