"""Bouts: a larva runs for some strides, pauses for some time, and feeds where it finds food.

larvaworld 2.5.1 (Intermitter, Feeder). The number of strides of a run is log-normal, the duration of
a pause exponential; both are discrete (strides, steps) and truncated, p(n) ~ density(n). On food, a larva
that does not feed starts to with probability p in each step; after each bite it goes on with probability p.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import engram
from engram import Array

RUN, PAUSE, FEED = 0, 1, 2


@engram.parameters
class Bouts:
    """Distributions of runs and pauses, and feeding."""

    stride_mu: float = engram.param(default=1.39115, symbol="mu", doc="mean of the log of a run's strides")
    stride_sigma: float = engram.param(default=1.14667, gt=0, symbol="sigma", doc="its standard deviation")
    stride_max: int = engram.param(default=142, ge=1, doc="most strides of a run")
    pause_rate: float = engram.param(
        default=1.01503, gt=0, unit="1/s", symbol="beta", doc="rate at which pauses end"
    )
    pause_min: float = engram.param(default=0.12, ge=0, unit="s", doc="shortest pause")
    pause_max: float = engram.param(default=15.94, gt=0, unit="s", doc="longest pause")
    bite_frequency: float = engram.param(default=2.0, gt=0, unit="Hz", doc="bites per second while feeding")
    appetite: float = engram.param(
        default=0.5,
        ge=0,
        le=1,
        symbol="p",
        doc="probability to start feeding on food, and to go on after a bite",
    )

    def check(self) -> None:
        """There is a pause to draw."""
        if self.pause_max < self.pause_min:
            raise ValueError("pause_max must not be below pause_min")

    def strides(self) -> np.ndarray[Any, Any]:
        """Return the cumulative distribution of a run's strides: entry i is P(n <= i + 1)."""
        n = np.arange(1, self.stride_max + 1)
        z = (np.log(n) - self.stride_mu) / self.stride_sigma
        return _cumulative(np.exp(-z * z / 2) / n)

    def fewest(self, dt: float) -> int:
        """Return the steps of the shortest pause, at least 1."""
        return max(1, int(self.pause_min / dt))

    def pauses(self, dt: float) -> np.ndarray[Any, Any]:
        """Return the cumulative distribution of a pause's steps: entry i is P(n <= fewest + i)."""
        n = np.arange(max(0, int(self.pause_max / dt) - self.fewest(dt)) + 1)
        return _cumulative(np.exp(-self.pause_rate * dt * n))


def _cumulative(weight: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    total: np.ndarray[Any, Any] = np.cumsum(weight / math.fsum(weight))
    total[-1] = 1.0  # a draw is below 1, so that rounding must not leave a gap
    return total


def draw(cumulative: Array, fewest: int, number: Array) -> Array:
    """Draw a bout by the inverse of its cumulative distribution.

    Args:
        cumulative: (n,) P(length <= fewest + i).
        fewest: The shortest bout.
        number: (batch,) uniform in [0, 1).

    Returns:
        (batch,) int32 lengths.
    """
    xp = engram.array_module(number)
    return xp.searchsorted(cumulative, number, side="right").astype("int32") + fewest


def alternate(
    mode: Array, left: Array, strode: Array, bitten: Array, eats: Array, on_food: Array
) -> tuple[Array, Array]:
    """Decide which bout each larva is in, and count its bout down in place.

    Args:
        mode: (batch,) int8 RUN, PAUSE or FEED; updated in place, save the length of new bouts.
        left: (batch,) int32 strides or steps left; counted down in place.
        strode: (batch,) bool, a stride was completed.
        bitten: (batch,) bool, a bite was completed.
        eats: (batch,) bool, the larva would start or go on feeding now.
        on_food: (batch,) bool.

    Returns:
        (batch,) bool: a run begins; a pause begins.
    """
    xp = engram.array_module(mode)
    running, feeding = mode == RUN, mode == FEED
    left -= xp.where(running, strode, ~feeding)
    over = (left <= 0) & ~feeding
    wants = eats & on_food
    runs = (over & ~running) | (feeding & bitten & ~wants)
    pauses = over & running
    mode[...] = xp.where(runs, RUN, xp.where(pauses, PAUSE, mode))
    mode[...] = xp.where(wants & ~feeding, FEED, mode)
    return runs, pauses
