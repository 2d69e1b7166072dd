"""The weights of a connection at the end of a run, beside their eligibility."""

from __future__ import annotations

from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]
_PREFIX, _SUFFIX = "memory.connections.", ".w"


@engram.parameters
class WeightMatrix:
    """Which weights are drawn."""

    connection: str | None = engram.param(default=None, doc="connection; the first if absent")
    replica: int = engram.param(default=0, ge=0, doc="replica")


def compute(run: Any, settings: WeightMatrix) -> dict[str, Host]:
    """Return the final weights of one replica.

    Returns:
        w (pre, post); z (pre, post) eligibility, of 0 rows for a synapse that has none.

    Raises:
        EngramError: There is no such connection in the final state, or no such replica.
    """
    known = [name for name in run.final_variables() if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
    path = f"{_PREFIX}{settings.connection}{_SUFFIX}" if settings.connection else next(iter(known), "")
    if path not in known:
        names = ", ".join(name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in known) or "none"
        raise EngramError(f"connection: the final state has weights of: {names}; set record.final = true")
    if settings.replica >= run.batch:
        raise EngramError(f"replica: is {settings.replica}, but the last is {run.batch - 1}")
    w = run.final(path)[settings.replica]
    return {"w": w, "z": _eligibility(run, path.removesuffix("w"), settings.replica, w[:0])}


def _eligibility(run: Any, connection: str, replica: int, none: Host) -> Host:
    """What waits for the modulator; a synapse whose eligibility fades by itself keeps it over a `scale`."""
    if f"{connection}z" not in run.final_variables():
        return none
    z: Host = run.final(f"{connection}z")[replica]
    scaled = f"{connection}scale" in run.final_variables()
    return z * run.final(f"{connection}scale")[replica] if scaled else z


def picture(result: Any, figure: Any) -> None:
    """Draw both matrices, presynaptic units down."""
    shown = [(name, result[name]) for name in ("w", "z") if len(result[name])]
    titles = {"w": "weight", "z": "eligibility"}
    figure.set_size_inches(5.2 * len(shown), 4.4)
    for axis, (name, values) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        bound = np.abs(values).max() or 1.0
        image = axis.imshow(values, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto")
        axis.set_title(titles[name])
        axis.set_xlabel("postsynaptic unit")
        axis.set_ylabel("presynaptic unit")
        figure.colorbar(image, ax=axis)


weight_matrix = engram.Analysis(
    "weight-matrix", "final weights and eligibility of a connection", compute, picture, settings=WeightMatrix
)
