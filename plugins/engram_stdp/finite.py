"""Ends a run whose weights are no numbers.

A trace, a spike or a modulator that is nan, or inf times 0, makes weights nan, and the rules keep that. So it
is enough to look at the weights where the host is visited anyway, after each chunk; a step costs nothing.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import EngramError

from .plastic import PlasticWeights


def check(run: Any, chunk: Any) -> None:
    """Refuse weights that are nan.

    Args:
        run: In execution.
        chunk: The steps that were just taken.

    Raises:
        EngramError: Naming the connection, the replica and the steps.
    """
    for slot in run.slots:
        if slot.name == "w" and isinstance(slot.holder, PlasticWeights):
            slot.holder.settle()
            lost = engram.array_module(slot.value).isnan(slot.value.sum(axis=(1, 2)))
            if lost.any():
                raise EngramError(
                    f"{slot.path}: nan in replica {int(lost.argmax())} since a step of {chunk.start} to "
                    f"{chunk.stop - 1}: a trace, spike or modulator was nan or inf; record those to find it"
                )
