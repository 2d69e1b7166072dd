"""Leaky integrate-and-fire cells with refractoriness and an adaptive threshold.

The membrane follows its input current j while it is not refractory, that is r >= T, r the time since the
last spike:

    tau dv/dt = g (v_rest - v) + R j 1{r >= T}                            (1)
    spike where v > v_threshold + theta;  then v = v_reset, r = 0         (2)
    theta <- theta exp(-dt / tau_theta) + theta_plus 1{spike}             (3)
    v >= v_lowest                                                         (4)

(1) is solved by Euler's step, by the midpoint method, or exactly between steps for input that comes as
impulses, each of which lifts v by R j at once, as in Florian 2007, Neural Computation 19:1468:

    v <- v_rest + (v - v_rest) exp(-g dt / tau) + R j 1{r >= T}           (5)

Euler and midpoint are held against the cell of ngclearn 3.2.3.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, TypeAlias

import engram
from engram import Array, Context, Signal

from .activity import Activity, activity, decay, followed, noted

_NUMBERS = "part kept rest reset threshold leak resistance wait theta_kept theta_plus lowest"
_SPEC = f"v[b,n]& refractory[b,n]& theta[b,n]& spikes[b,n]+ current[b,n]; {_NUMBERS}"
Integration: TypeAlias = Literal["euler", "midpoint", "exact"]


@engram.rule
def slope(v: float, drive: float, rest: float, leak: float) -> float:
    """Right-hand side of equation (1)."""
    return (rest - v) * leak + drive


@engram.rule
def driven(refractory: float, current: float, resistance: float, wait: float) -> float:
    """Input of a cell, 0 while it is refractory."""
    return resistance * current if refractory >= wait else 0.0


@engram.rule
def fire(
    v: float, refractory: float, theta: float, reset: float, threshold: float,
    theta_kept: float, theta_plus: float, lowest: float,
) -> Any:  # fmt: skip
    """Equations (2) to (4)."""
    spike = v > threshold + theta
    v = max(reset if spike else v, lowest)
    refractory = 0.0 if spike else refractory + 1.0
    theta = theta * theta_kept + (theta_plus if spike else 0.0)
    return v, refractory, theta, (1.0 if spike else 0.0)


@engram.rule
def moved(
    v: float, drive: float, part: float, kept: float, rest: float, leak: float, integration: str
) -> Any:  # fmt: skip
    """Equation (1) in an Euler or a midpoint step, or (5); `part` is dt / tau, `kept` exp(-leak dt / tau)."""
    if integration == "exact":
        return rest + (v - rest) * kept + drive
    if integration == "midpoint":
        middle = v + slope(v, drive, rest, leak) * (0.5 * part)
        return v + slope(middle, drive, rest, leak) * part
    return v + slope(v, drive, rest, leak) * part


@engram.rule(_SPEC)
def lif_euler(
    v: float, refractory: float, theta: float, current: float, part: float, kept: float,
    rest: float, reset: float, threshold: float, leak: float, resistance: float, wait: float,
    theta_kept: float, theta_plus: float, lowest: float,
) -> Any:  # fmt: skip
    """Equations (1) to (4) by one Euler step; `part` is dt / tau."""
    v = moved(v, driven(refractory, current, resistance, wait), part, kept, rest, leak, "euler")
    return fire(v, refractory, theta, reset, threshold, theta_kept, theta_plus, lowest)


@engram.rule(_SPEC)
def lif_midpoint(
    v: float, refractory: float, theta: float, current: float, part: float, kept: float,
    rest: float, reset: float, threshold: float, leak: float, resistance: float, wait: float,
    theta_kept: float, theta_plus: float, lowest: float,
) -> Any:  # fmt: skip
    """Equations (1) to (4) by one midpoint step; `part` is dt / tau."""
    v = moved(v, driven(refractory, current, resistance, wait), part, kept, rest, leak, "midpoint")
    return fire(v, refractory, theta, reset, threshold, theta_kept, theta_plus, lowest)


@engram.rule(_SPEC)
def lif_exact(
    v: float, refractory: float, theta: float, current: float, part: float, kept: float,
    rest: float, reset: float, threshold: float, leak: float, resistance: float, wait: float,
    theta_kept: float, theta_plus: float, lowest: float,
) -> Any:  # fmt: skip
    """Equations (5) and (2) to (4); `kept` is exp(-leak dt / tau)."""
    v = moved(v, driven(refractory, current, resistance, wait), part, kept, rest, leak, "exact")
    return fire(v, refractory, theta, reset, threshold, theta_kept, theta_plus, lowest)


@functools.cache
def cells(integration: Integration) -> Any:
    """Return the rule of a layer: what `lif_euler` and the others do, and the rate."""

    @engram.rule(_SPEC.replace(" spikes", " rate[b,n]& spikes") + " forgets gain")
    def cells(
        v: float, refractory: float, theta: float, rate: float, current: float, part: float, kept: float,
        rest: float, reset: float, threshold: float, leak: float, resistance: float, wait: float,
        theta_kept: float, theta_plus: float, lowest: float, forgets: float, gain: float,
    ) -> Any:  # fmt: skip
        v = moved(v, driven(refractory, current, resistance, wait), part, kept, rest, leak, integration)
        v, refractory, theta, spike = fire(
            v, refractory, theta, reset, threshold, theta_kept, theta_plus, lowest
        )
        return v, refractory, theta, followed(rate, spike, forgets, gain), spike

    return cells


@engram.state
class LIFState(Activity):
    """Leaky integrate-and-fire cells."""

    v: Array = engram.array("unit", unit="mV", doc="membrane potential")
    refractory: Array = engram.array("unit", unit="step", doc="steps since the last spike")
    theta: Array = engram.array("unit", unit="mV", doc="adaptation of the threshold")
    constants: tuple[float, ...] = engram.fixed()
    rule: Any = engram.fixed()


@engram.parameters
class LIF(engram.Memory):
    """A layer of leaky integrate-and-fire cells, equations (1) to (5); it takes the input of each, and fires.

    The threshold adapts where `theta_plus` is given.
    """

    name = "lif"

    units: int = engram.param(default=1, ge=1, doc="number of cells")
    tau: float = engram.param(default=0.02, gt=0, unit="s", doc="time constant of the membrane")
    rest: float = engram.param(default=-65.0, unit="mV", doc="resting potential")
    reset: float = engram.param(default=-60.0, unit="mV", doc="potential after a spike")
    threshold: float = engram.param(default=-52.0, unit="mV", doc="potential above which a cell fires")
    leak: float = engram.param(default=1.0, ge=0, symbol="g", doc="leak conductance, relative")
    resistance: float = engram.param(default=1.0, symbol="R", doc="factor of the input")
    refractory: float = engram.param(
        default=0.005, ge=0, unit="s", symbol="T", doc="no input acts so long after a spike"
    )
    theta_plus: float = engram.param(
        default=0.0, ge=0, unit="mV", doc="rise of the threshold with each spike"
    )
    tau_theta: float = engram.param(default=1e4, gt=0, unit="s", doc="time constant of that rise")
    lowest: float | None = engram.param(default=None, unit="mV", doc="lowest potential, if there is one")
    integration: Integration = engram.param(
        default="euler", doc="euler and midpoint take the input as a current, exact as impulses in mV"
    )
    anew: bool = engram.param(default=False, doc="the potential begins each trial at rest")
    tau_rate: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rate")

    def check(self) -> None:
        """A cell at rest, or one that was reset, is silent."""
        if self.reset > self.threshold or self.rest > self.threshold:
            raise ValueError("rest and reset must not lie above threshold")

    def init(self, ctx: Context) -> LIFState:
        """Return cells at rest that may fire at once."""
        constants = self.constants(ctx.dt)
        state: LIFState = activity(
            ctx, LIFState, self.units, self.tau_rate, constants=constants, rule=cells(self.integration)
        )
        state.v += self.rest
        state.refractory += constants[7]
        return state

    def constants(self, dt: float) -> tuple[float, ...]:
        """Return the numbers that the rules take, for steps of `dt` s."""
        return (
            dt / self.tau, decay(dt * self.leak, self.tau), self.rest, self.reset, self.threshold,
            self.leak, self.resistance, float(round(self.refractory / dt)), decay(dt, self.tau_theta),
            self.theta_plus, float("-inf") if self.lowest is None else self.lowest,
        )  # fmt: skip

    def step(self, state: LIFState, signal: Signal) -> Array | None:
        """Take the input (batch, unit) of one step; returns the spikes (batch, unit)."""
        if self.anew:
            state.v[...] = engram.array_module(state.v).where(signal.start[:, None], self.rest, state.v)
        return stepped(state, signal)


def stepped(state: LIFState, signal: Signal) -> Array | None:
    """Take the input (batch, unit) of one step; returns the spikes (batch, unit)."""
    state.rule(
        state.v, state.refractory, state.theta, state.rate, state.spikes, signal.observation,
        *state.constants, *state.smoothing,
    )  # fmt: skip
    return noted(state)
