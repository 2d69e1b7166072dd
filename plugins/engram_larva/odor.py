"""Odour sources and the concentration around them.

An odour spreads from its source as a Gaussian,

    C(d) = I exp(-d^2 / 2 s)                                            (1)

with peak intensity I and variance s at distance d. larvaworld 2.5.1 calls s the spread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import engram
from engram import Array, Context


@engram.parameters
class Odor:
    """One source of an odour; sources of the same name are one stimulus and add up."""

    name: str = engram.param(doc="name of the odour")
    x: float = engram.param(default=0.0, unit="m", doc="place of the source")
    y: float = engram.param(default=0.0, unit="m", doc="place of the source")
    intensity: float = engram.param(
        default=2.0, ge=0, unit="uM", symbol="I", doc="concentration at the source"
    )
    spread: float = engram.param(default=0.01, gt=0, unit="m2", symbol="s", doc="variance of the Gaussian")
    food: bool = engram.param(default=False, doc="food lies at the source during training")
    radius: float = engram.param(default=0.003, gt=0, unit="m", doc="radius of the food patch")


class Sources(NamedTuple):
    """All sources as device arrays.

    Attributes:
        place: (source, 2) in m; `intensity` (source,) in uM; `spread` (source,) in m2.
        reach: (source,) squared radius in m2 within which food is found, -1 where there is none.
        stimulus: The stimulus that each source belongs to.
    """

    place: Array
    intensity: Array
    spread: Array
    reach: Array
    stimulus: tuple[int, ...]


def sources(odors: tuple[Odor, ...], names: tuple[str, ...], ctx: Context) -> Sources:
    """Put the sources `odors` of the stimuli `names` on the device."""
    columns = (
        [(odor.x, odor.y) for odor in odors],
        [odor.intensity for odor in odors],
        [odor.spread for odor in odors],
        [odor.radius**2 if odor.food else -1.0 for odor in odors],
    )
    place, intensity, spread, reach = (ctx.xp.asarray(np.asarray(c, dtype=ctx.dtype)) for c in columns)
    return Sources(place, intensity, spread, reach, tuple(names.index(odor.name) for odor in odors))


def concentration(distance: Array, intensity: Array, spread: Array) -> Array:
    """Equation (1).

    Args:
        distance: (batch, source) in m.
        intensity: (source,) in uM.
        spread: (source,) variance in m2.

    Returns:
        (batch, source) in uM.
    """
    xp = engram.array_module(distance)
    return intensity * xp.exp(distance * distance / (-2 * spread))


def mixed(level: Array, stimulus: tuple[int, ...]) -> Array:
    """Add up the sources of each stimulus, in their order.

    Args:
        level: (batch, source) concentration of each source.
        stimulus: Stimulus that each source belongs to, 0 .. n - 1.

    Returns:
        (batch, stimulus).
    """
    if stimulus == tuple(range(len(stimulus))):
        return level
    total = engram.array_module(level).zeros((len(level), max(stimulus) + 1), dtype=level.dtype)
    for source, index in enumerate(stimulus):
        total[:, index] += level[:, source]
    return total
