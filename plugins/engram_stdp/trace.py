"""Traces of spikes: what remains of the past at each unit.

With the factor c of a step (`factor`) and s = 1 where the unit spikes, else 0,

    additive   x <- c x + a s                        (1)
    gated      x <- c x (1 - s) + a s                (2)
    nearest    x <- c x + (a - x / k) s              (3)

(1) counts every spike (Florian 2007, Neural Computation 19:1468), (2) only the last one. (3) is bounded by
k a, so that about k spikes count. They are the cell VarTrace of ngclearn 3.2.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

import engram
from engram import exact


@engram.rule("x[b,n,i]& s[b,n,i] c[b]; a k")
def additive(x: float, s: float, c: float, a: float, k: float) -> float:
    """Equation (1)."""
    return c * x + a * s


@engram.rule("x[b,n,i]& s[b,n,i] c[b]; a k")
def gated(x: float, s: float, c: float, a: float, k: float) -> float:
    """Equation (2)."""
    return c * x * (1 - s) + a * s


@engram.rule("x[b,n,i]& s[b,n,i] c[b]; a k")
def nearest(x: float, s: float, c: float, a: float, k: float) -> float:
    """Equation (3)."""
    return c * x + s * (a - x / k)


TRACES = {"additive": additive, "gated": gated, "nearest": nearest}
"""The rule of each kind."""


def factor(
    dt: float,
    tau: np.ndarray[Any, Any],
    decay: Literal["exponential", "linear", "none"] = "exponential",
    scale: float = 1.0,
) -> np.ndarray[Any, Any]:
    """Return what a step leaves of a trace, with the same bits on every machine.

    Args:
        dt: Length of a step in s.
        tau: (batch,) time constants in s, more than 0.
        decay: exp(-dt / tau), 1 - dt / tau, or 0: nothing is left.
        scale: A further factor of each step (ngclearn's gamma_tr).
    """
    if decay == "none":
        return np.zeros_like(tau)
    left: np.ndarray[Any, Any] = exact.exp(-dt / tau) if decay == "exponential" else 1 - dt / tau
    return scale * left
