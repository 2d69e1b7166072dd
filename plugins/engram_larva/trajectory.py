"""Paths of larvae through their arena."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import engram

from .protocol import point_names, points, tested

_DRAWN = 12


def compute(run: Any) -> dict[str, NDArray[Any]]:
    """Return the paths of the first larvae of each sweep point in the test, and what lies in the arena.

    Returns:
        path (time, point, larva, 2) in m; source (source, 2) in m with name, food and radius (source,);
        outline (2,), width and height in m; dish, whether it is round; point (point,) names.
    """
    task = run.recipe["task"]
    position = run["task.position"][tested(run, run.time("task"))]
    n = points(run)
    marks = task.get("odors") or task.get("patches", [])
    arena = task["arena"]
    return {
        "path": position.reshape(len(position), n, -1, 2)[:, :, :_DRAWN],
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
    names = result["point"]
    panels = np.atleast_1d(figure.subplots(1, len(names), sharex=True, sharey=True))
    for index, axes in enumerate(panels):
        _draw_arena(result, axes)
        paths = 1000 * result["path"][:, index]
        axes.plot(paths[..., 0], paths[..., 1], linewidth=0.7)
        axes.plot(paths[0, :, 0], paths[0, :, 1], "k.", markersize=3)
        axes.set(aspect="equal", xlabel="x (mm)", title=str(names[index]))
    panels[0].set_ylabel("y (mm)")


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
