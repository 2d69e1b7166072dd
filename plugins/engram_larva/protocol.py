"""What analyses need to know of a run: sweep points, odours, trials, and which larvae are controls."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import engram

from .odor import Odor

Host = NDArray[Any]
_NORMAL_95 = 1.96


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
    """Return the odour sources of an opened run.

    Raises:
        engram.EngramError: The run's task has no odours.
    """
    if "odors" not in run.recipe["task"]:
        raise engram.EngramError(f"task {run.recipe['task']['use']!r} has no odours to analyse")
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


def trial_starts(run: Any, number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the step at which each trial of these numbers, from 0, starts."""
    task, dt = run.recipe["task"], run.recipe["run"].get("dt", 1.0)
    if "trial_dur" not in task:
        return np.zeros_like(number)
    train, test = round(task["trial_dur"] / dt), round(task["test_dur"] / dt)
    trained = np.minimum(number, task["train_trials"])
    start: NDArray[np.int64] = trained * train + (number - trained) * test
    return start


def trial_ends(run: Any, time: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the last row of each trial and the trial's number from 1, (trial,) each."""
    number = trial_numbers(run, time)
    last = np.append(np.flatnonzero(np.diff(number)), len(number) - 1)
    return last, number[last] + 1


def tested(run: Any, time: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (time,) whether each row is of a test trial; where there are no tests, all rows count."""
    tests = _tests(run, time)
    return tests if tests.any() else np.ones(len(time), dtype=bool)


def has_tests(run: Any, time: NDArray[np.float64]) -> bool:
    """Say whether any row is of a test trial."""
    return bool(_tests(run, time).any())


def _tests(run: Any, time: NDArray[np.float64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = trial_numbers(run, time) >= run.recipe["task"].get("train_trials", 0)
    return found


def interval(values: Host) -> tuple[float, float]:
    """Return the 95 % interval of the mean of `values` (n,), by the normal approximation."""
    mean = float(values.mean())
    error = _NORMAL_95 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else np.inf
    return mean - error, mean + error


def treated(run: Any) -> Host:
    """Return (point,) bool: the sweep points of trained and rewarded larvae; the rest are their controls.

    A run that sweeps neither `task.trained` nor `task.rewarded` treats the last of its points.
    """
    n = points(run)
    flags = np.ones(n, dtype=bool)
    for name in ("task_trained", "task_rewarded"):
        if name in run.columns:
            flags &= run.columns[name].reshape(n, -1)[:, 0].astype(bool)
    return np.arange(n) == n - 1 if flags.all() else flags


def contrast(run: Any, value: Host) -> dict[str, Host]:
    """Compare treated larvae with their controls, replica by replica.

    Args:
        run: The opened run.
        value: (point, larva) what is compared.

    Returns:
        mean and control: the means of treated larvae and of controls; difference, difference_low and
        difference_high: the mean of the pairs with its interval. All but mean are nan without controls.
    """
    flags = treated(run)
    control, low, high = np.nan, np.nan, np.nan
    difference = np.full(1, np.nan)
    if not flags.all():
        control = float(value[~flags].mean())
        difference = value[flags].mean(axis=0) - value[~flags].mean(axis=0)
        low, high = interval(difference)
    found = {
        "mean": value[flags].mean(), "control": control, "difference": difference.mean(),
        "difference_low": low, "difference_high": high,
    }  # fmt: skip
    return {name: np.asarray(number) for name, number in found.items()}
