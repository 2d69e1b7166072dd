"""The arena: its edge, and where larvae are put."""

from __future__ import annotations

import math
from typing import Literal

import engram
from engram import Array

from .body import wrapped


@engram.parameters
class Arena:
    """A dish or a rectangle around the origin."""

    shape: Literal["dish", "rectangle"] = engram.param(default="dish", doc="outline")
    width: float = engram.param(default=0.1, gt=0, unit="m", doc="diameter of the dish, or extent along x")
    height: float = engram.param(default=0.1, gt=0, unit="m", doc="extent along y of a rectangle")


@engram.rule
def inside(x: Array, y: Array, arena: Arena) -> Array:
    """Say whether a point is in the arena.

    Args:
        x: (batch,) in m.
        y: (batch,) in m.
        arena: Its outline.
    """
    if arena.shape == "rectangle":
        return abs(x) <= arena.width / 2 and abs(y) <= arena.height / 2
    return x * x + y * y <= arena.width * arena.width / 4


@engram.parameters
class Start:
    """Where larvae are put when a trial starts: uniformly in a rectangle, with a uniform heading."""

    x: float = engram.param(default=0.0, unit="m", doc="centre of the region")
    y: float = engram.param(default=0.0, unit="m", doc="centre of the region")
    width: float = engram.param(default=0.01, ge=0, unit="m", doc="extent along x")
    height: float = engram.param(default=0.04, ge=0, unit="m", doc="extent along y")
    heading: float = engram.param(default=0.0, unit="rad", doc="mean heading")
    heading_range: float = engram.param(
        default=math.pi, ge=0, le=math.pi, unit="rad", doc="largest deviation from it"
    )

    def fits(self, arena: Arena, margin: float) -> bool:
        """Say whether the region, and `margin` m around it, is within the arena."""
        x = abs(self.x) + self.width / 2
        y = abs(self.y) + self.height / 2
        if arena.shape == "dish":
            return math.hypot(x, y) + margin < arena.width / 2
        return x + margin < arena.width / 2 and y + margin < arena.height / 2


@engram.rule
def placed(across: Array, along: Array, turn: Array, start: Start) -> tuple[Array, Array, Array]:
    """Return x and y in m and the heading in rad that three uniform numbers (batch,) in [0, 1) stand for."""
    x = start.x - start.width / 2 + start.width * across
    y = start.y - start.height / 2 + start.height * along
    heading = start.heading - start.heading_range + 2 * start.heading_range * turn
    return x, y, wrapped(heading)
