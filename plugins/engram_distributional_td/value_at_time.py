"""The value at one time within the trial, trial by trial."""

from __future__ import annotations

from typing import Any

import numpy as np

import engram

from .color import Coloring
from .panel import panels, title
from .predictor import Parameter, chosen, predictors
from .sample import VALUE, Moment, aligned, numbers, step_of
from .timing import Host


@engram.parameters
class ValueAtTime(Moment):
    """Which values are drawn, and how."""

    predictors: int | tuple[int, ...] = engram.param(
        default=100, ge=0, doc="indices of predictors, or how many, evenly spaced"
    )
    by: Parameter | None = engram.param(
        default=None, doc="parameter that colours the lines; the first that differs if absent"
    )
    panel: Parameter | None = engram.param(default=None, doc="parameter with one panel for each of its values")


def compute(run: Any, settings: ValueAtTime) -> dict[str, Host]:
    """Return V at one time within the trial over trials.

    Returns:
        trial (trial,) numbers; value (trial, predictor), nan in trials without a row; final (predictor,) the
        mean of the last trials; time in s; predictor (predictor,) indices; by and color (predictor,): name
        and values of what colours; panel, level (panel,) and place (predictor,): name and values of what has
        panels, and which is whose.
    """
    replicas = settings.replicas(run)
    every = predictors(run, VALUE, replicas)
    places = chosen(every, settings.predictors)
    drawn = every.of(places)
    level, place = panels(drawn, settings.panel)
    by = settings.by or drawn.differing() or ""
    moment = settings.moment(run)
    found = settings.timings(run, VALUE)
    value = aligned(run, VALUE, found, moments=np.array([moment])).mean[:, 0, places]
    late = np.isin(numbers(found), settings.late(found))
    return {
        "trial": numbers(found), "value": value, "final": np.nanmean(value[late], axis=0),
        "time": np.asarray(moment * step_of(run)), "predictor": drawn.index,
        "by": np.array(by), "color": getattr(drawn, by) if by else np.zeros(len(places)),
        "panel": np.array(settings.panel or ""), "level": level, "place": place,
    }  # fmt: skip


def picture(result: Any, figure: Any) -> None:
    """Draw a line for each predictor, one panel for each value of the panels' parameter."""
    number = len(result["level"])
    columns = min(number, 4)
    rows = -(-number // columns)
    figure.set_size_inches(max(6.4, 3.0 * columns + 1.2), max(4.2, 2.6 * rows))
    every = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    coloring = Coloring(str(result["by"]), result["color"])
    for index, axes in enumerate(every[:number]):
        for line in np.flatnonzero(result["place"] == index):
            values = result["value"][:, line]
            seen = np.isfinite(values)
            axes.plot(result["trial"][seen], values[seen], linewidth=0.9, color=coloring.of(result["color"][line]))
        axes.set_title(title(str(result["panel"]), result["level"][index]), fontsize="medium")
        axes.tick_params(labelbottom=True)
    for spare in every[number:]:
        spare.remove()
    figure.supxlabel("trial", fontsize="medium")
    figure.supylabel(f"value at {float(result['time']):g} s (reward)", fontsize="medium")
    coloring.bar(figure, every[:number])


value_at_time = engram.Analysis(
    "value-at-time",
    "value of each predictor at one time within the trial, over trials",
    compute,
    picture,
    settings=ValueAtTime,
)
