"""Least squares with unknowns that are not negative.

Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23: unknowns enter the solution one by one,
the one whose growth lowers the error fastest first; where that would make others negative, they leave it.
"""

from __future__ import annotations

import numpy as np

from .timing import Host


def non_negative(a: Host, b: Host, tolerance: float = 1e-10) -> Host:
    """Return x >= 0 (n,) that makes |a x - b| least.

    Args:
        a: (m, n).
        b: (m,).
        tolerance: Smallest gradient that counts, relative to the largest at x = 0.

    Raises:
        ValueError: It does not end after 30 n changes: a or b hold what is not finite.
    """
    n = a.shape[1]
    x, inside = np.zeros(n), np.zeros(n, dtype=bool)
    gradient = a.T @ b
    least = tolerance * max(float(np.abs(gradient).max(initial=0.0)), 1e-300)
    for _ in range(30 * n + 1):
        outside = np.where(inside, -np.inf, gradient)
        if inside.all() or outside.max() <= least:
            return x
        inside[outside.argmax()] = True
        x, inside = _feasible(a, b, x, inside)
        gradient = a.T @ (b - a @ x)
    raise ValueError("the least squares do not settle; are all values finite?")


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
