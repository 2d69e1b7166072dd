"""Value, reward and TD error over the trial, trial after trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import engram

from .color import Coloring
from .panel import panels, title
from .predictor import Parameter, chosen, predictors
from .sample import DELTA, REWARD, VALUE, Sample, aligned, moments, numbers, spaced, step_of
from .timing import Host

_ROWS = ("value", "reward", "error")
_LABELS = ("value (reward)", "reward", "TD error (reward)")


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
    start: float | None = engram.param(default=None, ge=0, unit="s", doc="first time within the trial")
    stop: float | None = engram.param(default=None, ge=0, unit="s", doc="last time within the trial")


def compute(run: Any, settings: ValueOverTime) -> dict[str, Host]:
    """Return V, reward and TD error over the trial.

    Returns:
        value and error (trial, time, predictor), reward (trial, time), the mean over replicas; trial (trial,)
        numbers; time (time,) in s; predictor (predictor,) indices; by and color (predictor,): name and
        values of what colours; panel, level (panel,) and place (predictor,): name and values of what has
        panels, and which is whose.
    """
    every = predictors(run, VALUE, settings.replicas(run))
    places = chosen(every, settings.predictors)
    drawn = every.of(places)
    level, place = panels(drawn, settings.panel)
    by = settings.by or drawn.differing() or ""
    found = {path: settings.timings(run, path) for path in (VALUE, REWARD, DELTA)}
    kept = moments(run, found[VALUE], settings.start, settings.stop)
    trials = spaced(numbers(found[VALUE]), settings.trials)
    seen = {path: aligned(run, path, found[path], trials=trials, moments=kept).mean for path in found}
    return {
        "value": seen[VALUE][:, :, places], "reward": seen[REWARD][:, :, 0], "error": seen[DELTA][:, :, places],
        "trial": trials, "time": kept * step_of(run), "predictor": drawn.index,
        "by": np.array(by), "color": getattr(drawn, by) if by else np.zeros(len(places)),
        "panel": np.array(settings.panel or ""), "level": level, "place": place,
    }  # fmt: skip


def picture(result: Any, figure: Any) -> None:
    """Draw the first, the middle and the last trial."""
    number = len(result["trial"])
    shown = list(dict.fromkeys((0, (number - 1) // 2, number - 1)))
    every = _grid(result, figure, shown)
    coloring = Coloring(str(result["by"]), result["color"])
    for column, frame in enumerate(shown):
        _draw(result, every[:, column * len(result["level"]) :], frame, coloring)
    coloring.bar(figure, list(every.flat))


def animation(result: Any, figure: Any) -> Iterator[None]:
    """Draw one frame for each trial."""
    every = _grid(result, figure, [0])
    coloring = Coloring(str(result["by"]), result["color"])
    coloring.bar(figure, list(every.flat))
    lines = _draw(result, every, 0, coloring)
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
        low, high = np.nanmin(result[name]), np.nanmax(result[name])
        margin = 0.05 * (high - low) or 0.5
        axes.set_ylim(min(low, 0) - margin, max(high, 0) + margin)
    figure.supxlabel("time within the trial (s)", fontsize="medium")
    return every


def _draw(result: Any, every: Any, frame: int, coloring: Coloring) -> list[tuple[Any, str, int | None]]:
    """Draw a trial; return each line with what it shows."""
    lines: list[tuple[Any, str, int | None]] = []
    for panel in range(len(result["level"])):
        value, reward, error = every[:, panel]
        for axes, name in ((value, "value"), (error, "error")):
            for line in np.flatnonzero(result["place"] == panel):
                color = coloring.of(result["color"][line])
                (drawn,) = axes.plot(result["time"], result[name][frame, :, line], linewidth=0.8, color=color)
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
    compute,
    picture,
    settings=ValueOverTime,
    animation=animation,
)
