"""Success: how often a reaching point gets to its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engram import Analysis

from .course import Host, Span, course, draw, late, point_names


def compute(run: Any, span: Span | None = None) -> Mapping[str, Host]:
    """Count the trials that ended at the target.

    Args:
        run: An opened run with "task.reached", "task.start" and "task.end", recorded in every step.
        span: Which trials count.

    Returns:
        "share" (replica,) of the last trials; "gain" (replica,) by how much it is above that of the same
        replica at the first sweep point, nan where there is one point only; "course" (trial, point, replica);
        "point" (point,) names.
    """
    span = span or Span()
    found = course(run, run["task.reached"].astype(float), run["task.end"])
    share = late(found, span)
    twin = (
        late(found, Span(trials=span.trials, point=0)) if found.shape[1] > 1 else np.full_like(share, np.nan)
    )
    return {"share": share, "gain": share - twin, "course": found, "point": point_names(run)}


def picture(result: Mapping[str, Host], figure: Any) -> None:
    """Draw the share of replicas that reach the target, trial by trial."""
    draw(
        {**result, "course": result["course"].mean(axis=2, keepdims=True)}, figure, "share of targets reached"
    )


reach_success = Analysis(
    "reach-success",
    "share of targets reached over the last trials, by replica",
    compute,
    picture,
    settings=Span,
)
