"""Discrete distributions: values with probabilities, their expectiles, and how far apart two are."""

from __future__ import annotations

from statistics import NormalDist

import attrs
import numpy as np

from .schedule import Host

_GAUSSIAN_POINTS = 2000
_ROUNDS = 200


@attrs.frozen(eq=False)
class Distribution:
    """Values with probabilities.

    Attributes:
        value: (value,) increasing.
        probability: (value,) sums to 1.
    """

    value: Host
    probability: Host

    @property
    def mean(self) -> float:
        """Its mean."""
        return float(self.value @ self.probability)

    @property
    def deviation(self) -> float:
        """Its standard deviation."""
        return float(np.sqrt((self.value - self.mean) ** 2 @ self.probability))

    def expectiles(self, tau: Host) -> Host:
        """Return the expectiles e: tau E[(Z - e)+] = (1 - tau) E[(e - Z)+], by halving.

        Args:
            tau: (n,) between 0 and 1.
        """
        low, high = np.full(len(tau), self.value[0]), np.full(len(tau), self.value[-1])
        for _ in range(_ROUNDS):
            e = (low + high) / 2
            apart = self.value - e[:, None]
            pull = np.where(apart > 0, tau[:, None], 1 - tau[:, None]) * apart @ self.probability
            low, high = np.where(pull > 0, e, low), np.where(pull > 0, high, e)
        middle: Host = (low + high) / 2
        return middle

    def distance(self, other: Distribution) -> float:
        """Return Wasserstein-1, the area between the cumulative distributions."""
        every = np.union1d(self.value, other.value)
        apart = np.abs(self.cumulative(every) - other.cumulative(every))[:-1]
        return float(apart @ np.diff(every))

    def cumulative(self, x: Host) -> Host:
        """Return the probability of values up to x (n,)."""
        sums = np.concatenate([[0.0], np.cumsum(self.probability)])
        reached: Host = sums[np.searchsorted(self.value, x, side="right")]
        return reached

    def gaussian(self) -> Distribution:
        """Return a normal distribution with the same mean and standard deviation."""
        if self.deviation == 0:
            return self.point()
        normal = NormalDist(self.mean, self.deviation)
        u = (np.arange(_GAUSSIAN_POINTS) + 0.5) / _GAUSSIAN_POINTS
        return Distribution(np.array([normal.inv_cdf(p) for p in u]), np.full(len(u), 1 / len(u)))

    def point(self) -> Distribution:
        """Return all of it at the mean."""
        return Distribution(np.array([self.mean]), np.ones(1))


def distribution(values: Host, weights: Host | None = None) -> Distribution:
    """Return the distribution of values (n,), of which each counts by its weight (n,)."""
    known, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights=weights).astype(float)
    return Distribution(known, mass / mass.sum())
