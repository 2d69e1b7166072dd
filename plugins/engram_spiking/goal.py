"""How often the rat of the T-maze reaches its goal."""

from __future__ import annotations

from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]


@engram.parameters
class Goals:
    """Which episodes count."""

    last: int = engram.param(default=100, ge=1, doc="episodes, from the end, whose share is reported")
    width: int = engram.param(default=20, ge=1, doc="episodes in a block of the course")


def compute(run: Any, settings: Goals) -> dict[str, Host]:
    """Return the share of episodes that ended at the goal.

    Returns:
        share (block,), mean over the replicas whose block is complete, nan for none; reached (replica,), the
        share in the last episodes; mean and least of these;
        complete: the fraction of replicas that went through all episodes.

    Raises:
        EngramError: The run holds no results of t-maze.
    """
    if "task.result" not in run.final_variables():
        raise EngramError(
            "the final state holds no results of episodes; use t-maze, with record.final = true"
        )
    result = run.final("task.result").astype(float)
    result[result < 0] = np.nan
    blocks = result[:, : result.shape[1] // settings.width * settings.width]
    share = blocks.reshape(len(result), -1, settings.width).mean(axis=2)
    known = ~np.isnan(share)
    means = np.where(known, share, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    ended = [own[~np.isnan(own)][-settings.last :] for own in result]
    reached = np.array([own.mean() if len(own) else np.nan for own in ended])
    return {
        "share": np.where(known.any(axis=0), means, np.nan), "reached": reached,
        "mean": np.array(reached.mean()), "least": np.array(reached.min()),
        "complete": np.array((~np.isnan(result)).all(axis=1).mean()),
    }  # fmt: skip


def picture(result: Any, figure: Any) -> None:
    """Draw the share of episodes that ended at the goal, block by block."""
    axis = figure.subplots()
    axis.plot(np.arange(1, len(result["share"]) + 1), result["share"], marker="o")
    axis.set_ylim(0.0, 1.05)
    axis.set_xlabel("block of episodes")
    axis.set_ylabel("share that ended at the goal")


goals = engram.Analysis(
    "maze-goals", "how often the rat of the T-maze reaches its goal", compute, picture, settings=Goals
)
