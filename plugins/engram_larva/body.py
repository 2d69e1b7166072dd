"""The body: two segments, turned by a torque and drawn along by the head.

larvaworld 2.5.1 (LarvaSim). The joint between the segments is the larva's position x; the head points along
theta and lies bend beta away from the tail:

    omega <- omega + dt (c T - gamma omega - k beta)                    (1)
    theta <- theta + omega dt                                           (2)
    x     <- x + v dt (cos theta, sin theta)                            (3)
    beta  <- beta + omega dt - beta min(1, 2 v dt / L)                  (4)

omega is limited so that the bend stays within half a turn.
"""

from __future__ import annotations

import math

import engram
from engram import Array


@engram.parameters
class Body:
    """Size and mechanics."""

    length: float = engram.param(default=0.005, gt=0, unit="m", symbol="L", doc="body length")
    torque: float = engram.param(
        default=0.5, ge=0, unit="rad/s", symbol="c", doc="torque of 1 Hz of turner output"
    )
    damping: float = engram.param(default=1.0, ge=0, unit="1/s", symbol="gamma", doc="angular damping")
    stiffness: float = engram.param(
        default=1.0, ge=0, unit="1/s2", symbol="k", doc="torsional spring of the joint"
    )


@engram.rule
def turning(omega: Array, bend: Array, output: Array, body: Body, dt: float) -> Array:
    """Equation (1): (batch,) the new angular velocity in rad/s, limited by the bend.

    Args:
        omega: (batch,) angular velocity in rad/s.
        bend: (batch,) in rad.
        output: (batch,) turner output in Hz.
        body: Parameters.
        dt: Length of a step in s.
    """
    omega = omega + dt * (body.torque * output - body.damping * omega - body.stiffness * bend)
    return min(max(omega, (-math.pi - bend) / dt), (math.pi - bend) / dt)


@engram.rule
def follow(bend: Array, turn: Array, advance: Array, body: Body) -> Array:
    """Equation (4): (batch,) the new bend in rad, after a turn in rad and an advance in m."""
    return wrapped(bend * (1.0 - min(advance * (2 / body.length), 1.0)) + turn)


@engram.rule
def direction(heading: Array) -> tuple[Array, Array]:
    """Return the unit vector, x and y, of a heading (batch,) in rad."""
    return engram.exact.cos(heading), engram.exact.sin(heading)


@engram.rule
def wrapped(angle: Array) -> Array:
    """Return an angle in rad brought to within half a turn of 0."""
    return angle - (2 * math.pi) * engram.exact.rint(angle / (2 * math.pi))
