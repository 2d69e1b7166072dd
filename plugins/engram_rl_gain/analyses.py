"""What was learnt: the table of action values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engram import Analysis

from .q_table import actions

Values = np.ndarray[Any, Any]


def compute(run: Any) -> Mapping[str, Values]:
    """Average the final action values over the replicas of each sweep point.

    Args:
        run: An opened run file of `rl-gain` or `rl-touch`.

    Returns:
        "q" (point, state, action) mean value, "sd" its spread over replicas, "point" (point,) names, "bins"
        (state, stimulus) with 0 for no change, "gains" (action, stimulus).
    """
    q, memory = run.final("memory.q"), run.recipe["memory"]
    point = run.columns.get("point", np.zeros(len(q), dtype=np.int32))
    groups = [point == one for one in np.unique(point)]
    stimuli, per_side = run.final("memory.gain").shape[1], memory["state_space_per_side"]
    return {
        "q": np.stack([q[group].mean(axis=0) for group in groups]),
        "sd": np.stack([q[group].std(axis=0) for group in groups]),
        "point": np.array([_name(run, group) for group in groups]),
        "bins": np.array(list(itertools.product(range(-per_side, per_side + 1), repeat=stimuli))),
        "gains": actions(tuple(memory["gain_space"]), stimuli),
    }


def _name(run: Any, group: Values) -> str:
    swept = {name: values for name, values in run.columns.items() if name not in ("seed", "replica", "point")}
    return ", ".join(f"{name.partition('_')[2]} = {values[group][0]}" for name, values in swept.items())


def picture(result: Mapping[str, Values], figure: Any) -> None:
    """Draw one heat map a sweep point: states down, actions across, on one scale."""
    q = result["q"]
    bound = np.abs(q).max() or 1.0
    every = _panels(figure, len(q))
    for axis, values, name in zip(every, q, result["point"], strict=True):
        image = axis.imshow(values, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto")
        axis.set_title(str(name).replace(", ", "\n"), fontsize="medium" if len(q) <= 3 else "small")
        axis.set_xticks(range(values.shape[1]), _labels(result["gains"]), rotation=90, fontsize="small")
        axis.set_yticks(range(values.shape[0]), _labels(result["bins"]), fontsize="small")
        axis.set_ylabel("bin of perceived change")
        axis.label_outer()
    for axis in every[-every[0].get_gridspec().ncols :]:
        axis.set_xlabel("gain")
        axis.tick_params(labelbottom=True)
    figure.colorbar(image, ax=every, label="mean action value")


def _panels(figure: Any, number: int) -> list[Any]:
    """Return so many axes in a grid, for which the figure is made large enough."""
    columns = number if number <= 3 else math.ceil(math.sqrt(number))
    rows = -(-number // columns)
    figure.set_size_inches(max(6.4, 2.6 * columns), max(4.8, 2.6 * rows))
    every = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for spare in every[number:]:
        spare.remove()
    return every[:number]


def _labels(rows: Values) -> list[str]:
    return [", ".join(f"{entry:g}" for entry in row) for row in rows]


q_values = Analysis("q-table", "final action values by state and action", compute, picture)
