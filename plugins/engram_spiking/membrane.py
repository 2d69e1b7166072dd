"""The membrane potential of some cells, and their spikes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]
_PREFIX, _SUFFIX = "memory.layers.", ".v"


@engram.parameters
class Membrane:
    """Which cells are drawn."""

    layer: str | None = engram.param(default=None, doc="layer; the first that was recorded if absent")
    units: tuple[int, ...] = engram.param(default=(0, 1, 2), ge=0, doc="cells, by place among those recorded")
    replica: int = engram.param(default=0, ge=0, doc="replica")
    start: float = engram.param(default=0.0, ge=0, lt=math.inf, unit="s", doc="begin of the picture")
    length: float = engram.param(default=1.0, gt=0, lt=math.inf, unit="s", doc="length of the picture")


def compute(run: Any, settings: Membrane) -> dict[str, Host]:
    """Return potentials of cells of one replica.

    Returns:
        time (time,) in s; v (time, unit) in mV; unit (unit,) their numbers.

    Raises:
        EngramError: The potentials were not recorded, or there is no such cell or replica.
    """
    known = [name for name in run.variables() if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
    path = f"{_PREFIX}{settings.layer}{_SUFFIX}" if settings.layer else next(iter(known), "")
    if path not in known:
        names = ", ".join(name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in known) or "none"
        raise EngramError(f"layer: potentials recorded of: {names}; add theirs to record.variables")
    units, time = run.entries(path, "unit"), run.time(path)
    if settings.replica >= run.batch or max(settings.units, default=0) >= len(units):
        raise EngramError(
            f"has {run.batch} replicas and {len(units)} cells; choose replica and units among them"
        )
    rows = np.flatnonzero((time >= settings.start) & (time < settings.start + settings.length))
    if not len(rows):
        raise EngramError("start: nothing was recorded then; choose another time")
    v = run.part(path, slice(rows[0], rows[-1] + 1))[:, settings.replica, list(settings.units)]
    return {"time": time[rows], "v": v, "unit": units[list(settings.units)]}


def picture(result: Any, figure: Any) -> None:
    """Draw one panel a cell."""
    every = figure.subplots(len(result["unit"]), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, v, unit in zip(every, result["v"].T, result["unit"], strict=True):
        axis.plot(result["time"], v, color="k", linewidth=0.8)
        axis.set_ylabel(f"cell {unit} (mV)")
    every[-1].set_xlabel("time (s)")


membrane = engram.Analysis(
    "membrane", "membrane potential of some cells", compute, picture, settings=Membrane
)
