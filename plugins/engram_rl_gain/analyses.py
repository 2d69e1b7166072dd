"""What was learnt: the table of action values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engram import Analysis

from .q_table import actions

Result = Mapping[str, "np.ndarray[Any, Any]"]


def compute(run: Any) -> Result:
    """Average the final action values over the replicas of each sweep point.

    Args:
        run: An opened run file.

    Returns:
        "q" (point, state, action) mean value, "sd" its spread over replicas, "point" (point,), "gains"
        (action, stimulus).
    """
    q = run.final("memory.q")
    point = run.columns.get("point", np.zeros(len(q), dtype=np.int32))
    points = np.unique(point)
    stimuli = run.final("memory.gain").shape[1]
    return {
        "q": np.stack([q[point == one].mean(axis=0) for one in points]),
        "sd": np.stack([q[point == one].std(axis=0) for one in points]),
        "point": points,
        "gains": actions(tuple(run.recipe["memory"]["gain_space"]), stimuli),
    }


def picture(result: Result, figure: Any) -> None:
    """Draw one heat map a sweep point: states down, actions across."""
    q, gains = result["q"], result["gains"]
    bound = np.abs(q).max() or 1.0
    axes = figure.subplots(1, len(q), squeeze=False, sharey=True)[0]
    for axis, values, point in zip(axes, q, result["point"], strict=True):
        image = axis.imshow(values, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto")
        axis.set(title=f"sweep point {point}" if len(q) > 1 else "", xlabel="action (gains)")
        axis.set_xticks(range(len(gains)), ["\n".join(f"{gain:g}" for gain in row) for row in gains])
        axis.set_yticks(range(values.shape[0]))
    axes[0].set_ylabel("state")
    figure.colorbar(image, ax=list(axes), label="mean action value")


q_values = Analysis("q-table", "final action values by state and action", compute, picture)
