"""Values of predictors: at one time of the trial over trials, and over the trial, trial after trial."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

import engram

from .panel import Colouring, panels, title
from .predictor import Parameter, chosen, predictors
from .sample import DELTA, REWARD, VALUE, Moment, Sample, aligned, between, spaced
from .schedule import Host, step_of

_ROWS = ("value", "reward", "error")
_LABELS = ("value (reward)", "reward", "TD error (reward)")


@engram.parameters
class ValueAtTime(Moment):
    """Which values are drawn, and how."""

    predictors: int | tuple[int, ...] = engram.param(
        default=100, ge=0, doc="indices of predictors, or how many, evenly spaced"
    )
    by: Parameter | None = engram.param(
        default=None, doc="parameter that colours the lines; the first that differs if absent"
    )
    panel: Parameter | None = engram.param(
        default=None, doc="parameter with one panel for each of its values"
    )


def at_time(run: Any, settings: ValueAtTime) -> dict[str, Host]:
    """Return V at one time within the trial over trials.

    Returns:
        trial (trial,) numbers; value (trial, predictor), nan in trials without a row; final (predictor,) the
        mean of the last trials; time in s; predictor (predictor,) indices; by and colour (predictor,): name
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
    found = settings.timing(run, VALUE)
    value = aligned(run, VALUE, found, moments=np.array([moment])).mean[:, 0, places]
    return {
        "trial": found.trials, "value": value, "final": settings.settled(run, VALUE, moment)[places],
        "time": np.asarray(moment * step_of(run)), "predictor": drawn.index,
        "by": np.array(by), "colour": getattr(drawn, by) if by else np.zeros(len(places)),
        "panel": np.array(settings.panel or ""), "level": level, "place": place,
    }  # fmt: skip


def lines(result: Any, figure: Any) -> None:
    """Draw a line for each predictor, one panel for each value of the panels' parameter."""
    number = len(result["level"])
    columns = min(number, 4)
    rows = -(-number // columns)
    figure.set_size_inches(max(6.4, 3.0 * columns + 1.2), max(4.2, 2.6 * rows))
    every = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    colouring = Colouring(str(result["by"]), result["colour"])
    for index, axes in enumerate(every[:number]):
        for line in np.flatnonzero(result["place"] == index):
            values = result["value"][:, line]
            seen = np.isfinite(values)
            axes.plot(
                result["trial"][seen], values[seen], linewidth=0.9, color=colouring.of(result["colour"][line])
            )
        axes.set_title(title(str(result["panel"]), result["level"][index]), fontsize="medium")
        axes.tick_params(labelbottom=True)
    for spare in every[number:]:
        spare.remove()
    figure.supxlabel("trial", fontsize="medium")
    figure.supylabel(f"value at {float(result['time']):g} s (reward)", fontsize="medium")
    colouring.bar(figure, every[:number])


value_at_time = engram.Analysis(
    "value-at-time",
    "value of each predictor at one time within the trial, over trials",
    at_time,
    lines,
    settings=ValueAtTime,
)


@engram.parameters
class ValueOverTime(Sample):
    """Which trials and predictors are drawn, and how."""

    predictors: int | tuple[int, ...] = engram.param(
        default=50, ge=0, doc="indices of predictors, or how many, evenly spaced"
    )
    by: Parameter | None = engram.param(
        default=None, doc="parameter that colours the lines; the first that differs if absent"
    )
    panel: Parameter | None = engram.param(
        default=None, doc="parameter with one column for each of its values"
    )
    trials: int = engram.param(default=200, ge=1, doc="at most so many trials, evenly spaced, a frame each")
    start: float | None = engram.param(
        default=None, ge=0, lt=math.inf, unit="s", doc="first time within the trial"
    )
    stop: float | None = engram.param(
        default=None, ge=0, lt=math.inf, unit="s", doc="last time within the trial"
    )


def over_time(run: Any, settings: ValueOverTime) -> dict[str, Host]:
    """Return V, reward and TD error over the trial.

    Returns:
        value and error (trial, time, predictor), reward (trial, time), the mean over replicas; trial (trial,)
        numbers; time (time,) in s; predictor (predictor,) indices; by and colour (predictor,): name and
        values of what colours; panel, level (panel,) and place (predictor,): name and values of what has
        panels, and which is whose.
    """
    every = predictors(run, VALUE, settings.replicas(run))
    places = chosen(every, settings.predictors)
    drawn = every.of(places)
    level, place = panels(drawn, settings.panel)
    by = settings.by or drawn.differing() or ""
    found = {path: settings.timing(run, path) for path in (VALUE, REWARD, DELTA)}
    kept = between(run, found[VALUE].moments, settings.start, settings.stop)
    trials = spaced(found[VALUE].trials, settings.trials)
    seen = {path: aligned(run, path, found[path], trials=trials, moments=kept).mean for path in found}
    return {
        "value": seen[VALUE][:, :, places], "reward": seen[REWARD][:, :, 0],
        "error": seen[DELTA][:, :, places],
        "trial": trials, "time": kept * step_of(run), "predictor": drawn.index,
        "by": np.array(by), "colour": getattr(drawn, by) if by else np.zeros(len(places)),
        "panel": np.array(settings.panel or ""), "level": level, "place": place,
    }  # fmt: skip


def three_trials(result: Any, figure: Any) -> None:
    """Draw the first, the middle and the last trial."""
    number = len(result["trial"])
    shown = list(dict.fromkeys((0, (number - 1) // 2, number - 1)))
    every = _grid(result, figure, shown)
    colouring = Colouring(str(result["by"]), result["colour"])
    for column, frame in enumerate(shown):
        _draw(result, every[:, column * len(result["level"]) :], frame, colouring)
    colouring.bar(figure, list(every.flat))


def animation(result: Any, figure: Any) -> Iterator[None]:
    """Draw one frame for each trial."""
    every = _grid(result, figure, [0])
    colouring = Colouring(str(result["by"]), result["colour"])
    colouring.bar(figure, list(every.flat))
    lines = _draw(result, every, 0, colouring)
    yield
    for frame in range(1, len(result["trial"])):
        for line, name, place in lines:
            values = result[name][frame]
            line.set_ydata(values if place is None else values[:, place])
        _name(result, every, frame)
        yield


def _grid(result: Any, figure: Any, frames: list[int]) -> Any:
    """Lay out value, reward and error below each other, for each trial and panel a column."""
    columns = len(frames) * len(result["level"])
    figure.set_size_inches(max(6.4, 2.4 * columns + 1.4), 6.4)
    every = figure.subplots(3, columns, sharex=True, sharey="row", squeeze=False)
    for axes, name, label in zip(every[:, 0], _ROWS, _LABELS, strict=True):
        axes.set_ylabel(label)
        finite = result[name][np.isfinite(result[name])]
        low, high = finite.min(initial=0.0), finite.max(initial=0.0)
        margin = 0.05 * (high - low) or 0.5
        axes.set_ylim(low - margin, high + margin)
    figure.supxlabel("time within the trial (s)", fontsize="medium")
    return every


def _draw(result: Any, every: Any, frame: int, colouring: Colouring) -> list[tuple[Any, str, int | None]]:
    """Draw a trial; return each line with what it shows."""
    lines: list[tuple[Any, str, int | None]] = []
    for panel in range(len(result["level"])):
        value, reward, error = every[:, panel]
        for axes, name in ((value, "value"), (error, "error")):
            for line in np.flatnonzero(result["place"] == panel):
                colour = colouring.of(result["colour"][line])
                (drawn,) = axes.plot(
                    result["time"], result[name][frame, :, line], linewidth=0.8, color=colour
                )
                lines.append((drawn, name, int(line)))
        (drawn,) = reward.plot(result["time"], result["reward"][frame], color="0.2", linewidth=1)
        lines.append((drawn, "reward", None))
    _name(result, every, frame)
    return lines


def _name(result: Any, every: Any, frame: int) -> None:
    for axes, level in zip(every[0], result["level"], strict=False):
        text = title(str(result["panel"]), level)
        axes.set_title(f"trial {result['trial'][frame]}" + (f", {text}" if text else ""), fontsize="medium")


value_over_time = engram.Analysis(
    "value-over-time",
    "value, reward and TD error over the trial: first, middle and last trial, or every trial a frame",
    over_time,
    three_trials,
    settings=ValueOverTime,
    animation=animation,
)
