"""Microstimuli: a stimulus leaves a fading trace, and each level of the trace excites units of its own.

Ludvig, Sutton and Kehoe 2008, Neural Computation 20:3034. The trace y of a stimulus is 1 at its onset and
decays; microstimulus i of m is a Gaussian receptive field of the height of the trace, as high as the trace
is:

    y(t + 1) = decay y(t)                                                                      (1)
    f(y, mu, sigma) = exp(-(y - mu)^2 / (2 sigma^2)) / sqrt(2 pi)                              (2)
    x_i(t) = f(y(t), i / m, sigma) y(t)                                                        (3)

Late microstimuli are lower and broader, so that time is known the worse the longer ago the stimulus was,
and an outcome that comes early or late is not a wholly new situation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import engram

from .feature import Entry, Features, block, gathered, places
from .timeline import Timeline


@engram.parameters
class Microstimuli:
    """How a trace becomes features; the values of Ludvig et al. 2008, whose steps are 0.05 s."""

    number: int = engram.param(default=50, ge=1, symbol="m", doc="microstimuli of each stimulus")
    width: float = engram.param(default=0.08, gt=0, symbol="sigma", doc="width of the receptive fields")
    decay: float = engram.param(default=0.985, gt=0, lt=1, doc="decay of the trace in a step")


def microstimuli(timeline: Timeline, private: bool, given: Microstimuli) -> Features:
    """Return the microstimuli of all stimuli; with `private`, each type of trial has its own."""
    offsets, labels = block(timeline, private, lambda cue: [f" {index + 1}" for index in range(given.number)])
    return gathered(timeline, labels, _entries(timeline, private, offsets, given))


def _entries(
    timeline: Timeline, private: bool, offsets: dict[tuple[int, int], int], given: Microstimuli
) -> Iterator[Entry]:
    for kind, cue, offset, salience in places(timeline, private, offsets):
        y = 1.0
        for step in range(cue.onset, timeline.steps):
            for index in range(given.number):
                yield (
                    kind,
                    step,
                    offset + index,
                    salience * _level(y, (index + 1) / given.number, given.width),
                )
            y *= given.decay  # (1)


def _level(y: float, mu: float, sigma: float) -> float:
    """Equations (2) and (3)."""
    return math.exp(-((y - mu) ** 2) / (2 * sigma**2)) / math.sqrt(2 * math.pi) * y
