"""What a run keeps of its steps: device buffers for records, and the table of trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from .backend import Array, Backend
from .components import Choice, Signal, Spec
from .convert import nearest
from .declare import ArrayField, EventsField, Slot
from .errors import RecipeError
from .event import Events
from .recipe import RecordSettings
from .rules import segment
from .rules.selection import Selection, entries, places

Host = np.ndarray[Any, Any]
_SIGNAL_DOC = {
    "observation": "what the memory sees",
    "reward": "what the previous action earned",
    "start": "a trial begins",
    "end": "the trial is over",
    "learn": "plasticity is allowed",
    "finished": "the replica has met its criterion and is frozen",
}


@attrs.define(eq=False)
class Recorded:
    """One recorded variable and its device buffer of shape (rows, batch, *kept).

    Attributes:
        path: Such as "memory.gain".
        field: Axes, unit, documentation.
        shape: Lengths of its axes.
        dtype: Of its elements.
        labels: Names along an axis, by axis.
        slot: Where the value is held; None for what is not state.
        entries: Indices kept along each axis.
        buffer: Device rows of the present chunk.
    """

    path: str
    field: ArrayField
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    labels: Mapping[str, tuple[str, ...]]
    slot: Slot | None = None
    entries: list[Sequence[int]] = attrs.Factory(lambda self: list(map(range, self.shape)), takes_self=True)
    buffer: Array = None

    @property
    def holder(self) -> str:
        """Role path of the component it belongs to."""
        return self.path.rpartition(".")[0]

    @property
    def kept(self) -> tuple[int, ...]:
        """Lengths of its axes in a row."""
        return tuple(map(len, self.entries))


class Recorder:
    """Copies chosen arrays into device buffers at chosen steps; names the chosen fields of events.

    Args:
        slots: All state arrays of the run, and all fields of events.
        spaces: Observation and action of the task, by path "task.observation" and "memory.action".
        settings: What the recipe says of records.
        selection: The steps that leave a row.
        shape: Number of replicas, and the run's precision.
        freezing: True where replicas may finish, so that "task.finished" is kept.
    """

    def __init__(
        self,
        slots: list[Slot],
        spaces: Mapping[str, Spec | Choice],
        settings: RecordSettings,
        selection: Selection,
        backend: Backend,
        shape: tuple[int, np.dtype[Any]],
        freezing: bool = False,
    ) -> None:
        self.selection = selection
        self._backend = backend
        self._batch, self._float = shape
        self._spaces = spaces
        self._labels = {
            space.axes[-1]: space.labels for space in spaces.values() if space.axes and space.labels
        }
        known = {slot.path: slot for slot in slots}
        wanted = settings.variables
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
        self._keep_entries(settings)
        self.reads_task_state = any(path in known and path.startswith("task.") for path in arrays)

    def _check(self, chosen: list[str], known: Mapping[str, Slot], signals: set[str]) -> None:
        problems = [
            f"record.variables: no such variable {path!r}{nearest(path, {*known, *signals})}"
            for path in dict.fromkeys(chosen)
            if path not in known and path not in signals
        ] + [f"record.variables: {path!r} is named twice" for path in set(chosen) if chosen.count(path) > 1]
        if problems:
            raise RecipeError(problems)

    def _slot(self, slot: Slot) -> Recorded:
        return Recorded(
            slot.path, slot.field, slot.value.shape[1:], slot.value.dtype, self.labels_of(slot), slot
        )

    def labels_of(self, slot: Slot) -> dict[str, tuple[str, ...]]:
        """Return the task's labels of the axes that have the name and the length of a labelled one."""
        sizes = dict(zip(slot.field.axes, slot.value.shape[1:], strict=True))
        return {axis: names for axis, names in self._labels.items() if len(names) == sizes.get(axis)}

    def _passing(self, path: str) -> Recorded:
        name = path.rpartition(".")[2]
        space = self._spaces.get(path, Spec(dtype="float" if name == "reward" else "bool"))
        dtype = self._float if space.dtype == "float" else np.dtype(space.dtype)
        axes = space.axes or tuple(f"{name}_{index}" for index in range(len(space.shape)))
        labels = {axes[-1]: space.labels} if space.axes and space.labels else {}
        doc = _SIGNAL_DOC.get(name, "what the memory does")
        return Recorded(path, ArrayField(axes, doc, space.unit), space.shape, dtype, labels)

    def _keep_entries(self, settings: RecordSettings) -> None:
        """Leave of each axis what the recipe asks for, or else a declaration, the fewest of several."""
        many = sorted(
            (item for item in self.recorded if item.field.record > 1 and settings.variables is None),
            key=lambda item: -item.field.record,
        )
        wanted: dict[str, Any] = {f"{item.holder}.{item.field.axes[-1]}": item.field.record for item in many}
        wanted |= settings.entries or {}
        axes = [(f"{r.holder}.{axis}", r, n) for r in self.recorded for n, axis in enumerate(r.field.axes)]
        known = {path for path, _, _ in axes}
        for path in wanted.keys() - known:
            raise RecipeError(f"record.entries: nothing recorded has an axis {path!r}{nearest(path, known)}")
        for path, item, index in axes:
            if path in wanted:
                item.entries[index] = entries(path, wanted[path], item.shape[index])

    def allocate(self, chunk: int) -> None:
        """Make buffers that hold the rows of `chunk` steps."""
        xp, rows = self._backend.xp, self.selection.most(chunk)
        self._sources: list[tuple[Array, Any, str, Array | None]] = []
        for item in self.recorded:
            item.buffer = flat = xp.zeros((rows, self._batch, *item.kept), dtype=item.dtype)
            kept = places(item.shape, item.entries)
            if kept is not None:
                kept, flat = xp.asarray(kept), flat.reshape(rows, self._batch, -1)
            holder = item.slot.holder if item.slot is not None else None
            self._sources.append((flat, holder, item.path.rpartition(".")[2], kept))
        self._settling = dict.fromkeys(
            one.slot.holder.settle for one in self.recorded if one.slot and hasattr(one.slot.holder, "settle")
        )
        self.begin(0, 0)

    def begin(self, first: int, n: int) -> None:
        """Begin a chunk of `n` steps: work out which of them leave a row, and where."""
        self._first = first
        self._steps = self.selection.steps(first, n)
        self._row_of = np.full(n, -1, dtype=np.int64)
        self._row_of[self._steps - first] = np.arange(len(self._steps))

    def rows(self, first: int, n: int) -> Host:
        """Return the rows (n,) in the buffers of steps of the present chunk, -1 where a step leaves none."""
        return self._row_of[first - self._first :][:n]

    def row(self, row: Any, signal: Signal, action: Array | None, finished: Array | None = None) -> None:
        """Copy one row to `row`: a number, or (1,) on the device where only the device knows it."""
        for settle in self._settling:
            settle()
        passing = {"action": action, "finished": False if finished is None else finished}
        for buffer, holder, name, kept in self._sources:
            if holder is not None:
                value = getattr(holder, name)
            else:
                value = passing[name] if name in passing else getattr(signal, name)
            buffer[row] = value if kept is None else value.reshape(len(value), -1)[:, kept]

    def take(self, last: int) -> tuple[Host, dict[str, Host]]:
        """Return steps (rows,) up to step `last` and host arrays (rows, batch, ...) by path."""
        steps = self._steps[self._steps <= last]
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
