"""Reversal points: the size of reward at which the response of a predictor changes sign.

Dabney et al. 2020, Nature 577:671: a cell responds to a reward r with alpha+ d where d = r - V > 0, and with
alpha- d where d < 0. Its reversal point is the threshold that has most positive responses above and negative
ones below, placed by a straight line between its neighbours; the slopes at either side, by least squares
through that point, tell its asymmetry:

    tau = slope+ / (slope+ + slope-)                                      (1)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import engram
from engram import EngramError

from .correlation import pearson, spearman
from .panel import Colouring
from .predictor import Predictors, predictors
from .sample import DELTA, VALUE, Moment, Outcomes, outcomes
from .schedule import Host, step_of


@engram.parameters
class ReversalPoints(Moment):
    """At which outcomes; `time` is that of the cue."""

    at: float | None = engram.param(
        default=None,
        ge=0,
        lt=math.inf,
        unit="s",
        doc="time of the outcome within the trial, where it may be 0; wherever a reward comes if absent",
    )


def compute(run: Any, settings: ReversalPoints) -> dict[str, Host]:
    """Return the reversal point of each predictor, from its responses in the last trials.

    Returns:
        reversal, value (that at the cue), asymmetry, estimate (of the asymmetry, equation (1)), first_half
        and second_half (reversal points from every other trial), predictor (indices), (predictor,) each;
        time of the cue in s; spearman and pearson of reversal and asymmetry; consistency: Pearson's
        correlation of the halves.
    """
    every = predictors(run, DELTA, settings.replicas(run))
    moment = None if settings.at is None else round(settings.at / step_of(run))
    found = outcomes(run, settings.late(settings.timing(run, DELTA)), moment)
    if len(np.unique(found.size)) < 2:
        raise EngramError(
            "outcomes have fewer than two sizes in the last trials; take more with last, "
            "or say when they come with at"
        )
    reversal, estimate = _of_all(found, every)
    place = np.unique(found.trial, return_inverse=True)[1]
    halves = [_of_all(_some(found, place % 2 == side), every)[0] for side in (0, 1)]
    cue = settings.moment(run)
    return {
        "reversal": reversal, "value": settings.settled(run, VALUE, cue), "asymmetry": every.asymmetry,
        "estimate": estimate, "first_half": halves[0], "second_half": halves[1], "predictor": every.index,
        "time": np.array(cue * step_of(run)), "spearman": np.array(spearman(every.asymmetry, reversal)),
        "pearson": np.array(pearson(every.asymmetry, reversal)), "consistency": np.array(pearson(*halves)),
    }  # fmt: skip


def _some(found: Outcomes, kept: Host) -> Outcomes:
    return Outcomes(found.trial[kept], found.moment[kept], found.size[kept], found.error[kept])


def _of_all(found: Outcomes, every: Predictors) -> tuple[Host, Host]:
    """Return (predictor,) reversal points and estimates of asymmetry; nan where sizes are fewer than two."""
    size, place, count = np.unique(found.size, return_inverse=True, return_counts=True)
    error, response = np.zeros((2, len(size), found.error.shape[1]))
    np.add.at(error, place, found.error)
    np.add.at(response, place, np.where(found.error > 0, every.up, every.down) * found.error)
    if len(size) < 2:
        return np.full((2, error.shape[1]), np.nan)[0], np.full(error.shape[1], np.nan)
    error, response = error / count[:, None], response / count[:, None]
    reversal = np.array([reversal_point(size, own, count) for own in error.T])
    pairs = zip(reversal, response.T, strict=True)
    return reversal, np.array([_asymmetry(size - point, own, count) for point, own in pairs])


def reversal_point(size: Host, response: Host, count: Host) -> float:
    """Return the size at which the response changes sign; the nearest size where it never does.

    Args:
        size: (size,) increasing.
        response: (size,) mean response to it.
        count: (size,) number of trials.
    """
    above, below = count * (response > 0), count * (response < 0)
    score = np.append(np.cumsum(above[::-1])[::-1], 0) + np.insert(np.cumsum(below), 0, 0)
    threshold = int(score.argmax())
    if threshold in (0, len(size)):
        return float(size[min(threshold, len(size) - 1)])
    (low, high), (left, right) = response[threshold - 1 : threshold + 1], size[threshold - 1 : threshold + 1]
    part = -low / (high - low) if low < 0 < high else 0.5 if low < 0 or high > 0 else 0.0
    return float(left + part * (right - left))


def _asymmetry(away: Host, response: Host, count: Host) -> float:
    """Equation (1); nan where there is nothing at one side."""
    slopes = []
    for side in (away > 0, away < 0):
        weight = (count * away**2)[side].sum()
        slopes.append((count * away * response)[side].sum() / weight if weight > 0 else np.nan)
    return float(slopes[0] / (slopes[0] + slopes[1])) if sum(slopes) else float("nan")


def picture(result: Any, figure: Any) -> None:
    """Draw reversal points against asymmetry, and those of one half of the trials against the other's."""
    figure.set_size_inches(9.6, 4.2)
    left, right = figure.subplots(1, 2)
    left.scatter(result["asymmetry"], result["reversal"], s=14, label="reversal point")
    left.scatter(
        result["asymmetry"], result["value"], s=14, marker="x", color="0.5", label="value at the cue"
    )
    left.set_xlabel(r"asymmetry $\tau$")
    left.set_ylabel("reward")
    left.set_title(f"Spearman {float(result['spearman']):.3f}", fontsize="medium")
    left.legend()
    colouring = Colouring("asymmetry" if np.ptp(result["asymmetry"]) > 0 else "", result["asymmetry"])
    colours = [colouring.of(value) for value in result["asymmetry"]]
    right.scatter(result["first_half"], result["second_half"], s=14, c=colours)
    right.axline((right.get_xlim()[0],) * 2, slope=1, color="0.7", linewidth=0.8, zorder=0)
    right.set_xlabel("reversal point, every other trial (reward)")
    right.set_ylabel("reversal point, the others (reward)")
    right.set_title(f"Pearson {float(result['consistency']):.3f}", fontsize="medium")
    colouring.bar(figure, right)


reversal_points = engram.Analysis(
    "reversal-points",
    "size of reward at which each predictor's response changes sign, against its asymmetry",
    compute,
    picture,
    settings=ReversalPoints,
)
