"""Paths of larvae through their arena."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import engram

from .panel import panels
from .protocol import point_names, points, tested, trial_numbers

_DRAWN = 12


def compute(run: Any) -> dict[str, NDArray[Any]]:
    """Return the paths of the first larvae of each sweep point in the test, and what lies in the arena.

    Returns:
        path (time, point, larva, 2) in m, trial (time,) number of the trial, from 1; source (source, 2) in m
        with name, food and radius (source,); outline (2,), width and height in m; dish, whether it is round;
        point (point,) names.
    """
    task = run.recipe["task"]
    time = run.time("task")
    test = tested(run, time)
    position = run["task.position"][test]
    n = points(run)
    marks = task.get("odors") or task.get("patches", [])
    arena = task["arena"]
    return {
        "path": position.reshape(len(position), n, -1, 2)[:, :, :_DRAWN],
        "trial": trial_numbers(run, time)[test] + 1,
        "source": np.array([(mark["x"], mark["y"]) for mark in marks]).reshape(-1, 2),
        "name": np.array([mark.get("name", "patch") for mark in marks]),
        "food": np.array([mark.get("food", "name" not in mark) for mark in marks], dtype=bool),
        "radius": np.array([mark["radius"] for mark in marks]),
        "outline": np.array([arena["width"], arena["height"]]),
        "dish": np.asarray(arena["shape"] == "dish"),
        "point": np.array(point_names(run)),
    }


def picture(result: Any, figure: Any) -> None:
    """Draw one panel for each sweep point: paths, starts, sources and the edge, in mm."""
    for index, axes in enumerate(panels(figure, result["point"], "x (mm)", "y (mm)")):
        _draw_arena(result, axes)
        for number in np.unique(result["trial"]):
            _draw_paths(1000 * result["path"][result["trial"] == number, index], axes)
        axes.set_aspect("equal")


def _draw_paths(paths: Any, axes: Any) -> None:
    """Draw the paths (time, larva, 2) of one trial, within which no larva is put elsewhere."""
    for larva in range(paths.shape[1]):
        axes.plot(paths[:, larva, 0], paths[:, larva, 1], linewidth=0.7, color=f"C{larva % 10}")
    axes.plot(paths[0, :, 0], paths[0, :, 1], "k.", markersize=3)


def _draw_arena(result: Any, axes: Any) -> None:
    from matplotlib.patches import Circle, Rectangle

    width, height = 1000 * result["outline"]
    if result["dish"]:
        axes.add_patch(Circle((0, 0), width / 2, fill=False, color="0.5"))
    else:
        axes.add_patch(Rectangle((-width / 2, -height / 2), width, height, fill=False, color="0.5"))
    for (x, y), name, food, radius in zip(
        1000 * result["source"], result["name"], result["food"], 1000 * result["radius"], strict=True
    ):
        axes.add_patch(Circle((x, y), radius, color="C2" if food else "0.7", alpha=0.6, zorder=3))
        axes.annotate(str(name), (x, y), xytext=(0, 8), textcoords="offset points", ha="center", zorder=4)


trajectories = engram.Analysis(
    "trajectories", "paths of larvae in the test, with sources and edge", compute, picture
)
