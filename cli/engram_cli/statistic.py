"""Reduces the array that an analysis gives to the one number that the literature reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

STATISTICS: Mapping[str, Callable[[np.ndarray[Any, Any]], float]] = {
    "mean": lambda values: float(np.mean(values)),
    "median": lambda values: float(np.median(values)),
    "std": lambda values: float(np.std(values)),
    "min": lambda values: float(np.min(values)),
    "max": lambda values: float(np.max(values)),
    "last": lambda values: float(np.mean(values[-1] if values.ndim else values)),
}
"""By name as in a key of `[expect]`; "last" is the mean of the last entry along the first axis."""
