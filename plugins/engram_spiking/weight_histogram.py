"""How the weights of each connection are spread, and how that changes."""

from __future__ import annotations

from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]
_PREFIX, _SUFFIX = "memory.connections.", ".w"


@engram.parameters
class WeightHistogram:
    """Which weights are counted."""

    connection: str | None = engram.param(
        default=None, doc="connection; the first that was recorded if absent"
    )
    bins: int = engram.param(default=40, ge=1, doc="bins between the smallest and the largest weight")
    point: int = engram.param(default=0, ge=0, doc="sweep point, whose replicas are taken together")


def compute(run: Any, settings: WeightHistogram) -> dict[str, Host]:
    """Return the histogram of the weights at each recorded time.

    Returns:
        time (time,) in s; edges (bin + 1,) of the bins; share (time, bin) of the weights; mean (time,).

    Raises:
        EngramError: The weights were not recorded.
    """
    known = [name for name in run.variables() if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
    path = f"{_PREFIX}{settings.connection}{_SUFFIX}" if settings.connection else next(iter(known), "")
    if path not in known:
        names = ", ".join(name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in known) or "none"
        raise EngramError(f"connection: weights recorded of: {names}; add theirs to record.variables")
    point = run.columns.get("point", np.zeros(run.batch, dtype=int))
    weights = run[path][:, point == settings.point].reshape(len(run.time(path)), -1)
    edges = np.histogram_bin_edges(weights, settings.bins)
    counts = np.stack([np.histogram(row, edges)[0] for row in weights])
    return {
        "time": run.time(path), "edges": edges, "share": counts / weights.shape[1],
        "mean": weights.mean(axis=1),
    }  # fmt: skip


def picture(result: Any, figure: Any) -> None:
    """Draw the histogram over time as a heat map, whose colours are logarithmic, with the mean."""
    axis = figure.subplots()
    time, edges = result["time"], result["edges"]
    centres = (edges[:-1] + edges[1:]) / 2
    image = axis.pcolormesh(time, centres, result["share"].T, shading="nearest", norm="log", cmap="Blues")
    axis.plot(time, result["mean"], color="C1", linewidth=1.5)
    axis.set_xlabel("time (s)")
    axis.set_ylabel("weight (line: mean)")
    figure.colorbar(image, ax=axis, label="share of the weights")


weight_histogram = engram.Analysis(
    "weight-histogram", "how the weights of a connection are spread over time", compute, picture,
    settings=WeightHistogram,
)  # fmt: skip
