"""Trials of a fixed number of signals: some of training, then tests to the end of the run."""

from __future__ import annotations

import engram
from engram import Array


def signals(duration: float, dt: float) -> int:
    """Return how many signals a trial of `duration` s has.

    Raises:
        RecipeError: Fewer than two, the start and the end.
    """
    n = round(duration / dt)
    if n < 2:
        raise engram.RecipeError(f"task: a trial of {duration:g} s has fewer than two steps of {dt:g} s")
    return n


def advance(
    trial: Array, remaining: Array, testing: Array, train_trials: int, lengths: tuple[int, int]
) -> Array:
    """Go to the next signal, in place.

    Args:
        trial: (batch,) int32 number of the trial.
        remaining: (batch,) int32 signals that follow in the trial; 0 at its end.
        testing: (batch,) bool, the trial is a test.
        train_trials: Number of training trials.
        lengths: Signals of a training and of a test trial.

    Returns:
        (batch,) bool: the signal starts a trial.
    """
    xp = engram.array_module(trial)
    start = remaining <= 0
    trial += start
    testing[...] = trial >= train_trials
    n_train, n_test = lengths
    remaining[...] = xp.where(start, xp.where(testing, n_test - 1, n_train - 1), remaining - 1)
    return start
