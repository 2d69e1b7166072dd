"""The turner: a neural oscillator that swings the head from side to side.

Wystrach, Lagogiannis & Webb 2016, eLife 5:e15504, as in larvaworld 2.5.1. Two excitatory (E) and two
inhibitory (C) populations with adaptation H, driven alike on both sides by the activation u:

    u  = u0 + (u_max - u0) A  (A >= 0),   u0 + (u0 - u_min) A  (A < 0)  (1)
    E <- E + k (R(u + w_ee E - w_ec C', 64 + g H) - E)                  (2)
    C <- C + k (R(u + w_ce E - w_cc C', 64 + g H) - C)                  (3)
    H <- H + dt / tau_H (E - H)                                         (4)
    T  = E_right - E_left                                               (5)

C' is the other side's C; k = dt / tau; g = 6 + (0.09 u)^2; tau_H = 3 / (1 + (0.04 u)^2) s;
R(x, h) = m x^2 / (x^2 + h^2) for x > 0, else 0. In (3) the right side sees the left's new value; this
asymmetry alone starts the oscillation. larvaworld lets the adaptation of C follow E, not C, so that the two
adaptations are equal: one array holds both.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import engram
from engram import Array


@engram.parameters
class Turner:
    """The neural oscillator."""

    baseline: float = engram.param(default=20.0, gt=0, unit="Hz", symbol="u0", doc="activation without input")
    lowest: float = engram.param(default=10.0, ge=0, unit="Hz", symbol="u_min", doc="activation at input -1")
    highest: float = engram.param(default=40.0, gt=0, unit="Hz", symbol="u_max", doc="activation at input 1")
    tau: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of E and C")
    w_ee: float = engram.param(default=3.0, ge=0, doc="weight of E on its own side's E")
    w_ec: float = engram.param(default=4.0, ge=0, doc="weight of C on the other side's E")
    w_ce: float = engram.param(default=0.1, ge=0, doc="weight of E on its own side's C")
    w_cc: float = engram.param(default=4.0, ge=0, doc="weight of C on the other side's C")
    maximum: float = engram.param(default=100.0, gt=0, unit="Hz", symbol="m", doc="highest spike rate")

    def check(self) -> None:
        """The baseline lies within the range."""
        if not self.lowest <= self.baseline <= self.highest:
            raise ValueError("baseline must lie between lowest and highest")


def activation(drive: Array, turner: Turner) -> Array:
    """Equation (1): (batch,) activation in Hz from the sensory input A."""
    up, down = turner.highest - turner.baseline, turner.baseline - turner.lowest
    xp = engram.array_module(drive)
    return turner.baseline + (up * xp.maximum(drive, 0) + down * xp.minimum(drive, 0))


def oscillate(e: Array, c: Array, h: Array, u: Array, turner: Turner, dt: float) -> Array:
    """Equations (2) to (5): one step, in place.

    Args:
        e: (batch, 2) rates of E in Hz, left and right; likewise `c` and the adaptation `h`.
        c: See `e`.
        h: See `e`.
        u: (batch,) activation in Hz.
        turner: Parameters.
        dt: Length of a step in s.

    Returns:
        (batch,) output T in Hz; positive turns left.
    """
    k = dt / turner.tau
    u = u[:, None]
    slow, steep = 0.04 * u, 0.09 * u
    half = 64 + (6 + steep * steep) * h
    half *= half
    e += k * (_rate(u + turner.w_ee * e - turner.w_ec * c[:, ::-1], half, turner.maximum) - e)
    own = u + turner.w_ce * e
    for side, other in ((0, 1), (1, 0)):
        rate = _rate(own[:, side] - turner.w_cc * c[:, other], half[:, side], turner.maximum)
        c[:, side] += k * (rate - c[:, side])
    h += dt / 3 * (1 + slow * slow) * (e - h)
    return e[:, 1] - e[:, 0]


def _rate(x: Array, half_squared: Array, maximum: float) -> Array:
    positive = engram.array_module(x).maximum(x, 0)
    square = positive * positive
    return maximum * square / (square + half_squared)


@cache
def cycle(turner: Turner, dt: float, steps: int = 1000) -> np.ndarray[Any, Any]:
    """Let one oscillator run from rest without input.

    Returns:
        (steps, 3, 2) host float64: E, C and H of both sides after each of the later half of 2 `steps` steps.
    """
    e, c, h = (np.zeros((1, 2)) for _ in range(3))
    u = np.full(1, turner.baseline)
    rows = []
    for _ in range(2 * steps):
        oscillate(e, c, h, u, turner, dt)
        rows.append(np.concatenate([e, c, h]))
    table = np.stack(rows[steps:])
    table.flags.writeable = False
    return table
