"""The table that a gain learner fills: states from perceived changes, actions from candidate gains.

Equation numbers are those of `engram_rl_gain.learner`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from engram import Array, array_module


def actions(gain_space: tuple[float, ...], stimuli: int) -> np.ndarray[Any, Any]:
    """Return (action, stimulus) every combination of candidate gains, the last stimulus fastest."""
    return np.array(list(itertools.product(gain_space, repeat=stimuli)), dtype=np.float64)


def place_values(stimuli: int, per_side: int) -> np.ndarray[Any, Any]:
    """Return (stimulus,) what a bin of each stimulus adds to the index of the state, the last fastest."""
    return (2 * per_side + 1) ** np.arange(stimuli - 1, -1, -1)


def bins(change: Array, thresholds: Array) -> Array:
    """Sort perceived changes into bins, equation (1).

    Args:
        change: (batch, stimulus) perceived change.
        thresholds: (batch, k) upper ends of the inner bins, increasing.

    Returns:
        (batch, stimulus) int64 in 0 .. 2k; a change on a threshold stays in the inner bin.
    """
    xp = array_module(change)
    beyond = (xp.abs(change)[:, :, None] > thresholds[:, None, :]).sum(axis=2)
    return xp.sign(change).astype(np.int64) * beyond + thresholds.shape[1]


def state_index(change: Array, thresholds: Array, places: Array) -> Array:
    """Return (batch,) the index of the state that the changes (batch, stimulus) put each replica in."""
    return (bins(change, thresholds) * places).sum(axis=1)


def best_actions(q: Array) -> Array:
    """Return (batch,) the first action with the highest mean over states of `q` (batch, state, action)."""
    return q.mean(axis=1).argmax(axis=1)


def best_gain(q: Array, table: Array) -> Array:
    """Return (batch, stimulus) the gains of `best_actions`; `table` is (action, stimulus)."""
    return table[best_actions(q)]
