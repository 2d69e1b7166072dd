"""Odour sources and the concentration around them.

An odour spreads from its source as a Gaussian,

    C(d) = I exp(-d^2 / 2 s)                                            (1)

with peak intensity I and variance s at distance d. larvaworld 2.5.1 calls s the spread.
"""

from __future__ import annotations

import engram
from engram import Array


@engram.parameters
class Odor:
    """One source of an odour; sources of the same name are one stimulus and add up."""

    name: str = engram.param(doc="name of the odour")
    x: float = engram.param(default=0.0, unit="m", doc="place of the source")
    y: float = engram.param(default=0.0, unit="m", doc="place of the source")
    intensity: float = engram.param(
        default=2.0, ge=0, unit="uM", symbol="I", doc="concentration at the source"
    )
    spread: float = engram.param(default=0.01, gt=0, unit="m2", symbol="s", doc="variance of the Gaussian")
    food: bool = engram.param(default=False, doc="food lies at the source during training")
    radius: float = engram.param(default=0.003, gt=0, unit="m", doc="radius of the food patch")


@engram.rule
def square_distance(x: Array, y: Array, odor: Odor) -> Array:
    """Return the squared distance in m2 of a point, x and y (batch,) in m, from a source."""
    right, up = x - odor.x, y - odor.y
    return right * right + up * up


@engram.rule
def concentration(square: Array, intensity: Array, spread: Array) -> Array:
    """Equation (1): concentration in uM.

    Args:
        square: (batch,) squared distance in m2.
        intensity: In uM.
        spread: Variance in m2.
    """
    return intensity * engram.exact.exp(square * (-0.5 / spread))
