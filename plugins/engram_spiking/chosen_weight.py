"""The weight from `pre` to `post` of the task distal-reward, beside all others of its connection.

Izhikevich 2007, Cerebral Cortex 17:2443, figure 1: the chosen weight climbs to its bound, the bulk stays low.
The weight from `post` to `pre` has had the same rewards and is a control; so is the chosen weight of a yoked
network, which is like the first and gets the same dopamine, but whose spikes earn nothing.
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
    yoked: str = engram.param(
        default="yoked_excitatory_yoked_excitatory",
        doc="the same connection of a yoked network, where there is one",
    )
    saturated: float = engram.param(default=3.99, doc="a weight has saturated once it was so large")


def compute(run: Any, settings: ChosenWeight) -> dict[str, Host]:
    """Return the course of the chosen weight.

    Returns:
        time (time,) in s; chosen, reverse, bulk (time, replica): the chosen weight, that the other way round,
        and the mean of all; yoked (time, replica): the chosen weight of the yoked network, (time, 0) without
        any; saturated, reverse_saturated, yoked_saturated: fractions of replicas in which they ever did, the
        last nan without any; when (replica,): first time in s of the chosen weight, nan for never; others:
        the mean share of weights that ever did; bulk_end: mean of all weights in the end.

    Raises:
        EngramError: The weights were not recorded, or the task names no two cells of them.
    """
    path, task = _path(settings.connection), run.recipe["task"]
    if path not in run.variables():
        raise EngramError(f"connection: {path} was not recorded; add it to record.variables")
    if not {"pre", "post"} <= task.keys():
        raise EngramError("the task names no cells pre and post; use distal-reward")
    w, time, pre, post = run[path], run.time(path), int(task["pre"]), int(task["post"])
    chosen, reverse, yoked = w[:, :, pre, post], w[:, :, post, pre], _yoked(run, settings, pre, post)
    return {
        "time": time, "chosen": chosen, "reverse": reverse, "yoked": yoked, "bulk": w.mean(axis=(2, 3)),
        "saturated": _share(chosen, settings), "reverse_saturated": _share(reverse, settings),
        "yoked_saturated": _share(yoked, settings), "others": _share(w, settings),
        "when": _when(time, chosen >= settings.saturated), "bulk_end": np.array(w[-1].mean()),
    }  # fmt: skip


def _path(connection: str) -> str:
    return f"memory.connections.{connection}.w"


def _yoked(run: Any, settings: ChosenWeight, pre: int, post: int) -> Host:
    path = _path(settings.yoked)
    known = path in run.variables()
    w: Host = run[path] if known else run[_path(settings.connection)][:, :0]
    return w[:, :, pre, post]


def _share(w: Host, settings: ChosenWeight) -> Host:
    """The share of the weights (time, ...) that ever saturated."""
    ever = (w >= settings.saturated).any(axis=0)
    return np.array(ever.mean() if ever.size else np.nan)


def _when(time: Host, saturated: Host) -> Host:
    return np.where(saturated.any(axis=0), time[saturated.argmax(axis=0)], np.nan)


def picture(result: Any, figure: Any) -> None:
    """Draw the chosen weight of each replica, its controls and the mean of all."""
    axis = figure.subplots()
    for name, colour in (("bulk", "0.6"), ("reverse", "C2"), ("yoked", "C1"), ("chosen", "C0")):
        for line in axis.plot(result["time"], result[name], color=colour, linewidth=0.8)[:1]:
            line.set_label(name)
    axis.set_xlabel("time (s)")
    axis.set_ylabel("weight")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)


chosen_weight = engram.Analysis(
    "chosen-weight", "the weight that a distal reward credits, beside all others", compute, picture,
    settings=ChosenWeight,
)  # fmt: skip
