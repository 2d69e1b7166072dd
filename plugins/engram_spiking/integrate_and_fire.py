"""Integrate-and-fire cells without leak.

    tau dv/dt = R j 1{r >= T},   v >= v_rest                              (1)

with the threshold and the reset of `lif`, whose Euler step with a leak of 0 this is.
"""

from __future__ import annotations

import engram
from engram import Array, Context, Signal

from .lif import LIF, LIFState, stepped


@engram.parameters
class IntegrateAndFire(engram.Memory):
    """A layer of perfect integrators, equation (1): it takes the input of each cell, and fires."""

    name = "integrate-and-fire"

    units: int = engram.param(default=1, ge=1, doc="number of cells")
    tau: float = engram.param(default=0.02, gt=0, unit="s", doc="time constant of the membrane")
    rest: float = engram.param(default=-65.0, unit="mV", doc="resting and lowest potential")
    reset: float = engram.param(default=-60.0, unit="mV", doc="potential after a spike")
    threshold: float = engram.param(default=-52.0, unit="mV", doc="potential above which a cell fires")
    resistance: float = engram.param(default=1.0, symbol="R", doc="factor of the input")
    refractory: float = engram.param(
        default=0.0, ge=0, unit="s", symbol="T", doc="no input acts so long after a spike"
    )
    tau_rate: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rate")

    def check(self) -> None:
        """What `lif` checks."""
        self.leakless()

    def leakless(self) -> LIF:
        """Return the leaky cells with a leak of 0."""
        return LIF(
            units=self.units, tau=self.tau, rest=self.rest, reset=self.reset, threshold=self.threshold,
            leak=0.0, resistance=self.resistance, refractory=self.refractory, lowest=self.rest,
            tau_rate=self.tau_rate,
        )  # fmt: skip

    def init(self, ctx: Context) -> LIFState:
        """Return cells at rest that may fire at once."""
        return self.leakless().init(ctx)

    def step(self, state: LIFState, signal: Signal) -> Array | None:
        """Take the input (batch, unit) of one step; returns the spikes (batch, unit)."""
        return stepped(state, signal)
