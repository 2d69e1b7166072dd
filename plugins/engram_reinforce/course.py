"""The course of learning: one number for each trial of each replica, and the mean of the last of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]


@engram.parameters
class Span:
    """Which trials of which replicas count."""

    trials: int = engram.param(default=100, ge=1, doc="trials counted, the last ones that all replicas ended")
    point: int = engram.param(default=-1, doc="sweep point of the replicas, from 0; -1 is the last")


def course(run: Any, values: Host, counted: Host) -> Host:
    """Return the mean over the rows of a trial, (trial, point, replica), of trials that all replicas ended.

    Args:
        run: An opened run with "task.start" and "task.end", recorded in every step.
        values: (time, batch) numbers.
        counted: (time, batch) bool, rows that count.

    Raises:
        EngramError: Not every step was recorded, or no trial was ended.
    """
    if run.recipe["record"].get("every", 1) != 1:
        raise EngramError("it counts trials step by step; record every step, with record.every = 1")
    start, end = run["task.start"], run["task.end"]
    number = np.cumsum(start, axis=0) - 1
    trials = int(end.sum(axis=0).min())
    if trials == 0:
        raise EngramError("no trial was ended; run more steps, or shorter trials")
    rows, replicas = np.nonzero(counted & (number >= 0) & (number < trials))
    places = number[rows, replicas], replicas
    total, count = (np.zeros((trials, run.batch)) for _ in range(2))
    np.add.at(total, places, values[rows, replicas])
    np.add.at(count, places, 1)
    return (total / np.maximum(count, 1)).reshape(trials, -1, run.recipe["run"]["batch"])


def late(found: Host, span: Span) -> Host:
    """Return the mean over the last trials of a course, (replica,) of one sweep point.

    Raises:
        EngramError: The run has fewer trials, or no such point.
    """
    trials, points, _ = found.shape
    if span.trials > trials:
        raise EngramError(f"trials: all replicas ended {trials} only, not {span.trials}; count fewer")
    if not -points <= span.point < points:
        raise EngramError(f"point: there are {points} sweep points, so {span.point} is none; count from 0")
    mean: Host = found[-span.trials :, span.point].mean(axis=0)
    return mean


def point_names(run: Any) -> Host:
    """Name each sweep point by its values, such as "eta = 0.01"; one without a sweep is "all"."""
    size = run.recipe["run"]["batch"]
    swept = {name: one for name, one in run.columns.items() if name not in ("seed", "replica", "point")}
    names = [
        ", ".join(f"{name.rpartition('_')[2]} = {one[first]}" for name, one in swept.items())
        for first in range(0, run.batch, size)
    ]
    return np.array([name or "all" for name in names])


def draw(result: Mapping[str, Host], figure: Any, label: str) -> None:
    """Draw the course: mean over the replicas of each sweep point, and the range that they span."""
    axes = figure.subplots()
    found = result["course"]
    trial = np.arange(1, len(found) + 1)
    for point, name in enumerate(result["point"]):
        axes.plot(trial, found[:, point].mean(axis=1), color=f"C{point}", label=str(name))
        low, high = found[:, point].min(axis=1), found[:, point].max(axis=1)
        axes.fill_between(trial, low, high, color=f"C{point}", alpha=0.2, linewidth=0)
    axes.set(xlabel="trial", ylabel=label)
    if found.shape[1] > 1:
        axes.legend(fontsize="small")
