"""What analyses need to know of a run: its sweep points, its odours, when its trials were."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .odor import Odor


def points(run: Any) -> int:
    """Return the number of sweep points in the batch of an opened run."""
    return int(run.batch // run.recipe["run"].get("batch", 1))


def point_names(run: Any) -> list[str]:
    """Name each sweep point by its values, such as "trained=True"."""
    columns = {
        name: values for name, values in run.columns.items() if name not in ("seed", "replica", "point")
    }
    size = run.batch // points(run)
    return [
        ", ".join(f"{name.partition('_')[2]}={values[index * size]}" for name, values in columns.items())
        for index in range(points(run))
    ]


def sources(run: Any) -> list[Odor]:
    """Return the odour sources of an opened run of odor-arena."""
    return [Odor(**table) for table in run.recipe["task"]["odors"]]


def trial_numbers(run: Any, time: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (time,) the number of the trial of each row, for tasks with training and test trials.

    A task without `trial_dur` has a single trial.
    """
    task, dt = run.recipe["task"], run.recipe["run"].get("dt", 1.0)
    if "trial_dur" not in task:
        return np.zeros(len(time), dtype=np.int64)
    step = np.rint(time / dt).astype(np.int64)
    train, test = round(task["trial_dur"] / dt), round(task["test_dur"] / dt)
    tests = (step - train * task["train_trials"]) // test
    number: NDArray[np.int64] = np.where(tests >= 0, task["train_trials"] + tests, step // train)
    return number


def tested(run: Any, time: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (time,) whether each row is of a test trial; where there are no tests, all rows count."""
    tests = trial_numbers(run, time) >= run.recipe["task"].get("train_trials", 0)
    return tests if tests.any() else np.ones(len(time), dtype=bool)
