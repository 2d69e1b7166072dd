"""The table that a gain learner fills: states from perceived changes, actions from candidate gains.

Equation numbers are those of `learner`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from engram import Array, array_module

from .semantics import Name, semantics


def actions(gain_space: tuple[float, ...], stimuli: int) -> np.ndarray[Any, Any]:
    """Return (action, stimulus) every combination of candidate gains, the last stimulus fastest."""
    return np.array(list(itertools.product(gain_space, repeat=stimuli)), dtype=np.float64)


def bins(change: Array, delta: Array | float, per_side: int) -> Array:
    """Sort perceived changes into bins, equation (1).

    Args:
        change: (..., stimulus) perceived change.
        delta: Width of a bin, broadcast to `change`.
        per_side: Bins k on either side of the middle one.

    Returns:
        (..., stimulus) int64 in 0 .. 2k; a change on a threshold stays in the inner bin.
    """
    found = array_module(change).full(change.shape, per_side, dtype="int64")
    for inner in range(1, per_side + 1):
        threshold = inner * delta
        found += change > threshold
        found -= change < -threshold
    return found


def state_index(change: Array, delta: Array | float, per_side: int, meaning: Name = "intended") -> Array:
    """Return (...) the state that perceived changes (..., stimulus) make, equations (1) and (2).

    Args:
        change: (..., stimulus) perceived change.
        delta: Width of a bin, broadcast to `change`.
        per_side: Bins k on either side of the middle one.
        meaning: "larvaworld-2.5" counts the last stimulus in place of every one.
    """
    return semantics(meaning).state(bins(change, delta, per_side), 2 * per_side + 1)


def best_actions(q: Array) -> Array:
    """Return (batch,) the first action with the highest mean over states of `q` (batch, state, action)."""
    total = q[:, 0].copy()
    for state in range(1, q.shape[1]):  # in this order, so that every array module finds the same
        total += q[:, state]
    return (total / q.shape[1]).argmax(axis=1)


def best_gain(q: Array, table: Array) -> Array:
    """Return (batch, stimulus) the gains of `best_actions`; `table` is (action, stimulus)."""
    return table.take(best_actions(q), axis=0)
