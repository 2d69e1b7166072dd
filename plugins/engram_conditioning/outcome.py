"""An outcome: what is earned, or suffered, in a trial."""

from __future__ import annotations

import math

import engram


@engram.parameters
class Outcome:
    """What can happen in a trial."""

    name: str = engram.param(doc="name of the outcome")
    value: float = engram.param(
        default=1.0,
        gt=-math.inf,
        lt=math.inf,
        doc="reward of an outcome of size 1; negative where aversive",
    )
