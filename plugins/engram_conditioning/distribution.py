"""What varies from trial to trial: a size, a delay, an interval."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

import engram
from engram import Array, exact

_SUM = 1e-6


@engram.parameters
class Distribution:
    """A number drawn anew for each trial; give exactly one of choice, uniform, normal, weber, exponential."""

    choice: tuple[float, ...] = engram.param(default=(), doc="possible values")
    p: tuple[float, ...] = engram.param(
        default=(), ge=0, le=1, doc="probability of each value of choice; equal if absent"
    )
    uniform: tuple[float, ...] = engram.param(default=(), doc="lowest and highest value")
    normal: tuple[float, ...] = engram.param(default=(), doc="mean and standard deviation")
    weber: tuple[float, ...] = engram.param(
        default=(), doc="mean, and standard deviation as a fraction of the mean"
    )
    exponential: float | None = engram.param(default=None, gt=0, doc="mean, before values are cut at longest")
    shortest: float | None = engram.param(default=None, doc="normal values below become this")
    longest: float | None = engram.param(
        default=None, doc="normal values above become this; exponential ones stay below"
    )

    def check(self) -> None:
        """One kind, with its numbers."""
        kinds = [k for k in ("choice", "uniform", "normal", "weber") if getattr(self, k)]
        kinds += ["exponential"] if self.exponential is not None else []
        if not all(map(math.isfinite, self._numbers)):
            raise ValueError("its numbers must be finite")
        if len(kinds) != 1:
            given = " and ".join(kinds) or "none"
            raise ValueError(f"give one of choice, uniform, normal, weber, exponential, not {given}")
        self._check_kind(kinds[0])

    def _check_kind(self, kind: str) -> None:
        if kind in ("uniform", "normal", "weber") and len(getattr(self, kind)) != 2:
            raise ValueError(f"{kind} must be a list of 2 numbers, not {len(getattr(self, kind))}")
        if self.p and len(self.p) != len(self.choice):
            raise ValueError(f"p must have {len(self.choice)} numbers as choice has, not {len(self.p)}")
        if self.p and abs(sum(self.p) - 1) > _SUM:
            raise ValueError(f"p must sum to 1, not {sum(self.p):g}")
        if self.uniform and self.uniform[0] > self.uniform[1]:
            raise ValueError(f"uniform must be [lowest, highest], not {list(self.uniform)}")
        if self._bell and self._bell[1] < 0:
            raise ValueError("the standard deviation must be >= 0")
        if self.exponential is not None and (self.longest is None or self.longest <= 0):
            raise ValueError("exponential needs longest > 0, so that the longest trial is known")
        self._check_held(kind)

    def _check_held(self, kind: str) -> None:
        """What would be ignored is refused."""
        both = ("shortest", "longest")
        held = {"normal": both, "weber": both, "exponential": ("longest",)}
        for name in both:
            if getattr(self, name) is not None and name not in held.get(kind, ()):
                raise ValueError(f"{name} does not hold {kind} values; leave it out")
        if None not in (self.shortest, self.longest) and self.low > self.high:
            raise ValueError(f"shortest must be <= longest = {self.longest:g}, not {self.shortest:g}")

    @property
    def _numbers(self) -> tuple[float, ...]:
        """Everything that is given."""
        alone = (self.exponential, self.shortest, self.longest)
        listed = (*self.choice, *self.uniform, *self.normal, *self.weber)
        return (*listed, *(number for number in alone if number is not None))

    @property
    def _bell(self) -> tuple[float, ...]:
        """Mean and standard deviation of the normal kinds, empty for others."""
        return (self.weber[0], self.weber[0] * self.weber[1]) if self.weber else self.normal

    @property
    def weights(self) -> tuple[float, ...]:
        """The probability of each value of choice."""
        total = sum(self.p)
        given = [p / total for p in self.p]
        return tuple(given or [1 / len(self.choice)] * len(self.choice))

    @property
    def low(self) -> float:
        """The smallest value possible."""
        if self._bell:
            return -math.inf if self.shortest is None else self.shortest
        return min(self.choice or self.uniform or (0.0,))

    @property
    def high(self) -> float:
        """The largest value possible."""
        if self.choice or self.uniform:
            return max(self.choice or self.uniform)
        return math.inf if self.longest is None else self.longest

    def sample(self, u: Array) -> Array:
        """Return the values, shaped as `u`, at which the distribution function reaches `u` in [0, 1)."""
        if self.choice:
            return picked(self.choice, self.weights, u)
        if self.uniform:
            return self.uniform[0] + (self.uniform[1] - self.uniform[0]) * u
        if self._bell:
            half = np.finfo(u.dtype).epsneg / 2
            value = self._bell[0] + self._bell[1] * exact.normal((u - 0.5) + half)
            return value.clip(self.shortest, self.longest) if self._held else value
        assert self.exponential is not None
        assert self.longest is not None
        share = -math.expm1(-self.longest / self.exponential)
        return -self.exponential * exact.log(1 - share * u)

    @property
    def _held(self) -> bool:
        return self.shortest is not None or self.longest is not None

    def masses(self, dt: float, low: int, high: int) -> NDArray[np.float64]:
        """Return the probability of each of the steps low .. high when values in s are rounded to steps.

        What lies outside counts for the nearest of them.

        Args:
            dt: Length of a step in s.
            low: First step.
            high: Last step.
        """
        found = np.zeros(high - low + 1)
        if self.choice:
            for value, p in zip(self.choice, self.weights, strict=True):
                found[min(max(round(value / dt), low), high) - low] += p
            return found
        edges = [self._below((step + 0.5) * dt) for step in range(low, high)]
        found[:] = np.diff([0.0, *edges, 1.0])
        return found

    def _below(self, value: float) -> float:
        """The probability of values up to `value`."""
        if self.uniform:
            low, high = self.uniform
            return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else float(value >= low)
        if self._bell:
            if not self.low <= value < self.high:
                return float(value >= self.high)
            mean, sd = self._bell
            return 0.5 * (1 + math.erf((value - mean) / (sd * math.sqrt(2)))) if sd else float(value >= mean)
        assert self.exponential is not None
        share = -math.expm1(-self.high / self.exponential)
        return min(max(-math.expm1(-value / self.exponential) / share, 0.0), 1.0)


def picked(values: tuple[float, ...], weights: tuple[float, ...], u: Array) -> Array:
    """Return, for each number in `u`, the value within whose share of [0, 1) it falls."""
    xp = engram.array_module(u)
    found = xp.full_like(u, values[0])
    for value, edge in zip(values[1:], itertools.accumulate(weights[:-1]), strict=True):
        found = xp.where(u >= edge, u.dtype.type(value), found)
    return found
