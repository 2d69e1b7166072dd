"""Ends a run whose weights, or their eligibility, are no numbers.

A trace, a spike or a modulator that is nan, or inf times 0, makes weights nan, or the eligibility as long as
no modulator comes, and the rules keep that. So it is enough to look at both where the host is visited anyway,
after each chunk; a step costs nothing.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, EngramError

from .plastic import PlasticWeights


def check(run: Any, chunk: Any) -> None:
    """Refuse weights and eligibility that are nan.

    Args:
        run: In execution.
        chunk: The steps that were just taken.

    Raises:
        EngramError: Naming the connection, the replica and the steps.
    """
    for slot in run.slots:
        if slot.name in ("w", "z") and isinstance(slot.holder, PlasticWeights):
            slot.holder.settle()
            lost = _lost(slot.value)
            if lost.any():
                raise EngramError(
                    f"{slot.path}: nan in replica {int(lost.argmax())} since a step of {chunk.start} to "
                    f"{chunk.stop - 1}: a trace, spike or modulator was nan or inf; record those to find it"
                )


def _lost(values: Array) -> Array:
    """Return (batch,) bool, True where one of the values (batch, pre, post) is nan."""
    xp = engram.array_module(values)
    lost = xp.isnan(values.sum(axis=(1, 2)))
    # inf and -inf make a sum nan, too.
    return xp.isnan(values).any(axis=(1, 2)) if lost.any() else lost
