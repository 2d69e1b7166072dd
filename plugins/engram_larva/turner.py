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


@engram.rule
def activation(drive: Array, turner: Turner) -> Array:
    """Equation (1): (batch,) activation in Hz from the sensory input A."""
    up, down = turner.highest - turner.baseline, turner.baseline - turner.lowest
    return turner.baseline + (up * max(drive, 0.0) + down * min(drive, 0.0))


@engram.rule
def oscillate(
    e_left: Array, e_right: Array, c_left: Array, c_right: Array, h_left: Array, h_right: Array, u: Array,
    turner: Turner, dt: float,
) -> tuple[Array, ...]:  # fmt: skip
    """Equations (2) to (4): one step.

    Args:
        e_left: (batch,) rate of E in Hz; likewise `c_left` of C and the adaptation `h_left`.
        e_right: The same of the right side.
        c_left: See `e_left`.
        c_right: See `e_right`.
        h_left: See `e_left`.
        h_right: See `e_right`.
        u: (batch,) activation in Hz.
        turner: Parameters.
        dt: Length of a step in s.

    Returns:
        E, C and H after the step, each left and right. The output T (5) is E_right - E_left in Hz; positive
        turns left.
    """
    k, w_ee, w_ec, w_ce, w_cc = dt / turner.tau, turner.w_ee, turner.w_ec, turner.w_ce, turner.w_cc
    slow, steep = 0.04 * u, 0.09 * u
    g = 6.0 + steep * steep
    half_left, half_right = 64.0 + g * h_left, 64.0 + g * h_right
    rate_left = rate(u + w_ee * e_left - w_ec * c_right, half_left, turner.maximum)
    rate_right = rate(u + w_ee * e_right - w_ec * c_left, half_right, turner.maximum)
    e_left, e_right = e_left + k * (rate_left - e_left), e_right + k * (rate_right - e_right)
    own_left, own_right = u + w_ce * e_left, u + w_ce * e_right
    c_left = c_left + k * (rate(own_left - w_cc * c_right, half_left, turner.maximum) - c_left)
    c_right = c_right + k * (rate(own_right - w_cc * c_left, half_right, turner.maximum) - c_right)
    pace = dt / 3 * (1.0 + slow * slow)
    h_left, h_right = h_left + pace * (e_left - h_left), h_right + pace * (e_right - h_right)
    return e_left, e_right, c_left, c_right, h_left, h_right


@engram.rule
def rate(x: Array, half: Array, maximum: float) -> Array:
    """R(x, h): (batch,) in Hz, half of the maximum where x is h."""
    positive = max(x, 0.0)
    square = positive * positive
    return maximum * square / (square + half * half)


@cache
def cycle(turner: Turner, dt: float, steps: int = 1000) -> np.ndarray[Any, Any]:
    """Let one oscillator run from rest without input.

    Returns:
        (steps, 3, 2) host float64: E, C and H of both sides after each of the later half of 2 `steps` steps.
    """
    u, rates, rows = np.full(1, turner.baseline), (np.zeros(1),) * 6, []
    for _ in range(2 * steps):
        rates = oscillate(*rates, u, turner, dt)
        rows.append(np.reshape(rates, (3, 2)))
    table = np.stack(rows[steps:])
    table.flags.writeable = False
    return table
