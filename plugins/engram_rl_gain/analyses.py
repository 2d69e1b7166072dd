"""What was learnt: the table of action values."""

from __future__ import annotations

import itertools
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
    axes = figure.subplots(1, len(q), squeeze=False, sharey=True)[0]
    for axis, values, name in zip(axes, q, result["point"], strict=True):
        image = axis.imshow(values, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto")
        axis.set(title=str(name), xlabel="gain")
        axis.set_xticks(range(values.shape[1]), _labels(result["gains"]), rotation=90, fontsize="small")
        axis.set_yticks(range(values.shape[0]), _labels(result["bins"]), fontsize="small")
    axes[0].set_ylabel("bin of perceived change")
    figure.colorbar(image, ax=list(axes), label="mean action value")


def _labels(rows: Values) -> list[str]:
    return [", ".join(f"{entry:g}" for entry in row) for row in rows]


q_values = Analysis("q-table", "final action values by state and action", compute, picture)
