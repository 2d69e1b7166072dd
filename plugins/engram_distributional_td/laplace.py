"""When reward comes, from values with different discounts.

A reward r_k that follows k steps after a state has there the value sum_k gamma^k r_k: values over gamma are
the Laplace transform of reward over time. With F_ik = gamma_i^k = U S V^T its regularised inverse is

    r = V (S / (S^2 + a^2)) U^T v                                         (1)

Masset et al. 2025, Nature 642:682, and Sousa et al. 2025, Nature 642:691, take the positive part.
"""

from __future__ import annotations

import numpy as np

from .timing import Host


def reward_over_time(value: Host, gamma: Host, ahead: int, a: float) -> Host:
    """Return (ahead,) the reward that comes after each number of steps, from 0, equation (1).

    Args:
        value: (n,) of one state.
        gamma: (n,) discounts for each step.
        ahead: Number of steps that are looked at.
        a: How strongly small singular values are held back: the larger, the smoother.
    """
    transform = gamma[:, None] ** np.arange(ahead)
    u, s, v = np.linalg.svd(transform, full_matrices=False)
    return np.maximum((s / (s**2 + a**2) * (u.T @ value)) @ v, 0.0)
