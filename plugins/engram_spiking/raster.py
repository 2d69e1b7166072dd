"""The raster: when each unit of each layer fires."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]
_PREFIX, _SUFFIX = "memory.layers.", ".fired"


@engram.parameters
class Raster:
    """Which spikes are drawn."""

    replica: int = engram.param(default=0, ge=0, doc="replica")
    start: float = engram.param(default=0.0, ge=0, lt=math.inf, unit="s", doc="begin of the picture")
    length: float = engram.param(default=2.0, gt=0, lt=math.inf, unit="s", doc="length of the picture")
    layers: tuple[str, ...] | None = engram.param(
        default=None, doc="layers; all that were recorded if absent"
    )


def compute(run: Any, settings: Raster) -> dict[str, Host]:
    """Return the spikes of one replica.

    Returns:
        time in s, layer (index into layers) and unit of each spike, (spike,) each; layers, their names.

    Raises:
        EngramError: No spikes of these layers were recorded.
    """
    known = layers_of(run)
    layers = settings.layers or tuple(known)
    if missing := [name for name in layers if name not in known]:
        raise EngramError(f"layers: no spikes of {missing[0]!r} were recorded; known: {', '.join(known)}")
    table = {name: run.tables()["events"].read(name) for name in ("time", "replica", "source", "unit")}
    stop = settings.start + settings.length
    kept = (table["replica"] == settings.replica) & (table["time"] >= settings.start) & (table["time"] < stop)
    codes = [known[name] for name in layers]
    kept &= np.isin(table["source"], codes)
    place = {code: index for index, code in enumerate(codes)}
    layer = np.array([place[code] for code in table["source"][kept]], dtype=int)
    return {
        "time": table["time"][kept], "layer": layer, "unit": table["unit"][kept], "layers": np.array(layers),
    }  # fmt: skip


def layers_of(run: Any) -> dict[str, int]:
    """Return the code in the table of events of each layer whose spikes were recorded.

    Raises:
        EngramError: There are none.
    """
    source = run.tables()["events"].arrays["source"].attrs if "events" in run.tables() else {}
    paths = zip(source.get("flag_values", ()), str(source.get("flag_meanings", "")).split(), strict=True)
    found = {
        path.removeprefix(_PREFIX).removesuffix(_SUFFIX): int(code)
        for code, path in paths
        if path.startswith(_PREFIX) and path.endswith(_SUFFIX)
    }
    if not found:
        raise EngramError(
            'holds no spikes; record them with record.variables = ["memory.layers.output.fired"]'
        )
    return found


def picture(result: Any, figure: Any) -> None:
    """Draw one panel a layer, a dot for each spike."""
    layers = result["layers"]
    figure.set_size_inches(8.0, 1.0 + 1.7 * len(layers))
    every = figure.subplots(len(layers), 1, sharex=True, squeeze=False)[:, 0]
    for index, (axis, name) in enumerate(zip(every, layers, strict=True)):
        own = result["layer"] == index
        axis.scatter(result["time"][own], result["unit"][own], s=14, marker="|", color="k", linewidths=0.8)
        axis.set_title(name, loc="left", fontsize="medium")
        axis.set_ylabel("unit")
    every[-1].set_xlabel("time (s)")


raster = engram.Analysis("raster", "when each unit of each layer fires", compute, picture, settings=Raster)
