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


@engram.rule
def advance(
    trial: Array, remaining: Array, train_trials: int, lengths: tuple[int, int]
) -> tuple[Array, Array, Array, Array]:
    """Go to the next signal.

    Args:
        trial: (batch,) number of the trial.
        remaining: (batch,) signals that follow in the trial; 0 at its end.
        train_trials: Number of training trials.
        lengths: Signals of a training and of a test trial.

    Returns:
        Whether the signal starts a trial; the number of its trial; whether that is a test; how many follow.
    """
    start = remaining <= 0
    trial = trial + start
    testing = trial >= train_trials
    following = (lengths[1] if testing else lengths[0]) - 1
    return start, trial, testing, following if start else remaining - 1
