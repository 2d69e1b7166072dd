"""The timeline of a protocol: every type of trial in steps."""

from __future__ import annotations

import math

import attrs
import numpy as np

import engram
from engram import Array

from .distribution import Distribution
from .event import Event, TrialType
from .protocol import Protocol

# What an int32 can count.
_STEPS = 2**31 - 2


@attrs.frozen
class Cue:
    """A stimulus within a type of trial.

    Attributes:
        stimulus: Its index.
        onset: Step at which it comes on.
        length: Steps that it lasts.
    """

    stimulus: int
    onset: int
    length: int


@attrs.frozen
class Arrival:
    """An outcome within a type of trial.

    Attributes:
        outcome: Its index.
        event: What was declared.
        origin: Step from which its time counts.
        low: First step at which it can come.
        high: Last step at which it can come.
        value: Reward of size 1.
        dt: Length of a step in s.
    """

    outcome: int
    event: Event
    origin: int
    low: int
    high: int
    value: float
    dt: float

    @property
    def time(self) -> Distribution | float:
        """Time in s since the origin."""
        time = self.event.delay if self.event.at is None else self.event.at
        return time

    def steps(self, u: Array) -> Array:
        """Return the steps, int32 and shaped as `u`, at which it comes where its time was drawn as `u`."""
        assert isinstance(self.time, Distribution)
        xp = engram.array_module(u)
        drawn = xp.rint(self.time.sample(u) / self.dt).astype(np.int32) + np.int32(self.origin)
        return drawn.clip(self.low, self.high)


@attrs.frozen
class Timeline:
    """All types of trial in steps.

    Attributes:
        protocol: What was declared.
        steps: Steps of a trial without its interval.
        cues: Stimuli of each type, in the order declared; `arrivals` its outcomes.
    """

    protocol: Protocol
    steps: int
    cues: tuple[tuple[Cue, ...], ...]
    arrivals: tuple[tuple[Arrival, ...], ...]

    @property
    def dt(self) -> float:
        """Length of a step in s."""
        return self.protocol.dt

    @property
    def intervals(self) -> tuple[int, int]:
        """Steps of the shortest and the longest interval."""
        given = self.protocol.interval
        low, high = (given.low, given.high) if isinstance(given, Distribution) else (given, given)
        return round(low / self.dt), round(high / self.dt)

    @property
    def interval(self) -> int:
        """Steps of the longest interval."""
        return self.intervals[1]

    @property
    def slots(self) -> int:
        """The most outcomes of a type."""
        return max(len(arrivals) for arrivals in self.arrivals)


def compiled(protocol: Protocol) -> Timeline:
    """Turn a protocol into steps.

    Raises:
        ValueError: One line: a time off the grid of steps, or outside its trial.
    """
    steps = _on_grid("trial", protocol.trial, protocol) + 1
    _check_interval(protocol)
    cues = tuple(_cues(index, kind, protocol, steps) for index, kind in enumerate(protocol.types))
    arrivals = tuple(
        _arrivals(index, kind, protocol, steps, cues[index]) for index, kind in enumerate(protocol.types)
    )
    timeline = Timeline(protocol, steps, cues, arrivals)
    longest = max(sum(protocol.counts_of(group)) for group in range(protocol.groups))
    if longest * (steps + timeline.interval) > _STEPS:
        raise ValueError(f"phases: {longest} trials may take more than {_STEPS} steps; declare fewer")
    return timeline


def _check_interval(protocol: Protocol) -> None:
    interval = protocol.interval
    if isinstance(interval, float):
        _on_grid("interval", interval, protocol)
    elif interval.low < 0 or math.isinf(interval.high):
        raise ValueError("interval: must be >= 0 and end; give shortest and longest to a normal one")


def _cues(index: int, kind: TrialType, protocol: Protocol, steps: int) -> tuple[Cue, ...]:
    names = [stimulus.name for stimulus in protocol.stimuli]
    early = int(protocol.semantics == "drl_sim")
    found = []
    for number, event in enumerate(kind.events):
        if event.stimulus is None:
            continue
        place = f"types[{index}].events[{number}]"
        assert isinstance(event.at, float)
        stimulus = names.index(event.stimulus)
        duration = event.duration or protocol.stimuli[stimulus].duration
        onset = _on_grid(f"{place}.at", event.at, protocol) - early
        length = max(1, _on_grid(f"{place}: duration", duration or 0.0, protocol))
        _check_inside(f"{place}: stimulus {event.stimulus!r}", onset, onset + length - 1, protocol, steps)
        found.append(Cue(stimulus, onset, length))
    return tuple(found)


def _arrivals(
    index: int, kind: TrialType, protocol: Protocol, steps: int, cues: tuple[Cue, ...]
) -> tuple[Arrival, ...]:
    found = []
    for number, event in enumerate(kind.events):
        if event.outcome is not None:
            place = f"types[{index}].events[{number}]"
            found.append(_arrival(place, event, protocol, steps, cues))
    return tuple(found)


def _arrival(place: str, event: Event, protocol: Protocol, steps: int, cues: tuple[Cue, ...]) -> Arrival:
    names = [item.name for item in protocol.outcomes]
    outcome = names.index(str(event.outcome))
    origin = 0 if event.after is None else _origin(place, event.after, protocol, cues)
    time = event.delay if event.at is None else event.at
    field = f"{place}.{'delay' if event.at is None else 'at'}"
    if isinstance(time, Distribution):
        for value in time.choice:
            _on_grid(field, value, protocol)
        low, high = (
            origin + (round(edge / protocol.dt) if math.isfinite(edge) else default)
            for edge, default in ((time.low, 1), (time.high, steps - 1 - origin))
        )
    else:
        low = high = origin + _on_grid(field, time, protocol)
    _check_inside(f"{place}: outcome {event.outcome!r}", low, high, protocol, steps)
    if low < 1:
        raise ValueError(f"{place}: outcome {event.outcome!r} comes with the first step; put it later")
    return Arrival(outcome, event, origin, low, high, protocol.outcomes[outcome].value, protocol.dt)


def _origin(place: str, name: str, protocol: Protocol, cues: tuple[Cue, ...]) -> int:
    for cue in cues:
        if protocol.stimuli[cue.stimulus].name == name:
            # drl_sim shows stimuli a step early; times go on counting from where they belong.
            return cue.onset + int(protocol.semantics == "drl_sim")
    raise ValueError(f"{place}.after: {name!r} is no stimulus of this type; add it to its events")


def _on_grid(place: str, time: float, protocol: Protocol) -> int:
    """Return the step of a time; drl_sim rounds, half to even, what lies between two steps."""
    if not math.isfinite(time):
        raise ValueError(f"{place}: must be finite, not {time:g} s")
    step = round(time / protocol.dt)
    if abs(time / protocol.dt - step) > 1e-6 * max(1, step) and protocol.semantics == "intended":
        near = step * protocol.dt
        raise ValueError(f"{place}: {time:g} s is no multiple of dt = {protocol.dt:g} s; {near:g} s is near")
    return step


def _check_inside(what: str, first: int, last: int, protocol: Protocol, steps: int) -> None:
    if first < 0 or last >= steps:
        start, stop = first * protocol.dt, last * protocol.dt
        when = f"at {start:g} s" if first == last else f"from {start:g} to {stop:g} s"
        raise ValueError(f"{what} comes {when}, outside the trial of 0 to {protocol.trial:g} s")
