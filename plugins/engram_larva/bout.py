"""Bouts: a larva runs for some strides, pauses for some time, and feeds where it finds food.

larvaworld 2.5.1 (Intermitter, Feeder). The number of strides of a run is log-normal, the duration of
a pause exponential; both are discrete (strides, steps) and truncated, p(n) ~ density(n). On food, a larva
that does not feed starts to with probability p in each step; after each bite it goes on with probability p.
"""

from __future__ import annotations

import math

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

    def strides(self) -> tuple[float, ...]:
        """Return the cumulative distribution of a run's strides: entry i is P(n <= i + 1)."""
        n = np.arange(1, self.stride_max + 1)
        z = (np.log(n) - self.stride_mu) / self.stride_sigma
        return _cumulative(np.exp(-z * z / 2) / n)

    def fewest(self, dt: float) -> int:
        """Return the steps of the shortest pause, at least 1."""
        return max(1, int(self.pause_min / dt))

    def pauses(self, dt: float) -> tuple[float, ...]:
        """Return the cumulative distribution of a pause's steps: entry i is P(n <= fewest + i)."""
        n = np.arange(max(0, int(self.pause_max / dt) - self.fewest(dt)) + 1)
        return _cumulative(np.exp(-self.pause_rate * dt * n))

    def lengths(self, dt: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return both distributions as rows RUN and PAUSE of one table, 1 beyond the longest bout."""
        rows = self.strides(), self.pauses(dt)
        longest = max(map(len, rows))
        run, pause = ((*row, *[1.0] * (longest - len(row))) for row in rows)
        return run, pause


def _cumulative(weight: Array) -> tuple[float, ...]:
    total = np.cumsum(weight / math.fsum(weight)).tolist()
    return (*total[:-1], 1.0)  # a draw is below 1, so that rounding must not leave a gap


@engram.rule
def draw(cumulative: tuple[float, ...], fewest: Array, number: Array) -> Array:
    """Draw a bout by the inverse of its cumulative distribution.

    Args:
        cumulative: P(length <= fewest + i), 1 at last.
        fewest: The shortest bout.
        number: (batch,) uniform in [0, 1).

    Returns:
        (batch,) length.
    """
    last = len(cumulative) - 1
    place = 0
    for width in _widths(last):
        beyond = min(place + width, last + 1)
        place = beyond if cumulative[beyond - 1] <= number else place
    return place + fewest


def _widths(last: int) -> tuple[int, ...]:
    """Steps of a search among entries 0 .. `last`, by halves."""
    return tuple(1 << power for power in reversed(range(last.bit_length())))


@engram.rule
def count_down(mode: Array, left: Array, strode: Array) -> tuple[Array, Array]:
    """Count a run down by strides and a pause by steps.

    Args:
        mode: (batch,) RUN, PAUSE or FEED.
        left: (batch,) strides or steps left.
        strode: (batch,) bool, a stride was completed.

    Returns:
        What is left now; whether the run or pause is over.
    """
    left = left - (strode if mode == RUN else mode == PAUSE)
    return left, left <= 0 and mode != FEED


@engram.rule
def alternate(mode: Array, over: Array, bitten: Array, wants: Array) -> tuple[Array, Array, Array]:
    """Decide which bout comes next.

    Args:
        mode: (batch,) RUN, PAUSE or FEED.
        over: (batch,) bool, the run or pause is over.
        bitten: (batch,) bool, a bite was completed.
        wants: (batch,) bool, the larva is on food, and would start or go on feeding now.

    Returns:
        The mode now; whether a run begins; whether a pause begins.
    """
    feeding = mode == FEED
    runs = (over and mode == PAUSE) or (feeding and bitten and not wants)
    pauses = over and mode == RUN
    mode = RUN if runs else PAUSE if pauses else mode
    return FEED if wants and not feeding else mode, runs, pauses
