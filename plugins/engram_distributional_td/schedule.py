"""What a run file says of its trials: which types there are, in which phases, and when anything can happen.

Names come from the task of the recipe, where it declares a protocol with types and phases, as `conditioning`
does; a type is else known by its outcome code alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import engram
from engram import EngramError

Host = NDArray[Any]
_COLUMNS = ("replica", "number", "start_step", "stop_step", "outcome")


def step_of(run: Any) -> float:
    """Return the length of a step in s."""
    return float(run.recipe["run"]["dt"])


def trials_of(run: Any) -> dict[str, Host]:
    """Return the table of trials, (trial,) each: replica, number, start_step, stop_step, outcome.

    Raises:
        EngramError: It was not recorded.
    """
    tables = run.tables()
    if "trials" not in tables:
        raise EngramError("holds no table of trials; record it with record.trials = true")
    return {name: tables["trials"].read(name).astype(np.int64) for name in _COLUMNS}


def task_of(run: Any) -> Any:
    """Return the task of the recipe; None where its plugin is not there."""
    try:
        return engram.resolve(run.recipe).task
    except EngramError:
        return None


def type_names(run: Any) -> tuple[str, ...]:
    """Return the names of the types of trial, by outcome code; none where the task gives them no names."""
    protocol = getattr(task_of(run), "protocol", None)
    return tuple(str(kind.name) for kind in getattr(protocol, "types", ()))


def codes_of(run: Any, types: tuple[int | str, ...]) -> list[int]:
    """Return the outcome codes of types of trial given by name or code.

    Raises:
        EngramError: There is no type of this name.
    """
    names = type_names(run)
    for item in types:
        if isinstance(item, str) and item not in names:
            known = f"known: {', '.join(names)}" if names else "the task names none, give outcome codes"
            raise EngramError(f"types: {item!r} is no type of trial; {known}")
    return [names.index(item) if isinstance(item, str) else item for item in types]


def span_of(run: Any, phase: int | str, replicas: Host) -> tuple[Host, Host]:
    """Return (batch,) the first number of a trial of a phase of each replica, and the first after it.

    Args:
        run: An opened run file.
        phase: Its name or index.
        replicas: (replica,) those asked for; both are 0 for groups that none of them is in.

    Raises:
        EngramError: The task has no such phase.
    """
    protocol = getattr(task_of(run), "protocol", None)
    if not hasattr(protocol, "phases_of"):
        raise EngramError("phase: the task has no phases; leave it out")
    start, stop = np.zeros((2, run.batch), dtype=int)
    group = _groups(run)
    for number in np.unique(group[replicas]):
        start[group == number], stop[group == number] = _span(protocol, int(number), phase)
    return start, stop


def _groups(run: Any) -> Host:
    """Return (batch,) the group of each replica."""
    for name, values in run.columns.items():
        if run.attributes(name).get("path") == "task.group":
            swept: Host = values
            return swept
    return np.full(run.batch, run.recipe["task"].get("group", 0))


def _span(protocol: Any, group: int, phase: int | str) -> tuple[int, int]:
    names = [item.name for item in protocol.phases_of(group)]
    ends = np.cumsum([0, *protocol.counts_of(group)])
    if phase not in names and phase not in range(len(names)):
        known = ", ".join(str(name or index) for index, name in enumerate(names))
        raise EngramError(f"phase: {phase!r} is no phase of group {group}; known: {known}")
    place = phase if isinstance(phase, int) else names.index(phase)
    return int(ends[place]), int(ends[place + 1])


def event_steps(run: Any) -> list[int]:
    """Return the steps of a trial at which a stimulus comes on or an outcome may come, of all types.

    Raises:
        EngramError: The task does not say.
    """
    timeline: Any = getattr(task_of(run), "timeline", None)
    if not hasattr(timeline, "arrivals"):
        raise EngramError("at: the task does not say when anything happens; give times, such as -o at=[2.0]")
    onsets = {cue.onset for cues in timeline.cues for cue in cues}
    spans = [(arrival.low, arrival.high) for arrivals in timeline.arrivals for arrival in arrivals]
    return sorted(onsets.union(*(range(low, high + 1) for low, high in spans)))
