"""What became of weights over time, and how their change hangs on the time between spikes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

import engram
from engram import Analysis, EngramError

Host: TypeAlias = np.ndarray[Any, Any]
_COINCIDENT = 1e-9


@engram.parameters
class Recorded:
    """Which connection is looked at."""

    variable: str = engram.param(default="memory.synapse.w", doc="recorded weights, (time, batch, pre, post)")


def weights(run: Any, settings: Recorded) -> Host:
    """Return recorded weights (time, batch, pre, post) in double precision.

    Raises:
        EngramError: They were not recorded, or are no weights.
    """
    if settings.variable not in run.variables():
        raise EngramError(f"{settings.variable} was not recorded; name it in record.variables")
    w = np.asarray(run[settings.variable], dtype=float)
    if w.ndim != 4:
        raise EngramError(f"{settings.variable} is no matrix of weights; set variable")
    return w


def course(run: Any, settings: Recorded) -> Mapping[str, Host]:
    """Follow the weights, averaged over replicas and synapses.

    Returns:
        "time" (time,) in s, "mean" (time,), "least" and "greatest" (time,) over all; "peak" and "final" of
        the mean.
    """
    w = weights(run, settings)
    mean = w.mean(axis=(1, 2, 3))
    return {
        "time": np.asarray(run.time(settings.variable)),
        "mean": mean,
        "least": w.min(axis=(1, 2, 3)),
        "greatest": w.max(axis=(1, 2, 3)),
        "peak": mean.max(),
        "final": mean[-1],
    }


def draw_course(result: Mapping[str, Host], figure: Any) -> None:
    """Draw the mean as a line, and all between least and greatest as a band."""
    axis = figure.subplots()
    axis.fill_between(result["time"], result["least"], result["greatest"], alpha=0.2, linewidth=0)
    axis.plot(result["time"], result["mean"])
    axis.set_xlabel("time (s)")
    axis.set_ylabel("weight")


def window(run: Any, settings: Recorded) -> Mapping[str, Host]:
    """Compare the change of each weight with the time from its presynaptic to its postsynaptic spike.

    Returns:
        "delay" (pair,) in s, increasing, positive where pre comes first; "change" (pair,) of the weight, mean
        over replicas; "a_plus" and "tau_plus", the exponential through positive delays, and "a_minus" and
        "tau_minus", that through negative ones, nan where there are fewer than two.

    Raises:
        EngramError: The task is no protocol with one spike a unit.
    """
    task = run.recipe["task"]
    if not all(len(row) == 1 for side in ("pre", "post") for row in task.get(side, [[]])):
        raise EngramError("the task gives not each unit one spike; use spike-protocol with one time a unit")
    pre, post = (np.ravel(task[side]) for side in ("pre", "post"))
    w = weights(run, settings).mean(axis=1)
    delay, change = (post - pre[:, None]).ravel(), (w[-1] - w[0]).ravel()
    order = np.argsort(delay, kind="stable")
    delay, change = delay[order], change[order]
    before, after = delay > _COINCIDENT, delay < -_COINCIDENT
    a_plus, tau_plus = _exponential(delay[before], change[before])
    a_minus, tau_minus = _exponential(-delay[after], -change[after])
    return {
        "delay": delay, "change": change, "a_plus": a_plus, "tau_plus": tau_plus,
        "a_minus": a_minus, "tau_minus": tau_minus,
    }  # fmt: skip


def _exponential(delay: Host, change: Host) -> tuple[Host, Host]:
    """Return amplitude and time constant of an exponential, from the logarithms of the positive changes."""
    positive = change > 0
    if np.unique(delay[positive]).size < 2:
        return np.array(np.nan), np.array(np.nan)
    slope, start = np.polyfit(delay[positive], np.log(change[positive]), 1)
    return np.exp(start), -1 / slope


def draw_window(result: Mapping[str, Host], figure: Any) -> None:
    """Draw the change of each pair, and both exponentials."""
    axis = figure.subplots()
    delay = result["delay"]
    axis.axhline(0, color="0.8", linewidth=1)
    axis.plot(1e3 * delay, result["change"], "o", markersize=3)
    for sign, side in ((1, "plus"), (-1, "minus")):
        there = np.linspace(0, np.abs(delay).max(), 100)
        fitted = result[f"a_{side}"] * np.exp(-there / result[f"tau_{side}"])
        axis.plot(1e3 * sign * there, sign * fitted, color="C1", linewidth=1)
    axis.set_xlabel("pre before post (ms)")
    axis.set_ylabel("change of weight")


weight_over_time = Analysis(
    "weight-over-time", "weights of a connection over time", course, draw_course, Recorded
)
stdp_window = Analysis(
    "stdp-window", "change of weight by the time between spikes", window, draw_window, Recorded
)
