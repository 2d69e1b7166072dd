"""Correlations of two properties of predictors."""

from __future__ import annotations

import numpy as np

from .schedule import Host


def pearson(x: Host, y: Host) -> float:
    """Return Pearson's correlation of x (n,) and y (n,); nan where one of them does not vary."""
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum()) / size if size > 0 else float("nan")


def spearman(x: Host, y: Host) -> float:
    """Return Spearman's rank correlation of x (n,) and y (n,); equal values share their mean rank."""
    return pearson(ranks(x), ranks(y))


def ranks(values: Host) -> Host:
    """Return the ranks of values (n,) from 1; equal values have the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    mean: Host = (last - (count - 1) / 2)[place]
    return mean
