"""Holds what passes between task and memory against what the task declares.

NumPy would broadcast an array of a wrong shape without a word, and give a wrong result.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from .components import Choice, Memory, Signal, Spec, Task
from .errors import EngramError

_FLAGS = ("start", "end", "truncated", "learn")


def check_signal(task: Task, signal: Signal, lead: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a signal that is not what the task declares.

    Args:
        task: Where it comes from.
        signal: What it sent.
        lead: (batch,), or (steps, batch) for signals with a time axis.
        dtype: Precision of the run.

    Raises:
        EngramError: Naming the first field of another shape or dtype.
    """
    label = f"task {type(task).name!r}"
    if not isinstance(signal, Signal):
        raise EngramError(f"{label}: must return a Signal, not {type(signal).__name__}; see Context.signal")
    wanted = {
        "observation": _wanted(task.observation, lead, dtype),
        "reward": (lead, dtype),
        **{name: (lead, np.dtype(bool)) for name in _FLAGS},
        "outcome": (lead, np.dtype(np.int8)),
    }
    for field in attrs.fields(Signal):
        _check(f"{label}: signal.{field.name}", getattr(signal, field.name), *wanted[field.name])


def check_action(
    memory: Memory, action: Any, space: Spec | Choice | None, lead: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """Refuse an action that is not what the task takes; where it takes none, any action is let go.

    Raises:
        EngramError: Saying what it is and what it must be.
    """
    if space is None:
        return
    label = f"memory {type(memory).name!r}: the action"
    shape, kind = _wanted(space, lead, dtype)
    given = getattr(action, "dtype", kind)
    if isinstance(space, Choice) and given.kind in "iu":
        kind = given
    _check(label, action, shape, kind)


def check_finished(task: Task, finished: Any, batch: int) -> None:
    """Refuse what `finished` returned unless it is (batch,) bool.

    Raises:
        EngramError: Saying what it is.
    """
    _check(f"task {type(task).name!r}: finished()", finished, (batch,), np.dtype(bool))


def _wanted(
    space: Spec | Choice, lead: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return (*lead, *space.shape), dtype if space.dtype == "float" else np.dtype(space.dtype)


def _check(label: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    found = getattr(value, "shape", None)
    if found is None:
        raise EngramError(f"{label} must be an array {shape} {dtype}, not {type(value).__name__}")
    if tuple(found) != shape or value.dtype != dtype:
        raise EngramError(f"{label} must be {shape} {dtype}, not {tuple(found)} {value.dtype}")
