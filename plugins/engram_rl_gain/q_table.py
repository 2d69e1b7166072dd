"""The table that a gain learner fills: states from perceived changes, actions from candidate gains.

Equation numbers are those of `learner`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import engram
from engram import Array

from .semantics import Name, Semantics, semantics


def actions(gain_space: tuple[float, ...], stimuli: int) -> np.ndarray[Any, Any]:
    """Return (action, stimulus) every combination of candidate gains, the last stimulus fastest."""
    return np.array(list(itertools.product(gain_space, repeat=stimuli)), dtype=np.float64)


@engram.rule
def bin_of(change: float, delta: float, per_side: int) -> int:
    """Sort one perceived change into its bin, equation (1)."""
    found = per_side
    for inner in range(1, per_side + 1):
        threshold = inner * delta
        found = found + (change > threshold) - (change < -threshold)
    return found


@engram.rule
def state_of(change: Array, delta: float, per_side: int, meaning: Semantics) -> int:
    """Return the state that the perceived changes of one agent make, equations (1) and (2)."""
    state = 0
    for stimulus, one in enumerate(change):
        state = meaning.state(state, bin_of(one, delta, per_side), stimulus, 2 * per_side + 1)
    return state


@engram.rule
def taught(old: float, rate: float, target: float) -> float:
    """Return the new value of a state and action, equation (4); at a rate of zero the old one."""
    return (1 - rate) * old + rate * target if rate != 0 else old


def bins(change: Array, delta: Array | float, per_side: int) -> Array:
    """Sort perceived changes into bins, equation (1).

    Args:
        change: (..., stimulus) perceived change.
        delta: Width of a bin, broadcast to `change`.
        per_side: Bins k on either side of the middle one.

    Returns:
        (..., stimulus) int64 in 0 .. 2k; a change on a threshold stays in the inner bin.
    """
    return bin_of(change, delta, per_side)


def state_index(
    change: Array, delta: Array | float, per_side: int, meaning: Name | Semantics = "intended"
) -> Array:
    """Return (...) the state that perceived changes (..., stimulus) make, equations (1) and (2).

    Args:
        change: (..., stimulus) perceived change.
        delta: Width of a bin, broadcast to (...).
        per_side: Bins k on either side of the middle one.
        meaning: "larvaworld-2.5" counts the last stimulus in place of every one.
    """
    reading = semantics(meaning) if isinstance(meaning, str) else meaning
    state = 0
    for stimulus in range(change.shape[-1]):
        found = bin_of(change[..., stimulus], delta, per_side)
        state = reading.state(state, found, stimulus, 2 * per_side + 1)
    return state


def best_actions(q: Array) -> Array:
    """Return (batch,) the first action with the highest mean over states of `q` (batch, state, action)."""
    total = q[:, 0].copy()
    for state in range(1, q.shape[1]):  # in this order, so that every array module finds the same
        total += q[:, state]
    return (total / q.shape[1]).argmax(axis=1)


@engram.rule
def best_action(q: Array) -> int:
    """Return the first action with the highest mean over states of one agent's `q` (state, action)."""
    best, highest = 0, 0.0
    for action in range(len(q[0])):
        total = 0.0
        for state in range(len(q)):
            total = total + q[state, action]
        mean = total / len(q)
        if action == 0 or mean > highest:
            best, highest = action, mean
    return best


def best_gain(q: Array, table: Array) -> Array:
    """Return (batch, stimulus) the gains of `best_actions`; `table` is (action, stimulus)."""
    return table.take(best_actions(q), axis=0)
