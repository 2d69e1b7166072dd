"""The crawler: peristaltic strides, and how each stride holds back the turner.

larvaworld 2.5.1 (PhaseOscillator, PhasicCoupling). Phase phi runs at f; each time it wraps, a stride is
complete and a new stride length d is drawn:

    v = L f d (1 + a cos(phi - phi_v)),   d ~ N(mu, sigma)              (1)
    q = min(1, q0 + q1 exp(-(phi - phi_q)^2 / 2))                       (2)

v is the forward speed of a larva of length L; q scales the turner's output while the larva crawls, so that it
turns between the strides.
"""

from __future__ import annotations

import math

import engram
from engram import Array

CYCLE = 2 * math.pi


@engram.parameters
class Crawler:
    """The stride oscillator and its coupling to the turner."""

    frequency: float = engram.param(default=1.42, gt=0, unit="Hz", symbol="f", doc="strides per second")
    stride: float = engram.param(default=0.23, ge=0, symbol="mu", doc="mean stride, in body lengths")
    stride_sd: float = engram.param(default=0.04, ge=0, symbol="sigma", doc="its standard deviation")
    swing: float = engram.param(
        default=0.51, ge=0, le=1, symbol="a", doc="relative swing of speed in a stride"
    )
    fastest: float = engram.param(default=3.49, unit="rad", symbol="phi_v", doc="phase of highest speed")
    held: float = engram.param(
        default=0.1, ge=0, le=1, symbol="q0", doc="share of the turning let through all along"
    )
    relief: float = engram.param(default=0.6, ge=0, le=1, symbol="q1", doc="share added at the relief")
    relief_phase: float = engram.param(default=3.4, unit="rad", symbol="phi_q", doc="phase of the relief")


@engram.rule
def turned(phase: Array, active: Array, advance: float) -> tuple[Array, Array]:
    """Advance the phase of an oscillator if it is active.

    Args:
        phase: (batch,) in rad.
        active: (batch,) bool.
        advance: Phase of one step in rad.

    Returns:
        The phase now; whether a cycle was completed.
    """
    phase = phase + advance if active else phase
    completed = phase >= CYCLE
    return phase - CYCLE if completed else phase, completed


@engram.rule
def stride_length(number: Array, crawler: Crawler) -> Array:
    """Return the length of a stride, in body lengths, that a standard normal number (batch,) stands for."""
    return max(crawler.stride + crawler.stride_sd * number, 0.0)


@engram.rule
def speed(phase: Array, stride: Array, length: float, crawler: Crawler) -> Array:
    """Equation (1): (batch,) forward speed in m/s from phase (batch,) in rad and stride (batch,)."""
    swing = crawler.swing * engram.exact.cos(phase - crawler.fastest)
    return (length * crawler.frequency) * stride * (1.0 + swing)


@engram.rule
def coupling(phase: Array, crawler: Crawler) -> Array:
    """Equation (2): (batch,) share of the turner's output that a crawling larva lets through."""
    distance = phase - crawler.relief_phase
    return min(crawler.held + crawler.relief * engram.exact.exp(distance * distance * -0.5), 1.0)
