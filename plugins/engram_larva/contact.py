"""Contact time: how long larvae touch a patch, trial by trial."""

from __future__ import annotations

from typing import Any

import numpy as np

import engram

from .panel import colors, legend
from .protocol import Host, contrast, interval, point_names, points, trial_ends, trial_starts


def compute(run: Any) -> dict[str, Host]:
    """Return the share of each trial that a larva spent in contact, by the sensor that touched longest.

    Returns:
        trial (trial,) from 1; share, low, high (trial, point): mean over larvae with its interval; point
        (point,) names; and the `contrast` of the last trial.
    """
    last, trial = trial_ends(run, run.time("task"))
    steps = np.maximum(run.step("task")[last] - trial_starts(run, trial - 1), 1)[:, None]
    touched = run["task.touched"][last].max(axis=2) / (steps * run.recipe["run"]["dt"])
    share = touched.reshape(len(last), points(run), -1)
    bounds = np.array([[interval(values) for values in row] for row in share])
    return {
        "trial": trial, "share": share.mean(axis=2), "low": bounds[..., 0], "high": bounds[..., 1],
        "point": np.array(point_names(run)), **contrast(run, share[-1]),
    }  # fmt: skip


def picture(result: Any, figure: Any) -> None:
    """Draw the share of time in contact against the trial, with its interval."""
    axes = figure.subplots()
    for index, (name, color) in enumerate(zip(result["point"], colors(len(result["point"])), strict=True)):
        low, share, high = (result[key][:, index] for key in ("low", "share", "high"))
        axes.plot(result["trial"], share, "o-", markersize=3, label=str(name) or "larvae", color=color)
        axes.fill_between(result["trial"], low, high, alpha=0.2, color=color)
    axes.set(xlabel="trial", ylabel="share of time in contact", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    legend(figure, axes)


contact_time = engram.Analysis("contact-time", "share of time in contact, trial by trial", compute, picture)
