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


@engram.rule
def perceive(level: Array, previous: Array, perception: Perception) -> Array:
    """Equation (1): (batch,) the perceived change.

    Args:
        level: (batch,) X.
        previous: (batch,) X one step before.
        perception: Which of the three.
    """
    if perception == "null":
        return level
    if perception == "linear":
        return level - previous if previous != 0.0 else 0.0
    return level / previous - 1.0 if previous != 0.0 else 0.0


@engram.rule
def contact_change(contact: Array, previous: Array) -> Array:
    """Perceive touch: +1 where contact begins, -1 where it ends, 0 otherwise.

    larvaworld sends contact through equation (1), where +1 cannot occur: its guard against division by zero
    hides every onset.
    """
    return contact - previous


@engram.rule
def leak(output: Array, drive: Array, kept: Array, dt: float) -> Array:
    """Equation (2): (batch,) the new A.

    Args:
        output: (batch,) A.
        drive: (batch,) sum_i g_i dX_i, stimuli added in their order.
        kept: exp(-dt rho), a number or (batch,).
        dt: Length of a step in s.
    """
    return output * kept + dt * drive
