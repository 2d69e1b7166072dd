"""What a population stands for: the distribution of reward, and the time of reward.

Expectiles e_i of a distribution with probabilities p_j at z_j satisfy

    sum_j p_j |tau_i - 1(z_j <= e_i)| (z_j - e_i) = 0                     (1)

for each i (Dabney et al. 2020, Nature 577:671, methods; Rowland et al. 2019, ICML 97:5528): linear in p on a
grid z, solved by least squares with p >= 0 and sum p = 1. Quantiles (Dabney et al. 2018, AAAI 32:2892) are
the distribution: each holds the probability between the middles to its neighbours. So are the probabilities
of atoms (Bellemare et al. 2017, ICML 70:449).

A reward r_k that follows k steps after a state has there the value sum_k gamma^k r_k: values over gamma are
the Laplace transform of reward over time. With F_ik = gamma_i^k = U S V^T its regularised inverse is

    r = V (S / (S^2 + a^2)) U^T v                                         (2)

Masset et al. 2025, Nature 642:682, and Sousa et al. 2025, Nature 642:691, take the positive part.
"""

from __future__ import annotations

import numpy as np

from .distribution import Distribution, distribution
from .schedule import Host


def of_expectiles(value: Host, tau: Host, grid: Host) -> Distribution:
    """Impute a distribution, equation (1).

    Args:
        value: (n,) expectiles.
        tau: (n,) asymmetries.
        grid: (z,) values that may have a probability, increasing.
    """
    # The grid is one point where reward is certain.
    span = max(float(np.ptp(np.append(grid, value))), 1e-300)
    apart = (grid - value[:, None]) / span
    pull = np.where(apart > 0, tau[:, None], 1 - tau[:, None]) * apart
    # The sum is one more equation, as heavy as all others together.
    weight = np.sqrt(len(value))
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


def reward_over_time(value: Host, gamma: Host, ahead: int, a: float) -> Host:
    """Return (ahead,) the reward that comes after each number of steps, from 0, equation (2).

    Args:
        value: (n,) of one state.
        gamma: (n,) discounts for each step.
        ahead: Number of steps that are looked at.
        a: How strongly small singular values are held back: the larger, the smoother.
    """
    transform = gamma[:, None] ** np.arange(ahead)
    u, s, v = np.linalg.svd(transform, full_matrices=False)
    reward: Host = np.maximum((s / (s**2 + a**2) * (u.T @ value)) @ v, 0.0)
    return reward


def non_negative(a: Host, b: Host, tolerance: float = 1e-12) -> Host:
    """Return x >= 0 (n,) that makes |a x - b| least.

    Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23: unknowns enter the solution one by
    one, the one whose growth lowers the error fastest first; where that would make others negative, they
    leave it.

    Args:
        a: (m, n) finite.
        b: (m,) finite.
        tolerance: Smallest gradient that counts, relative to the largest at x = 0.
    """
    x, inside = np.zeros(a.shape[1]), np.zeros(a.shape[1], dtype=bool)
    error, gradient = float(b @ b), a.T @ b
    least = tolerance * float(np.abs(gradient).max(initial=0.0))
    while (outside := np.where(inside, -np.inf, gradient)).max(initial=-np.inf) > least:
        inside[outside.argmax()] = True
        found, inside = _feasible(a, b, x, inside)
        rest = b - a @ found
        if not rest @ rest < error:  # nothing but rounding is left
            return x
        x, error, gradient = found, float(rest @ rest), a.T @ rest
    return x


def _feasible(a: Host, b: Host, x: Host, inside: Host) -> tuple[Host, Host]:
    """Go from x towards the least squares of what is inside, as far as nothing becomes negative."""
    while True:
        aim = np.zeros_like(x)
        aim[inside] = np.linalg.lstsq(a[:, inside], b, rcond=None)[0]
        below = inside & (aim <= 0)
        if not below.any():
            return aim, inside
        step = float((x[below] / np.maximum(x[below] - aim[below], 1e-300)).min())
        x = x + step * (aim - x)
        inside = inside & (x > 1e-14 * max(float(x.max()), 1e-300))
        x = np.where(inside, x, 0.0)
        if not inside.any():
            return x, inside
