"""Belief: the probability of each hidden micro-state, given all that was seen so far.

Starkweather, Babayan, Uchida and Gershman 2017, Nature Neuroscience 20:581. An animal that knows the
schedule is either between trials, or so many steps into one. Each step it moves by T, sees x with the
probability O_x, and knows more:

    b'(j)  is proportional to  sum_i b(i) T(i, j) O_x(i, j)                                    (1)

The micro-states follow from the declared schedule. State 0 is the interval: each step a trial comes with
the probability `hazard`, of type i as often as the phases say. With its first stimulus, a trial in which
the outcome will come enters a chain of states, one for each step since the stimulus; it leaves it with the
outcome, with the hazard of the declared delay. A trial whose outcome is omitted goes straight back to the
interval (or through a chain that ends with its last stimulus). What is seen is which stimuli come on, and
which outcome comes. Where something is seen that the schedule has no place for, the belief is the interval
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

import engram
from engram import Array, Context

from .distribution import Distribution
from .place import Passage, Place, comes
from .timeline import Arrival, Timeline

Table = NDArray[np.float64]


@engram.parameters
class Belief:
    """What is known of the time between trials."""

    hazard: float | None = engram.param(
        default=None,
        gt=0,
        lt=1,
        doc="probability that a trial comes in a step; from the mean interval if absent",
    )


@attrs.frozen(eq=False)
class MicroStates:
    """The hidden Markov model of a schedule: tables (observation, state) of a move with what is seen.

    Attributes:
        labels: Name of each state.
        advance: Into a state from the one before it in its chain.
        enter: Into a state from the interval.
        leave: From a state back to the interval.
        seen: (row + 1,) observation by type x steps + step, without an outcome; 0 where nothing is seen.
        outcome: (type,) what an outcome adds to the observation.
    """

    labels: tuple[str, ...]
    advance: Table
    enter: Table
    leave: Table
    seen: NDArray[np.int32]
    outcome: NDArray[np.int32]


@attrs.frozen
class _Branch:
    """A chain: a type of trial with its outcome, or without.

    Attributes:
        kind: Index of the type.
        first: Step of its first stimulus; `length` number of states.
        p: Probability that a trial is of this branch.
        hazard: (length,) probability that the outcome comes with the next step; all 0 where it is omitted.
    """

    kind: int
    first: int
    length: int
    p: float
    hazard: Table


def micro_states(timeline: Timeline, given: Belief) -> MicroStates:
    """Derive the micro-states of a schedule.

    Raises:
        ValueError: A type has no stimulus, more than one outcome, or an outcome that is not after a stimulus.
    """
    patterns = _patterns(timeline)
    codes = 1 + len(timeline.protocol.outcomes)
    seen = np.array([*(codes * code for code in patterns), 0], dtype=np.int32)
    outcome = np.array([1 + a[0].outcome if a else 0 for a in timeline.arrivals], dtype=np.int32)
    branches = list(_branches(timeline))
    n = 1 + sum(branch.length for branch in branches)
    tables: list[Table] = [np.zeros((int(seen.max()) + codes, n)) for _ in range(3)]
    hazard = given.hazard or _hazard(timeline)
    tables[1][0, 0] = 1 - hazard
    _fill(tables, branches, seen, outcome, timeline.steps, hazard)
    advance, enter, leave = tables
    return MicroStates(tuple(_labels(timeline, branches)), advance, enter, leave, seen, outcome)


def _fill(
    tables: list[Table], branches: list[_Branch], seen: Any, outcome: Any, steps: int, hazard: float
) -> None:
    """Fill the three tables, chain by chain."""
    advance, enter, leave = tables
    place = 1
    for branch in branches:
        row = branch.kind * steps + branch.first
        enter[seen[row], place if branch.length else 0] += hazard * branch.p
        for step in range(branch.length):
            after = seen[row + step + 1] if branch.first + step + 1 < steps else 0
            leave[after + outcome[branch.kind], place + step] += branch.hazard[step]
            if step + 1 < branch.length:
                advance[after, place + step + 1] = 1 - branch.hazard[step]
            else:
                leave[after, place + step] += 1 - branch.hazard[step]
        place += branch.length


def _labels(timeline: Timeline, branches: list[_Branch]) -> Iterator[str]:
    yield "interval"
    for branch in branches:
        name = timeline.protocol.types[branch.kind].name
        omitted = " omitted" if timeline.arrivals[branch.kind] and not branch.hazard.any() else ""
        yield from (f"{name}{omitted} {step}" for step in range(branch.length))


def _patterns(timeline: Timeline) -> list[int]:
    """Return a number for what comes on at each step of each type; 0 for nothing."""
    numbers: dict[frozenset[int], int] = {frozenset(): 0}
    found = []
    for cues in timeline.cues:
        for step in range(timeline.steps):
            shown = frozenset(cue.stimulus for cue in cues if cue.onset == step)
            found.append(numbers.setdefault(shown, len(numbers)))
    return found


def _branches(timeline: Timeline) -> Iterator[_Branch]:
    for kind, p in enumerate(_mix(timeline)):
        cues, arrivals = timeline.cues[kind], timeline.arrivals[kind]
        place = f"types[{kind}] {timeline.protocol.types[kind].name!r}: belief features need"
        if not cues:
            raise ValueError(f"{place} a stimulus; add one, or choose other features")
        if len(arrivals) > 1:
            raise ValueError(f"{place} at most one outcome, not {len(arrivals)}; choose other features")
        first, last = min(cue.onset for cue in cues), max(cue.onset for cue in cues)
        delivered = arrivals[0].event.probability if arrivals else 0.0
        if arrivals:
            yield _delivered(place, kind, first, p * delivered, arrivals[0])
        if delivered < 1:
            yield _Branch(kind, first, last - first, p * (1 - delivered), np.zeros(last - first))


def _delivered(place: str, kind: int, first: int, p: float, arrival: Arrival) -> _Branch:
    if arrival.low <= first:
        raise ValueError(f"{place} the outcome after the first stimulus; put it later")
    masses = np.zeros(arrival.high - first)
    masses[arrival.low - first - 1 :] = _masses(arrival)
    left = masses[::-1].cumsum()[::-1]
    hazard = np.divide(masses, left, out=np.zeros_like(masses), where=left > 0)
    return _Branch(kind, first, len(masses), p, np.minimum(hazard, 1.0))


def _masses(arrival: Arrival) -> Table:
    """The probability that the outcome comes at each of the steps low .. high of the trial."""
    if not isinstance(arrival.time, Distribution):
        return np.ones(1)
    return arrival.time.masses(arrival.dt, arrival.low - arrival.origin, arrival.high - arrival.origin)


def _mix(timeline: Timeline) -> Table:
    """How often each type comes in the phases in which anything is learnt, or in all."""
    protocol = timeline.protocol
    names = [kind.name for kind in protocol.types]
    phases = [phase for phase in protocol.phases if phase.learn] or list(protocol.phases)
    counts = [phase.length(protocol.trials) or 0 for phase in phases]
    mix: Table = np.average([phase.weights(names) for phase in phases], axis=0, weights=counts)
    return mix


def _hazard(timeline: Timeline) -> float:
    """One over the mean steps between the end of one trial's last chain and the next first stimulus."""
    interval = timeline.protocol.interval
    mean = interval / timeline.dt if isinstance(interval, float) else _mean(interval, timeline)
    gap = 0.0
    for branch in _branches(timeline):
        masses = branch.hazard * np.cumprod([1.0, *(1 - branch.hazard[:-1])]) if branch.length else np.ones(0)
        duration = float((masses * np.arange(1, branch.length + 1)).sum()) or float(branch.length)
        gap += branch.p * (timeline.steps - duration)
    return 1 / max(mean + gap, 1.0 + 1e-6)


def _mean(interval: Distribution, timeline: Timeline) -> float:
    steps = np.arange(timeline.interval + 1)
    return float((interval.masses(timeline.dt, 0, timeline.interval) * steps).sum())


def updated(belief: Array, advance: Array, enter: Array, leave: Array) -> Array:
    """Return the belief after one more step, equation (1).

    Args:
        belief: (batch, state) before.
        advance: (batch, state) row of `MicroStates.advance` for what each replica sees.
        enter: Likewise of `enter`.
        leave: Likewise of `leave`.
    """
    xp = engram.array_module(belief)
    after = belief[:, :1] * enter
    after[:, 1:] += belief[:, :-1] * advance[:, 1:]
    after[:, 0] += (belief * leave).sum(axis=1)
    total = after.sum(axis=1, keepdims=True)
    lost = total <= 0
    interval = xp.arange(belief.shape[1]) == 0
    return xp.where(lost, interval.astype(belief.dtype), after / xp.where(lost, total.dtype.type(1), total))


@engram.state
class Filter(Place):
    """A place, and the belief there."""

    belief: Array = engram.array("micro_state", doc="probability of each micro-state")
    model: MicroStates = engram.fixed()


def filter_of(ctx: Context, model: MicroStates, start: dict[str, Any]) -> Filter:
    """Return the state of replicas that know that they are in the interval.

    Args:
        ctx: The task's context.
        model: The micro-states of its schedule.
        start: Fields of the place.
    """
    xp = ctx.xp
    tables = {
        name: xp.asarray(getattr(model, name).astype(ctx.dtype)) for name in ("advance", "enter", "leave")
    }
    codes = {name: xp.asarray(getattr(model, name)) for name in ("seen", "outcome")}
    belief = ctx.zeros(len(model.labels))
    belief[:, 0] = 1
    return ctx.state(Filter, belief=belief, model=MicroStates(model.labels, **tables, **codes), **start)


def beliefs(state: Filter, passage: Passage) -> Array:
    """Return (time, batch, state) the belief after each of the next steps, and keep the last."""
    model, xp = state.model, state.ctx.xp
    arrives = comes(state, passage)
    seen = model.seen[passage.row] + xp.where(arrives, model.outcome[passage.kind], np.int32(0))
    found = xp.zeros((*seen.shape, len(model.labels)), dtype=state.ctx.dtype)
    belief = state.belief
    for step in range(len(seen)):
        code = seen[step]
        belief = updated(belief, model.advance[code], model.enter[code], model.leave[code])
        found[step] = belief
    state.belief[...] = belief
    return found
