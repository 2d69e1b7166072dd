"""What a run keeps of its steps: device buffers for records, and the table of trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from .backend import Array, Backend
from .components import Choice, Signal, Spec
from .convert import nearest
from .declare import ArrayField, EventsField, Slot
from .errors import RecipeError
from .event import Events
from .rules import segment

Host = np.ndarray[Any, Any]
_SIGNAL_DOC = {
    "observation": "what the memory sees",
    "reward": "what the previous action earned",
    "start": "a trial begins",
    "end": "the trial is over",
    "learn": "plasticity is allowed",
    "finished": "the replica has met its criterion and is frozen",
}


@attrs.frozen(eq=False)
class Recorded:
    """One recorded variable and its device buffer of shape (rows, batch, *axes).

    Attributes:
        path: Such as "memory.gain".
        field: Axes, unit, documentation.
        buffer: Device rows of the present chunk.
        labels: Names along an axis, by axis.
        slot: Where the value is held; None for what is not state.
    """

    path: str
    field: ArrayField
    buffer: Array
    labels: Mapping[str, tuple[str, ...]]
    slot: Slot | None = None

    @property
    def holder(self) -> str:
        """Role path of the component it belongs to."""
        return self.path.rpartition(".")[0]


class Recorder:
    """Copies chosen arrays into device buffers every few steps; names the chosen fields of events.

    Args:
        slots: All state arrays of the run, and all fields of events.
        spaces: Observation and action of the task, by path "task.observation" and "memory.action".
        wanted: Paths to record, None for those declared with `record=True`.
        every: Steps from row to row.
        rows: Rows a chunk can hold.
        freezing: True where replicas may finish, so that "task.finished" is kept.
    """

    def __init__(
        self,
        slots: list[Slot],
        spaces: Mapping[str, Spec | Choice],
        wanted: tuple[str, ...] | None,
        every: int,
        rows: int,
        backend: Backend,
        shape: tuple[int, np.dtype[Any]],
        freezing: bool = False,
    ) -> None:
        self.every = every
        self._backend = backend
        self._batch, self._float = shape
        self._spaces = spaces
        self._rows = rows
        self._labels = {
            space.axes[-1]: space.labels for space in spaces.values() if space.axes and space.labels
        }
        known = {slot.path: slot for slot in slots}
        chosen = [slot.path for slot in slots if slot.field.record] if wanted is None else list(wanted)
        if freezing and "task.finished" not in chosen:
            chosen.append("task.finished")
        signals = {f"task.{name}" for name in _SIGNAL_DOC} | {"memory.action"} & set(spaces)
        self._check(chosen, known, signals)
        self.events: dict[str, Events] = {
            slot.path: slot.value
            for slot in slots
            if slot.path in chosen and isinstance(slot.field, EventsField)
        }
        arrays = [path for path in chosen if path not in self.events]
        self.recorded = [self._slot(known[path]) if path in known else self._passing(path) for path in arrays]
        self._slots = [(r.buffer, r.slot.holder, r.slot.name) for r in self.recorded if r.slot is not None]
        self._signals = [(r.buffer, r.path.rpartition(".")[2]) for r in self.recorded if r.slot is None]
        self.reads_task_state = any(path in known and path.startswith("task.") for path in arrays)
        self.steps: list[int] = []

    def _check(self, chosen: list[str], known: Mapping[str, Slot], signals: set[str]) -> None:
        problems = [
            f"record.variables: no such variable {path!r}{nearest(path, {*known, *signals})}"
            for path in dict.fromkeys(chosen)
            if path not in known and path not in signals
        ]
        problems += [
            f"record.variables: {path!r} is named twice" for path in set(chosen) if chosen.count(path) > 1
        ]
        if problems:
            raise RecipeError(problems)

    def _slot(self, slot: Slot) -> Recorded:
        value = slot.value
        buffer = self._buffer(value.shape[1:], value.dtype)
        return Recorded(slot.path, slot.field, buffer, self.labels_of(slot), slot)

    def labels_of(self, slot: Slot) -> dict[str, tuple[str, ...]]:
        """Return the task's labels of the axes that have the name and the length of a labelled one."""
        sizes = zip(slot.field.axes, slot.value.shape[1:], strict=True)
        known = self._labels
        return {axis: known[axis] for axis, size in sizes if size and len(known.get(axis, ())) == size}

    def _passing(self, path: str) -> Recorded:
        name = path.rpartition(".")[2]
        space = self._spaces.get(path)
        if space is None:
            dtype = self._float if name == "reward" else np.dtype(bool)
            return Recorded(path, ArrayField((), _SIGNAL_DOC[name]), self._buffer((), dtype), {})
        dtype = self._float if space.dtype == "float" else np.dtype(space.dtype)
        axes = space.axes or tuple(f"{name}_{index}" for index in range(len(space.shape)))
        labels = {axes[-1]: space.labels} if space.axes and space.labels else {}
        doc = _SIGNAL_DOC.get(name, "what the memory does")
        return Recorded(path, ArrayField(axes, doc, space.unit), self._buffer(space.shape, dtype), labels)

    def _buffer(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        return self._backend.xp.zeros((self._rows, self._batch, *shape), dtype=dtype)

    def row(self, step: int, signal: Signal, action: Array | None, finished: Array | None = None) -> None:
        """Copy one row; on return it counts."""
        index = len(self.steps)
        for buffer, holder, name in self._slots:
            buffer[index] = getattr(holder, name)
        for buffer, name in self._signals:
            if name == "action":
                buffer[index] = action
            elif name == "finished":
                buffer[index] = False if finished is None else finished
            else:
                buffer[index] = getattr(signal, name)
        self.steps.append(step)

    def put(self, row: Array, signal: Signal, action: Array | None) -> None:
        """Copy one row to where `row` (1,) says, which only the device knows."""
        for buffer, holder, name in self._slots:
            buffer[row] = getattr(holder, name)[None]
        for buffer, name in self._signals:
            value = action if name == "action" else getattr(signal, name)
            buffer[row] = value[None]  # type: ignore[index]

    def take(self, last: int) -> tuple[Host, dict[str, Host]]:
        """Return steps (rows,) up to step `last` and host arrays (rows, batch, ...) by path; start anew."""
        steps = np.asarray([step for step in self.steps if step <= last], dtype=np.int64)
        self.steps = []
        return steps, {r.path: self._backend.to_host(r.buffer[: len(steps)]) for r in self.recorded}


class Trials:
    """Finds the trials in the signals of a run.

    Args:
        batch: Number of replicas.
        chunk: Steps a chunk can hold.
        every: Keep every so many trials of a replica; 0 for none.
    """

    def __init__(self, batch: int, chunk: int, every: int, backend: Backend, dtype: np.dtype[Any]) -> None:
        self.every = every
        self._backend = backend
        kinds = {"start": bool, "end": bool, "truncated": bool, "reward": dtype, "outcome": np.int8}
        rows = chunk if every else 0
        self.buffers = {name: backend.xp.zeros((rows, batch), dtype=kind) for name, kind in kinds.items()}
        self._pairs = list(self.buffers.items())
        self.carried: dict[str, Host] = {
            "started_at": np.full(batch, -1, dtype=np.int64),
            "returned": np.zeros(batch),
            "count": np.zeros(batch, dtype=np.int64),
        }

    def see(self, index: int | slice, signal: Signal) -> None:
        """Keep the signal of the chunk's step `index`, or the signals of several."""
        for name, buffer in self._pairs:
            buffer[index] = getattr(signal, name)

    def take(self, first: int, n: int, dt: float) -> dict[str, Host]:
        """Return the columns of the trials that ended in steps first .. first + n - 1, by end and replica."""
        seen = {name: self._backend.to_host(buffer[:n]) for name, buffer in self.buffers.items()}
        columns, self.carried = segment.trials(seen, self.carried, first, self.every)
        columns["start_time"] = columns["start_step"] * dt
        columns["stop_time"] = columns["stop_step"] * dt
        return columns


def grouped(recorded: list[Recorded]) -> Iterator[tuple[str, list[Recorded]]]:
    """Yield (role path, variables) of each component that has something recorded, in order of first use."""
    paths = dict.fromkeys(item.holder for item in recorded)
    for path in paths:
        yield path, [item for item in recorded if item.holder == path]
