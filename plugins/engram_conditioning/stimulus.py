"""A stimulus: a light, a tone, an odour."""

from __future__ import annotations

import math

import engram


@engram.parameters
class Stimulus:
    """What can be shown in a trial."""

    name: str = engram.param(doc="name of the stimulus")
    duration: float | None = engram.param(
        default=None, gt=0, unit="s", doc="how long it lasts; one step if absent"
    )
    salience: float = engram.param(default=1.0, gt=0, lt=math.inf, doc="value of its features")
