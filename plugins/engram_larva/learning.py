"""The learning curve: the gains in use, trial by trial."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import engram

from .panel import legend, panels
from .protocol import point_names, points, trial_ends


def compute(run: Any) -> dict[str, NDArray[Any]]:
    """Return the gains at the end of each trial.

    They are those of the sensor ("task.gain") where recorded, so that a naive twin shows its innate gain, or
    else what any memory records as `gain` (stimulus).

    Returns:
        trial (trial,) from 1; mean, spread (trial, point, stimulus): mean and standard deviation over larvae;
        stimulus (stimulus,) and point (point,) names.
    """
    path = "task.gain" if "task.gain" in run else "memory.gain"
    gain = run[path]
    last, trial = trial_ends(run, run.time(path))
    by_point = gain[last].reshape(len(last), points(run), -1, gain.shape[2])
    labels = run.labels(path, run.dims(path)[2]) or range(gain.shape[2])
    return {
        "trial": trial,
        "mean": by_point.mean(axis=2),
        "spread": by_point.std(axis=2),
        "stimulus": np.array([str(label) for label in labels]),
        "point": np.array(point_names(run)),
    }


def picture(result: Any, figure: Any) -> None:
    """Draw mean and standard deviation of each gain against the trial, one panel a sweep point."""
    every = panels(figure, result["point"], "trial", "gain")
    for index, axes in enumerate(every):
        for stimulus, label in enumerate(result["stimulus"]):
            mean, spread = (result[key][:, index, stimulus] for key in ("mean", "spread"))
            axes.plot(result["trial"], mean, "o-", markersize=3, label=str(label))
            axes.fill_between(result["trial"], mean - spread, mean + spread, alpha=0.2)
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.xaxis.get_major_locator().set_params(integer=True)
    legend(figure, every[0])


learning_curve = engram.Analysis(
    "learning-curve", "gains at the end of each trial: mean and spread", compute, picture
)
