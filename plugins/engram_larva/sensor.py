"""How a larva perceives a stimulus, and what perception leaves in its brain.

A sensor perceives change dX of a level X, and a leaky output carries it to the turner:

    dX = X / X' - 1  (log),   X - X'  (linear),   X  (null)             (1)
    A <- A exp(-dt rho) + dt sum_i g_i dX_i                             (2)

X' is the level one step before; where it is 0 (a first sight), log and linear perceive no change. g_i is the
gain of stimulus i, the one thing that learning changes. larvaworld 2.5.1, Sensor.
"""

from __future__ import annotations

from typing import Literal

import engram
from engram import Array

Perception = Literal["log", "linear", "null"]


def perceive(level: Array, previous: Array, perception: Perception) -> Array:
    """Equation (1): the perceived change, of the shape of `level` and `previous`."""
    xp = engram.array_module(level)
    if perception == "null":
        return level.copy()
    seen = previous != 0
    if perception == "linear":
        return (level - previous) * seen
    return (level / xp.where(seen, previous, xp.ones_like(previous)) - 1) * seen


def contact_change(contact: Array, previous: Array) -> Array:
    """Perceive touch: +1 where contact begins, -1 where it ends, 0 otherwise.

    larvaworld sends contact through equation (1), where +1 cannot occur: its guard against division by zero
    hides every onset.
    """
    return contact - previous


def leak(output: Array, gain: Array, change: Array, kept: Array | float, dt: float) -> Array:
    """Equation (2), stimuli added in their order.

    Args:
        output: (batch,) A.
        gain: (batch, stimulus) g.
        change: (batch, stimulus) dX.
        kept: exp(-dt rho), a number or (batch,).
        dt: Length of a step in s.

    Returns:
        (batch,) the new A.
    """
    part = gain * change
    total = part[:, 0]
    for stimulus in range(1, part.shape[1]):
        total = total + part[:, stimulus]
    return output * kept + dt * total
