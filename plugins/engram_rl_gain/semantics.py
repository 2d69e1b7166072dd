"""What the memory is meant to do, and what larvaworld 2.5.1 does: the places where the two differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import engram
from engram import Array, array_module

Name = Literal["intended", "larvaworld-2.5"]


@dataclass(frozen=True)
class Semantics:
    """The decisions on which the two readings of the model disagree; scalar rules, but for `steps`.

    Attributes:
        steps: The steps in an interval, of (duration in s, dt): a whole floating-point number, on the host.
        state: The index of the state that the stimuli up to this one make, of (index that those before it
            make, bin of this one, its number, levels of a bin).
        collects: Whether the reward of this step is added to R, of (training, resting).
        teaches: Whether the last state and action are taught, and the present state becomes the last one, of
            (decides, explores, resting, at_rest). `resting`: training is over or the memory is switched off;
            `at_rest`: the best action at rest is that of the present state.
        keeps: Whether the gain shown is the one that training goes on with, of (decides, resting).
    """

    steps: Callable[[Array, float], Array]
    state: Callable[..., Any]
    collects: Callable[..., Any]
    teaches: Callable[..., Any]
    keeps: Callable[..., Any]


def nearest_steps(duration: Array, dt: float) -> Array:
    """The nearest number of steps."""
    return array_module(duration).rint(duration / dt)


def whole_steps(duration: Array, dt: float) -> Array:
    """Whole steps: 0.02 min at 0.1 s are 11, not 12."""
    return array_module(duration).trunc(duration / dt)


@engram.rule
def every_bin(before: int, found: int, stimulus: int, levels: int) -> int:
    """Each combination of bins, the last stimulus fastest."""
    return before * levels + found


@engram.rule
def last_bin(before: int, found: int, stimulus: int, levels: int) -> int:
    """The combination in which every stimulus has the bin of the last."""
    return found * _ones(levels, stimulus + 1)


def _ones(levels: int, digits: int) -> int:
    """The number 11...1 to the base `levels`."""
    return sum(levels**digit for digit in range(digits))


@engram.rule
def in_training(training: bool, resting: bool) -> bool:
    """In training."""
    return training


@engram.rule
def always(training: bool, resting: bool) -> bool:
    """In training and at rest, where reward is collected without end."""
    return training or resting


@engram.rule
def every_decision(decides: bool, explores: bool, resting: bool, at_rest: bool) -> bool:
    """Every decision, exploratory or not, teaches the action in force since the decision before.

    What lies ahead is the best action of the state found, whichever is then chosen: Q-learning is off-policy.
    """
    return decides


@engram.rule
def greedy_decision(decides: bool, explores: bool, resting: bool, at_rest: bool) -> bool:
    """Greedy decisions, and perhaps every step at rest.

    An exploratory decision teaches nothing, so that its interval's reward is lost, and leaves the last state.
    """
    return (decides and not explores) or (resting and at_rest)


@engram.rule
def of_decisions(decides: bool, resting: bool) -> bool:
    """That of decisions: an interval that a rest interrupts goes on with its own gain."""
    return decides


@engram.rule
def of_rests(decides: bool, resting: bool) -> bool:
    """That of rests, too: training goes on with it until the next decision."""
    return decides or resting


INTENDED = Semantics(nearest_steps, every_bin, in_training, every_decision, of_decisions)
"""The documented model: every stimulus counts in the state, and at rest nothing changes."""
LARVAWORLD_25 = Semantics(whole_steps, last_bin, always, greedy_decision, of_rests)
"""The code of larvaworld 2.5.1."""


def semantics(name: Name) -> Semantics:
    """Return the reading of this name."""
    return INTENDED if name == "intended" else LARVAWORLD_25
