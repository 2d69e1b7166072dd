"""A conditioning protocol: what a recipe declares of stimuli, outcomes, types of trial and phases."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Literal

import engram

from .distribution import Distribution
from .event import Event, TrialType
from .outcome import Outcome
from .phase import Phase
from .stimulus import Stimulus

TYPES = 127

Semantics = Literal["intended", "drl_sim"]


@engram.parameters
class Protocol:
    """What is shown when; a preset, a design and the keys of a recipe together make one."""

    dt: float = engram.param(default=1.0, gt=0, lt=math.inf, unit="s", doc="length of a step")
    trial: float = engram.param(gt=0, unit="s", doc="length of a trial, from its first step to its last")
    interval: Distribution | float = engram.param(
        default=0.0, unit="s", doc="time between a trial and the next; it counts as part of the trial before"
    )
    trials: int | None = engram.param(default=None, ge=1, doc="trials of phases that do not say")
    stimuli: tuple[Stimulus, ...] = engram.param(default=(), doc="what can be shown")
    outcomes: tuple[Outcome, ...] = engram.param(default=(), doc="what can happen")
    types: tuple[TrialType, ...] = engram.param(default=(), doc="types of trial")
    phases: tuple[Phase, ...] = engram.param(default=(Phase(),), doc="phases, in order")
    semantics: Semantics = engram.param(default="intended", doc="how times become steps")

    def check(self) -> None:
        """Every name is declared once, and there are trials."""
        if not self.types:
            raise ValueError("types: none is declared; add [[task.types]], a design or a preset")
        if len(self.types) > TYPES:
            raise ValueError(
                f"types: {len(self.types)} are declared, but an outcome code has room for {TYPES}"
            )
        if not self.phases:
            raise ValueError("phases: none is declared; add [[task.phases]]")
        if isinstance(self.interval, float) and self.interval < 0:
            raise ValueError(f"interval: must be >= 0, not {self.interval:g}")
        for kind in ("stimuli", "outcomes", "types"):
            _unique(kind, [item.name for item in getattr(self, kind)])
        for place, event in self._events():
            _known(f"{place}.stimulus", event.stimulus, [item.name for item in self.stimuli])
            _known(f"{place}.outcome", event.outcome, [item.name for item in self.outcomes])
        self._check_phases()
        self._check_tables()

    def _events(self) -> Iterator[tuple[str, Event]]:
        for index, kind in enumerate(self.types):
            for place, event in enumerate(kind.events):
                yield f"types[{index}].events[{place}]", event

    def _check_phases(self) -> None:
        for index, phase in enumerate(self.phases):
            for name in phase.names():
                _known(f"phases[{index}]", name, [item.name for item in self.types])
            if phase.length(self.trials) is None:
                raise ValueError(f"phases[{index}]: has no trials; add trials = N here or to the task")
        for group in range(self.groups):
            if not self.phases_of(group):
                raise ValueError(f"phases: none belongs to group {group}; number groups from 0 without a gap")

    def _check_tables(self) -> None:
        n = max(sum(self.counts_of(group)) for group in range(self.groups))
        for place, event in self._events():
            if isinstance(event.size, tuple) and len(event.size) < n:
                raise ValueError(
                    f"{place}.size: has {len(event.size)} sizes for {n} trials; add the rest, or give trials"
                )
            if max(event.omit, default=0) >= n:
                raise ValueError(f"{place}.omit: there is no trial {max(event.omit)}; the last is {n - 1}")

    @property
    def groups(self) -> int:
        """Number of groups of replicas."""
        return 1 + max((group for phase in self.phases for group in phase.groups), default=0)

    def phases_of(self, group: int) -> list[Phase]:
        """Return the phases that a group goes through."""
        return [phase for phase in self.phases if not phase.groups or group in phase.groups]

    def counts_of(self, group: int) -> list[int]:
        """Return the number of trials of each phase of a group."""
        return [phase.length(self.trials) or 0 for phase in self.phases_of(group)]


def _unique(kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{kind}: {name!r} is declared twice; rename one")


def _known(place: str, name: str | None, names: Iterable[str]) -> None:
    if name is not None and name not in names:
        raise ValueError(f"{place}: {name!r} is not declared; known: {', '.join(names) or 'none'}")
