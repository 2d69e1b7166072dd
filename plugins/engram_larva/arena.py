"""The arena: its edge, and where larvae are put."""

from __future__ import annotations

import math
from typing import Literal

import engram
from engram import Array


@engram.parameters
class Arena:
    """A dish or a rectangle around the origin."""

    shape: Literal["dish", "rectangle"] = engram.param(default="dish", doc="outline")
    width: float = engram.param(default=0.1, gt=0, unit="m", doc="diameter of the dish, or extent along x")
    height: float = engram.param(default=0.1, gt=0, unit="m", doc="extent along y of a rectangle")

    def inside(self, point: Array) -> Array:
        """Return (batch,) bool: whether points (batch, 2) in m are in the arena."""
        if self.shape == "rectangle":
            away = engram.array_module(point).abs(point)
            return (away[:, 0] <= self.width / 2) & (away[:, 1] <= self.height / 2)
        square = point * point
        return square[:, 0] + square[:, 1] <= self.width * self.width / 4


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

    def low(self) -> tuple[float, float, float]:
        """Return the smallest x, y and heading."""
        return self.x - self.width / 2, self.y - self.height / 2, self.heading - self.heading_range

    def size(self) -> tuple[float, float, float]:
        """Return the extent along x, y and heading."""
        return self.width, self.height, 2 * self.heading_range

    def fits(self, arena: Arena, margin: float) -> bool:
        """Say whether the region, and `margin` m around it, is within the arena."""
        x = abs(self.x) + self.width / 2
        y = abs(self.y) + self.height / 2
        if arena.shape == "dish":
            return math.hypot(x, y) + margin < arena.width / 2
        return x + margin < arena.width / 2 and y + margin < arena.height / 2
