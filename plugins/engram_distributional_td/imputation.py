"""The distribution that a population of values stands for.

Expectiles e_i of a distribution with probabilities p_j at z_j satisfy

    sum_j p_j |tau_i - 1(z_j <= e_i)| (z_j - e_i) = 0                     (1)

for each i (Dabney et al. 2020, Nature 577:671, methods; Rowland et al. 2019, ICML 97:5528): linear in p on a
grid z, solved by least squares with p >= 0 and sum p = 1. Quantiles (Dabney et al. 2018, AAAI 32:2892) are the
distribution: each holds the probability between the middles to its neighbours. So are the probabilities of
atoms (Bellemare et al. 2017, ICML 70:449).
"""

from __future__ import annotations

import numpy as np

from .distribution import Distribution, distribution
from .least_squares import non_negative
from .timing import Host

_SUM = 100.0


def of_expectiles(value: Host, tau: Host, grid: Host) -> Distribution:
    """Impute a distribution, equation (1).

    Args:
        value: (n,) expectiles.
        tau: (n,) asymmetries.
        grid: (z,) values that may have a probability, increasing.
    """
    span = max(float(grid[-1] - grid[0]), 1e-300)
    apart = (grid - value[:, None]) / span
    pull = np.where(apart > 0, tau[:, None], 1 - tau[:, None]) * apart
    # The sum is one more equation, so heavy that it holds.
    weight = _SUM * np.sqrt(len(value))
    a = np.vstack([pull, np.full(len(grid), weight)])
    p = non_negative(a, np.append(np.zeros(len(value)), weight))
    return Distribution(grid, p / p.sum())


def of_quantiles(value: Host, tau: Host) -> Distribution:
    """Take values (n,) as the quantiles at tau (n,)."""
    order = np.argsort(tau)
    edges = np.concatenate([[0.0], (tau[order][1:] + tau[order][:-1]) / 2, [1.0]])
    return distribution(value[order], np.diff(edges))


def of_atoms(probability: Host, atom: Host) -> Distribution:
    """Take probabilities (n,) of atoms (n,), those below 0 as 0; what they lack is at the value 0."""
    held = np.maximum(probability, 0)
    lacking = max(1 - float(held.sum()), 0.0)
    return distribution(np.append(atom, 0.0), np.append(held, lacking))
