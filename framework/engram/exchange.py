"""Holds states, and what passes between task and memory, against what was declared.

NumPy would broadcast an array of a wrong shape without a word, and give a wrong result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np

from .components import Choice, Memory, Signal, Spec, Task
from .declare import EventsField, Slot
from .errors import EngramError
from .event import Events

_RESERVED = ("batch", "n_rows", "step", "time")
_FLAGS = ("start", "end", "truncated", "learn")


def check_parts(slots: list[Slot], components: Iterable[str]) -> None:
    """Refuse a child's state that belongs to no component of the recipe.

    Raises:
        EngramError: Naming its path.
    """
    parts = {slot.path.rpartition(".")[0] for slot in slots}
    for path in sorted(parts.difference(components)):
        raise EngramError(
            f"{path}: is the state of no component; a child is held by a parameter of the same name, "
            "declared with engram.component"
        )


def check_state(slots: list[Slot], batch: int, dtype: np.dtype[Any]) -> None:
    """Hold every array and field of events against its declaration.

    Raises:
        EngramError: Naming the first of another shape, precision or axis length, or of a name taken.
    """
    sizes: dict[tuple[int, str], int] = {}
    owners: dict[int, str] = {}
    axes = {(id(slot.holder), axis) for slot in slots for axis in slot.field.axes}
    for slot in slots:
        _check_names(slot, axes)
        _check_array(slot, batch, dtype)
        for axis, size in zip(slot.field.axes, slot.value.shape[1:], strict=True):
            if sizes.setdefault((id(slot.holder), axis), size) != size:
                raise EngramError(
                    f"{slot.path}: axis {axis!r} has {size} entries, elsewhere in this state another number"
                )
        if (other := owners.setdefault(id(slot.value), slot.path)) != slot.path:
            raise EngramError(f"{slot.path}: is the same array as {other}; give each its own")


def _check_names(slot: Slot, axes: set[tuple[int, str]]) -> None:
    """A file has one name for each array and axis of a component."""
    if (id(slot.holder), slot.name) in axes:
        raise EngramError(f"{slot.path}: an axis has this name too; rename one")
    for name in (slot.name, *slot.field.axes):
        if name in _RESERVED:
            raise EngramError(f"{slot.path}: {name!r} has a meaning of its own in files; rename it")


def _check_array(slot: Slot, batch: int, dtype: np.dtype[Any]) -> None:
    value, field = slot.value, slot.field
    wanted = dtype if field.dtype == "float" else np.dtype(field.dtype)
    shape = getattr(value, "shape", None)
    if isinstance(field, EventsField) and not isinstance(value, Events):
        raise EngramError(f"{slot.path}: must be made by ctx.events, not {type(value).__name__}")
    if shape is None or len(shape) != 1 + len(field.axes) or shape[0] != batch:
        axes = ", ".join(("batch", *field.axes))
        raise EngramError(f"{slot.path}: must have shape ({axes}), not {shape}")
    if value.dtype != wanted:
        raise EngramError(f"{slot.path}: must be {wanted}, not {value.dtype}")


def check_signal(
    task: Task, signal: Signal, space: Spec | Choice, lead: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """Refuse a signal that is not what the task declares.

    Args:
        task: Where it comes from.
        signal: What it sent.
        space: What it says that can be observed.
        lead: (batch,), or (steps, batch) for signals with a time axis.
        dtype: Precision of the run.

    Raises:
        EngramError: Naming the first field of another shape or dtype.
    """
    label = f"task {type(task).name!r}"
    if not isinstance(signal, Signal):
        raise EngramError(f"{label}: must return a Signal, not {type(signal).__name__}; see Context.signal")
    wanted = {
        "observation": _wanted(space, lead, dtype),
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
    shape, kind = _wanted(space, lead, dtype)
    given = getattr(action, "dtype", kind)
    if isinstance(space, Choice) and given.kind in "iu":
        kind = given
    _check(f"memory {type(memory).name!r}: the action", action, shape, kind)


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
