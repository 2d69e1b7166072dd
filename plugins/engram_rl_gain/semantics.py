"""What the memory is meant to do, and what larvaworld 2.5.1 does: the places where the two differ."""

from __future__ import annotations

import abc
from typing import Literal

from engram import Array, array_module

Name = Literal["intended", "larvaworld-2.5"]


class Semantics(abc.ABC):
    """The decisions on which the two readings of the model disagree.

    Masks are (batch,) bool: `decides`, the step is a decision; `explores`, its action is any; `resting`,
    training is over or the memory is switched off.
    """

    @abc.abstractmethod
    def steps(self, duration: Array, dt: float) -> Array:
        """Return the steps in an interval of `duration` s, a whole floating-point number."""

    @abc.abstractmethod
    def state(self, bins: Array, levels: int) -> Array:
        """Return (...) the index of the state that bins (..., stimulus) of 0 .. levels - 1 make."""

    @abc.abstractmethod
    def collects(self, training: Array, resting: Array) -> Array:
        """Return where the reward of this step is added to R."""

    @abc.abstractmethod
    def teaches(self, decides: Array, explores: Array, resting: Array) -> Array:
        """Return where the last state and action are taught, and the present state becomes the last one."""

    @abc.abstractmethod
    def keeps(self, decides: Array, resting: Array) -> Array:
        """Return where the gain shown is the one that training goes on with."""


class Intended(Semantics):
    """The documented model.

    Every stimulus counts in the state. An interval is rounded to steps. Every decision, exploratory or not,
    teaches the action in force since the decision before with all the reward of the interval, and what lies
    ahead is the best action of the state found, whichever is then chosen (Q-learning is off-policy). At rest
    nothing changes.
    """

    def steps(self, duration: Array, dt: float) -> Array:
        """The nearest number of steps."""
        return array_module(duration).rint(duration / dt)

    def state(self, bins: Array, levels: int) -> Array:
        """Each combination of bins, the last stimulus fastest."""
        index = bins[..., 0]
        for stimulus in range(1, bins.shape[-1]):
            index = index * levels + bins[..., stimulus]
        return index

    def collects(self, training: Array, resting: Array) -> Array:
        """In training."""
        return training

    def teaches(self, decides: Array, explores: Array, resting: Array) -> Array:
        """At every decision."""
        return decides

    def keeps(self, decides: Array, resting: Array) -> Array:
        """At decisions: an interval that a rest interrupts goes on with its own gain."""
        return decides


class Larvaworld25(Semantics):
    """The code of larvaworld 2.5.1.

    The bin of the last stimulus counts for all; an interval is cut to whole steps (0.02 min at 0.1 s are 11,
    not 12); an exploratory decision teaches nothing, so that its interval's reward is lost, and leaves the
    last state as it was; at rest reward is collected without end and, if the best gain is specific to the
    state, every step teaches.
    """

    def __init__(self, teaches_at_rest: bool) -> None:
        self._teaches_at_rest = teaches_at_rest

    def steps(self, duration: Array, dt: float) -> Array:
        """Whole steps."""
        return array_module(duration).trunc(duration / dt)

    def state(self, bins: Array, levels: int) -> Array:
        """The combination in which every stimulus has the bin of the last."""
        return bins[..., -1] * sum(levels**stimulus for stimulus in range(bins.shape[-1]))

    def collects(self, training: Array, resting: Array) -> Array:
        """In training and at rest."""
        return training | resting

    def teaches(self, decides: Array, explores: Array, resting: Array) -> Array:
        """At greedy decisions, and perhaps at rest."""
        greedy = decides & ~explores
        return greedy | resting if self._teaches_at_rest else greedy

    def keeps(self, decides: Array, resting: Array) -> Array:
        """Always: training goes on with the gain that rest has left, until the next decision."""
        return decides | resting


def semantics(name: Name, state_specific_best: bool = True) -> Semantics:
    """Return the reading of this name."""
    return Intended() if name == "intended" else Larvaworld25(teaches_at_rest=state_specific_best)
