"""The preference index: on which side of the dish larvae gather.

larvaworld 2.5.1. A larva counts for a side where it is beyond a tenth of the arena's width from the middle:

    PI  = (N_first - N_other) / N                                       (1)
    PI2 = < d_other - d_first > / d(first, other)                       (2)

N counts all larvae, those in the middle too. "First" is the side (1) or source (2) of the odour named first
in the recipe; its opposite is the source of the next odour, or the mirror image of the first. (1) is taken at
each moment, (2) over the larvae and moments of the test.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import engram

from .odor import Odor
from .panel import colors, legend
from .protocol import Host, contrast, has_tests, interval, point_names, points, sources, tested


def sides(x: Host, width: float, first: Odor) -> Host:
    """Return 1 where a larva is on the first odour's side, -1 on the other, 0 between.

    Args:
        x: Positions along x in m, any shape.
        width: Width of the arena in m.
        first: The odour named first.
    """
    outwards = x if first.x > 0 else -x
    beyond: Host = (outwards >= 0.1 * width).astype(int) - (outwards <= -0.1 * width).astype(int)
    return beyond


def nearness(position: Host, odors: list[Odor]) -> Host:
    """Return how much nearer to the first source than to its opposite: 1 at the first, -1 at the other.

    Args:
        position: (..., 2) in m.
        odors: Sources in the recipe's order.
    """
    first = np.array([odors[0].x, odors[0].y])
    others = [odor for odor in odors if odor.name != odors[0].name]
    other = np.array([others[0].x, others[0].y]) if others else -first
    apart = max(float(np.linalg.norm(other - first)), 1e-12)
    nearer: Host = np.linalg.norm(position - other, axis=-1) - np.linalg.norm(position - first, axis=-1)
    return nearer / apart


def compute(run: Any) -> dict[str, Host]:
    """Compute PI, PI2 and how far treated larvae differ from their paired controls.

    Returns:
        time (time,) in s; pi (time, point); side (point, larva) at the end; final, low, high (point,): PI at
        the end with its interval; pi2 (point,); test_start in s, nan without a test; point (point,) names;
        and the `contrast` of the sides at the end.
    """
    position, time, odors = run["task.position"], run.time("task"), sources(run)
    n = points(run)
    side = sides(position[:, :, 0], run.recipe["task"]["arena"]["width"], odors[0]).reshape(len(time), n, -1)
    test = tested(run, time)
    begin = time[test][0] if has_tests(run, time) else np.nan
    near = nearness(position[test], odors).reshape(test.sum(), n, -1)
    last = side[-1]
    final, bounds = last.mean(axis=1), np.array([interval(values) for values in last])
    return {
        "time": time, "pi": side.mean(axis=2), "side": last, "final": final,
        "low": bounds[:, 0], "high": bounds[:, 1], "pi2": near.mean(axis=(0, 2)),
        "test_start": np.asarray(begin), "point": np.array(point_names(run)), **contrast(run, last),
    }  # fmt: skip


def picture(result: Any, figure: Any) -> None:
    """Draw PI over time, the test shaded, and PI at the end with its interval."""
    number = len(result["point"])
    figure.set_size_inches(6.4 + 0.4 * max(0, number - 2), 4.8)
    left, right = figure.subplots(1, 2, width_ratios=[3, max(1, number / 4)])
    minutes = result["time"] / 60
    for index, (name, color) in enumerate(zip(result["point"], colors(number), strict=True)):
        left.plot(minutes, result["pi"][:, index], label=str(name) or "PI", linewidth=1, color=color)
        final, low, high = (result[key][index] for key in ("final", "low", "high"))
        right.errorbar(
            [index], [final], yerr=[[final - low], [high - final]], fmt="o", capsize=4, color=color
        )
    if np.isfinite(result["test_start"]):
        left.axvspan(result["test_start"] / 60, minutes[-1], color="0.9", label="test")
    for axes in (left, right):
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.set_ylim(-1.05, 1.05)
    left.set(xlabel="time (min)", ylabel="preference index")
    legend(figure, left)
    right.set(xticks=range(number), title="at the end", xlim=(-0.5, number - 0.5))
    if number <= 2:
        right.set_xticklabels([str(name) for name in result["point"]], rotation=20, fontsize="small")
    else:
        right.set(xticklabels=[], xlabel="sweep point")


preference_index = engram.Analysis(
    "preference-index",
    "on which side larvae gather: PI over time, at the end, trained against naive",
    compute,
    picture,
)
