"""A synapse whose conductance decays exponentially.

    g <- c g + g_max (pre W)                                              (1)
    i  = g (E - v)        with a reversal potential E                     (2)
    i  = g                without one                                     (3)

c = exp(-dt / tau); ngclearn 3.2 takes an Euler step, c = 1 - dt / tau, and the opposite sign in (3).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import engram
from engram import Array, Context

from .dense import Dense, Weights
from .trace import factor


@engram.rule("g[b,n,j]& arriving[b,n,j] c[b] top[b]")
def conductance(g: float, arriving: float, c: float, top: float) -> float:
    """Equation (1)."""
    return c * g + top * arriving


@engram.rule
def driven(g: float, v: float, reversal: float) -> float:
    """Equation (2)."""
    return g * (reversal - v)


@engram.state
class Conductance(Weights):
    """State of an exponential synapse."""

    g: Array = engram.array("sample", "post", doc="conductance")
    v: Array = engram.array("sample", "post", unit="mV", doc="potential of the unit; its owner writes it")
    c: Array = engram.fixed()
    top: Array = engram.fixed()


@engram.parameters
class Exponential(Dense):
    """Dense weights onto a conductance, or a current, that decays."""

    name = "exponential"

    tau: float = engram.param(
        default=0.005, gt=0, unit="s", symbol="tau_decay", doc="time constant", per_replica=True
    )
    peak: float = engram.param(
        default=1.0,
        ge=0,
        lt=math.inf,
        symbol="g_syn_bar",
        doc="conductance that a spike adds, times w",
        per_replica=True,
    )
    reversal: float | None = engram.param(
        default=None,
        gt=-math.inf,
        lt=math.inf,
        unit="mV",
        symbol="syn_rest, E",
        doc="reversal potential; none for a current",
    )
    semantics: Literal["exact", "ngclearn-3.2"] = engram.param(
        default="exact", doc="ngclearn-3.2: an Euler step, and a current of the opposite sign"
    )

    def init(self, ctx: Context, n_pre: int, n_post: int) -> Conductance:
        """Draw weights, connections and delays; nothing conducts."""
        kind: Any = "linear" if self.semantics == "ngclearn-3.2" else "exponential"
        c = factor(ctx.dt, ctx.values(self, "tau"), kind)
        return ctx.state(
            Conductance,
            c=ctx.xp.asarray(c.astype(ctx.dtype)),
            top=ctx.per_replica(self).peak,
            **self.connection(ctx, n_pre, n_post),
        )

    def propagate(self, state: Conductance, pre: Array) -> Array:
        """Return the current (batch, [sample,] post), from `v` where there is a reversal potential."""
        arriving = self.drive(state, pre)
        conductance(state.g, self.by_sample(arriving), state.c, state.top)
        if self.reversal is not None:
            current = driven(state.g, state.v, self.reversal)
        else:
            current = -state.g if self.semantics == "ngclearn-3.2" else state.g.copy()
        return current if pre.ndim == 3 else current[:, 0]

    def learn(self, state: Conductance, pre: Array, post: Array, modulator: Array) -> None:
        """Nothing changes."""
