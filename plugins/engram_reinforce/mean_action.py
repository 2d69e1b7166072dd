"""The mean action: where a policy settles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram import Analysis

from .course import Host, Span, course, draw, late, point_names


def compute(run: Any, span: Span | None = None) -> Mapping[str, Host]:
    """Average actions; those answered to the end of a trial are ignored by the task, and here.

    Args:
        run: An opened run with "memory.action", "task.start" and "task.end", recorded in every step.
        span: Which trials count.

    Returns:
        "action" (replica,) over the last trials; "course" (trial, point, replica); "point" (point,) names.
        Several numbers of an action are averaged.
    """
    actions = run["memory.action"]
    found = course(run, actions.reshape(*actions.shape[:2], -1).mean(axis=2), ~run["task.end"])
    return {"action": late(found, span or Span()), "course": found, "point": point_names(run)}


def picture(result: Mapping[str, Host], figure: Any) -> None:
    """Draw the mean action of each trial."""
    draw(result, figure, "mean action")


mean_action = Analysis(
    "mean-action", "mean action over the last trials, by replica", compute, picture, settings=Span
)
