"""The TD error: by trial and time within the trial as a heat map, and at the cue by predictor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import engram
from engram import EngramError

from .correlation import spearman
from .panel import LABELS, Colouring, panels, sign, title
from .predictor import Parameter, Predictors, predictors
from .sample import DELTA, Moment, Sample, aligned, between, spaced
from .schedule import Host, step_of

_PARTS = 3


@engram.parameters
class TDError(Sample):
    """Which errors are drawn, and how."""

    predictor: int | None = engram.param(default=None, ge=0, doc="index of a predictor; the mean if absent")
    by: Parameter | None = engram.param(
        default=None, doc="parameter whose low, middle and high values have a column each"
    )
    panel: Parameter | None = engram.param(default=None, doc="parameter with one row for each of its values")
    start: float | None = engram.param(
        default=None, ge=0, lt=math.inf, unit="s", doc="first time within the trial"
    )
    stop: float | None = engram.param(
        default=None, ge=0, lt=math.inf, unit="s", doc="last time within the trial"
    )
    trials: int = engram.param(default=1000, ge=1, doc="at most so many trials, evenly spaced")


def by_trial(run: Any, settings: TDError) -> dict[str, Host]:
    """Return the TD error, the mean over the predictors of each panel.

    Returns:
        error (row, column, trial, time); trial (trial,) numbers; time (time,) in s within the trial; row
        (row,) and column (column,) titles.
    """
    every = predictors(run, DELTA, settings.replicas(run))
    member, rows, columns = _members(every, settings)
    found = settings.timing(run, DELTA)
    kept = between(run, found.moments, settings.start, settings.stop)
    trials = spaced(found.trials, settings.trials)
    weights = member / np.maximum(member.sum(axis=0), 1)
    seen = aligned(run, DELTA, found, trials=trials, moments=kept, groups=weights)
    error = np.moveaxis(seen.mean, 2, 0).reshape(len(rows), len(columns), len(trials), len(kept))
    error[(member.sum(axis=0) == 0).reshape(error.shape[:2])] = np.nan
    return {
        "error": error, "trial": trials, "time": kept * step_of(run),
        "row": np.array(rows), "column": np.array(columns),
    }  # fmt: skip


def _members(every: Predictors, settings: TDError) -> tuple[Host, list[str], list[str]]:
    """Return (predictor, row x column) which predictors belong to which panel, and the titles."""
    own = np.ones(len(every.index), dtype=bool)
    if settings.predictor is not None:
        own = every.index == settings.predictor
        if not own.any():
            raise EngramError(
                f"predictor: {settings.predictor} was not recorded; record it with record.entries"
            )
    level, place = panels(every, settings.panel)
    rows = [title(settings.panel or "", value) for value in level]
    part, columns = _parts(every, settings.by)
    at = place * len(columns) + part
    return (at[:, None] == np.arange(len(rows) * len(columns))) & own[:, None], rows, columns


def _parts(every: Predictors, name: str | None) -> tuple[Host, list[str]]:
    """Return (predictor,) which third of the order by a parameter each is in, and the titles."""
    if name is None:
        return np.zeros(len(every.index), dtype=int), [""]
    values = getattr(every, name)
    number = min(_PARTS, len(np.unique(values)))
    inner = np.quantile(values, np.arange(1, number) / number)
    part = np.searchsorted(inner, values, side="right")
    spans = [(values[part == index].min(), values[part == index].max()) for index in np.unique(part)]
    titles = [f"{sign(name)} = {low:.3g}" + (f" to {high:.3g}" if high > low else "") for low, high in spans]
    return np.searchsorted(np.unique(part), part), titles


def heat_map(result: Any, figure: Any) -> None:
    """Draw one heat map for each panel, blue below 0 and red above, on one scale."""
    error, time, trial = result["error"], result["time"], result["trial"]
    rows, columns = error.shape[:2]
    figure.set_size_inches(max(6.4, 2.8 * columns + 1.4), max(4.2, 2.2 * rows))
    every = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    bound = np.abs(error[np.isfinite(error)]).max(initial=0.0) or 1.0
    for axes, values in zip(every.flat, error.reshape(-1, *error.shape[2:]), strict=True):
        image = axes.pcolormesh(
            _edges(time), _edges(trial), values, cmap="RdBu_r", vmin=-bound, vmax=bound, rasterized=True
        )
        axes.invert_yaxis() if axes is every[0, 0] else None
    for axes, text in zip(every[0], result["column"], strict=True):
        axes.set_title(str(text), fontsize="medium")
    for axes, text in zip(every[:, 0], result["row"], strict=True):
        axes.set_ylabel(str(text))
    figure.supxlabel("time within the trial (s)", fontsize="medium")
    figure.supylabel("trial", fontsize="medium")
    figure.colorbar(image, ax=every, label="TD error (reward)")


def _edges(values: Host) -> Host:
    """Return the borders between values, and one at either end."""
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[values[0] * 1.5 - values[1] / 2], middle, [values[-1] * 1.5 - values[-2] / 2]])


td_error = engram.Analysis(
    "td-error",
    "TD error by trial and time within the trial, a heat map",
    by_trial,
    heat_map,
    settings=TDError,
)


_COMPARED = ("asymmetry", "gamma")


def at_cue(run: Any, settings: Moment) -> dict[str, Host]:
    """Return the TD error at the cue of each predictor, the mean of the last trials.

    Returns:
        error, asymmetry, gamma (predictor,); predictor (predictor,) indices; time of the cue in s;
        spearman_asymmetry and spearman_gamma: its rank correlations, nan where all predictors are alike.
    """
    every, moment = predictors(run, DELTA, settings.replicas(run)), settings.moment(run)
    error = settings.settled(run, DELTA, moment)
    found = {name: getattr(every, name) for name in _COMPARED}
    ranks = {f"spearman_{name}": np.array(spearman(found[name], error)) for name in _COMPARED}
    return {
        "error": error, **found, "predictor": every.index, "time": np.array(moment * step_of(run)), **ranks
    }  # fmt: skip


def scatter(result: Any, figure: Any) -> None:
    """Draw the error against each parameter that differs, coloured by the other one."""
    shown = [name for name in _COMPARED if np.ptp(result[name]) > 0] or ["asymmetry"]
    figure.set_size_inches(1.2 + 4.2 * len(shown), 4.2)
    for axes, name in zip(figure.subplots(1, len(shown), sharey=True, squeeze=False)[0], shown, strict=True):
        other = next((item for item in shown if item != name), "")
        values = result[other] if other else result[name]
        colouring = Colouring(other, values)
        axes.scatter(result[name], result["error"], s=14, c=[colouring.of(value) for value in values])
        axes.set_xlabel(LABELS[name])
        colouring.bar(figure, axes)
    figure.supylabel(f"TD error at {float(result['time']):g} s (reward)", fontsize="medium")


cue_response = engram.Analysis(
    "cue-response", "TD error at the cue against asymmetry and discount", at_cue, scatter, settings=Moment
)
