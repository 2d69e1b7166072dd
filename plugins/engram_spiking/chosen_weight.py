"""The weight from `pre` to `post` of the task distal-reward, beside all others of its connection.

Izhikevich 2007, Cerebral Cortex 17:2443, figure 1: the chosen weight climbs to its bound, the bulk stays low.
The weight from `post` to `pre` has had the same rewards and is the control.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]


@engram.parameters
class ChosenWeight:
    """Where the weight is, and when it counts as saturated."""

    connection: str = engram.param(default="excitatory_excitatory", doc="connection of the two cells")
    saturated: float = engram.param(default=3.99, doc="a weight has saturated once it was so large")


def compute(run: Any, settings: ChosenWeight) -> dict[str, Host]:
    """Return the course of the chosen weight.

    Returns:
        time (time,) in s; chosen, control, bulk (time, replica): the chosen weight, that the other way round,
        and the mean of all; saturated, control_saturated: fractions of replicas in which they ever did;
        others: the mean share of weights that ever did; bulk_end: mean of all weights in the end.

    Raises:
        EngramError: The weights were not recorded, or the task names no two cells of them.
    """
    path, task = f"memory.connections.{settings.connection}.w", run.recipe["task"]
    if path not in run.variables():
        raise EngramError(f"connection: {path} was not recorded; add it to record.variables")
    if not {"pre", "post"} <= task.keys():
        raise EngramError("the task names no cells pre and post; use distal-reward")
    w, pre, post = run[path], int(task["pre"]), int(task["post"])
    chosen, control = w[:, :, pre, post], w[:, :, post, pre]
    peak = w.max(axis=0)
    return {
        "time": run.time(path), "chosen": chosen, "control": control, "bulk": w.mean(axis=(2, 3)),
        "saturated": _share(chosen.max(axis=0), settings), "others": _share(peak, settings),
        "control_saturated": _share(control.max(axis=0), settings), "bulk_end": np.array(w[-1].mean()),
    }  # fmt: skip


def _share(peak: Host, settings: ChosenWeight) -> Host:
    return np.array((peak >= settings.saturated).mean())


def picture(result: Any, figure: Any) -> None:
    """Draw the chosen weight of each replica, its control and the mean of all."""
    axis = figure.subplots()
    for name, colour in (("bulk", "0.6"), ("control", "C1"), ("chosen", "C0")):
        lines = axis.plot(result["time"], result[name], color=colour, linewidth=0.8)
        lines[0].set_label(name)
    axis.set_xlabel("time (s)")
    axis.set_ylabel("weight")
    axis.legend()


chosen_weight = engram.Analysis(
    "chosen-weight", "the weight that a distal reward credits, beside all others", compute, picture,
    settings=ChosenWeight,
)  # fmt: skip
