"""Writes a run to its file: structure from declarations, chunks, final state, provenance."""

from __future__ import annotations

import importlib.metadata
import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

import engram_hdf5
from engram_hdf5 import (
    Background,
    Column,
    ColumnSpec,
    Recording,
    StorageError,
    Variable,
    Writer,
    carry_recording,
    carry_table,
    drop_checkpoint,
    save_checkpoint,
    surroundings,
    toml,
)

from .checkpoint import snapshot
from .components import role_of
from .declare import ArrayField, Slot
from .engine import ChunkRecords, Run
from .errors import EngramError
from .plugins import Plugin
from .record import Recorded, grouped

_PACKAGES = ("engram", "numpy", "h5py", "attrs", "pluggy", "click", "cupy-cuda12x", "cupy-cuda13x")
_TRIALS = (
    ColumnSpec("replica", "int32", "1", "index along batch"),
    ColumnSpec("number", "int32", "1", "index of the trial within its replica"),
    ColumnSpec("start_step", "int64", "1", "first step"),
    ColumnSpec("stop_step", "int64", "1", "last step"),
    ColumnSpec("start_time", "float64", "s", "time of the first step"),
    ColumnSpec("stop_time", "float64", "s", "time of the last step"),
    ColumnSpec("return_", "float64", "1", "sum of rewards"),
    ColumnSpec("outcome", "int8", "1", "the task's outcome code, -1 for none"),
    ColumnSpec("truncated", "bool", "1", "the trial was cut short"),
)
_STEP_OF = {"trials": "stop_step", "events": "step"}


@attrs.frozen(eq=False)
class Part:
    """One component of a run, as the file names it.

    Attributes:
        path: Role path, such as "memory.hidden_output".
        kind: "memory", "synapse" or "task".
        group: Name of its group: the component's own for task and memory, the role path below them.
        component: Its registered name.
        plugin: The plugin that offers it.
        slots: Its state arrays.
    """

    path: str
    kind: str
    group: str
    component: str
    plugin: Plugin
    slots: list[Slot]

    @property
    def filled(self) -> list[Slot]:
        """Those of its state arrays that hold anything."""
        return [slot for slot in self.slots if slot.value.size]

    @property
    def schema(self) -> str:
        """Name of the schema of its arrays."""
        return f"{self.kind}.{self.component}"

    @property
    def version(self) -> str:
        """Version of that schema, the plugin's as three numbers."""
        return ".".join([*re.findall(r"\d+", self.plugin.version), "0", "0", "0"][:3])

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes of its group."""
        return {
            "component": self.component,
            "plugin": self.plugin.name,
            "plugin_version": self.plugin.version,
            "schema": self.schema,
            "schema_version": self.version,
        }

    def schema_text(self) -> str:
        """Return the schema of its arrays as declared, for readers without the plugin."""
        arrays = [
            {
                "name": slot.name,
                "doc": slot.field.doc,
                "dtype": ["int8" if slot.value.dtype == bool else str(slot.value.dtype)],
                "dims": ["time", "batch", *slot.field.axes],
                "optional": True,
                "attrs": {"units": {"type": "str", "const": slot.field.unit}},
            }
            for slot in self.slots
        ]
        return toml.dumps({"name": self.schema, "version": self.version, "var": arrays})


def _parts(run: Run) -> dict[str, Part]:
    parts = {}
    for path, component in run.recipe.components().items():
        kind = role_of(component)
        name = type(component).name
        group = _identifier(name if path == kind else path.partition(".")[2])
        slots = [slot for slot in run.slots if slot.path.rpartition(".")[0] == path]
        parts[path] = Part(path, kind, group, name, run.recipe.plugins.owner(kind, name), slots)
    return parts


@attrs.define(eq=False)
class Output:
    """The open file of a run.

    Attributes:
        writer: The file.
        run: What is written.
        parts: Its components by role path.
        recordings: Where rows go, by role path.
        tables: The tables of trials and of events, where they are kept.
        background: Where rows are written beside the computation, None where it waits for them.
    """

    writer: Writer
    run: Run
    parts: dict[str, Part]
    recordings: dict[str, Recording]
    tables: dict[str, Recording]
    background: Background | None
    begun: float = attrs.field(factory=time.perf_counter)
    saved: float = attrs.field(factory=time.perf_counter)

    def write(self, chunk: ChunkRecords) -> None:
        """Write what a chunk leaves, in the background where asked; now and then, also the state."""
        if self.background is None:
            self._write(chunk)
        else:
            # The engine fills the same buffers again while these rows wait.
            owned = {path: array.copy() for path, array in chunk.records.items()}
            self.background.do(partial(self._write, attrs.evolve(chunk, records=owned)))
        if not self.run.torn and time.perf_counter() - self.saved >= self.run.recipe.run.checkpoint:
            self.save()

    def _write(self, chunk: ChunkRecords) -> None:
        if len(chunk.steps):
            for path, recorded in grouped(self.run.recorder.recorded):
                arrays = {_name(item.path): chunk.records[item.path] for item in recorded}
                self.writer.append(self.recordings[path], chunk.steps, chunk.time, arrays)
        for name, table in self.tables.items():
            columns = getattr(chunk, name)
            if columns and len(columns["replica"]):
                self.writer.append_rows(table, columns)
        if self.writer.is_due:
            self.writer.commit()

    def save(self) -> None:
        """Replace the checkpoint, between two steps, after the rows that belong to it are safe."""
        self._settle()
        self.writer.commit()
        save_checkpoint(self.writer.path, snapshot(self.run))
        self.saved = time.perf_counter()

    def _settle(self) -> None:
        """Wait for rows that are being written, and let states do the work that they put off."""
        if self.background is not None:
            self.background.wait()
        for holder in {slot.holder for slot in self.run.slots if hasattr(slot.holder, "settle")}:
            holder.settle()

    def carry(self, before: Path) -> None:
        """Take over the rows of an unfinished file that belong to steps already done."""
        with engram_hdf5.open(before) as kept:
            for path, recording in self.recordings.items():
                carry_recording(kept, self.writer, recording, path, self.run.step)
                _refuse_lost(path, recording, self.run.recorder.selection.count(self.run.step))
            for name, table in self.tables.items():
                carry_table(kept.tables()[name], self.writer, table, _STEP_OF[name], self.run.step)
            if "events" in self.tables:
                _refuse_lost("events", self.tables["events"], self.run.counted)
        self.writer.commit()

    def complete(self, **origin: str | int) -> Path:
        """Write the final state and give the file its final name; `origin` says what made it in our place."""
        self._settle()
        if self.run.recipe.record.final:
            for part in self.parts.values():
                if part.filled:
                    self._write_final(part)
        self.writer.set_provenance(**(origin or self._effort()))
        path = self.writer.complete()
        self._end()
        drop_checkpoint(path)
        return path

    def stop(self, error: BaseException) -> None:
        """Leave a readable `.part` that says why the run ended, and note on the error where it is."""
        status: Literal["failed", "interrupted"] = "failed" if isinstance(error, Exception) else "interrupted"
        self._end()
        try:
            if self.writer.is_open:
                self.writer.set_provenance(**self._effort())
            part = self.writer.stop(status, f"{type(error).__name__}: {error}")
        except StorageError as second:
            error.add_note(str(second))
        else:
            error.add_note(f"{part} keeps what was recorded; `engram resume {part}` goes on")

    def _end(self) -> None:
        if self.background is not None:
            self.background.close()

    def _effort(self) -> dict[str, str | float]:
        return {"execution": self.run.execution, "wall_time_s": time.perf_counter() - self.begun}

    def _write_final(self, part: Part) -> None:
        run = self.run
        self.writer.write_final(
            part.kind,
            part.group,
            path=part.path,
            step=run.step - 1,
            time=(run.step - 1) * run.recipe.run.dt,
            arrays={slot.name: run.backend.to_host(slot.value) for slot in part.filled},
            variables=_final(run, part),
        )


def create(run: Run, path: Path, force: bool = False) -> Output:
    """Create the file of a run, with its whole structure.

    Raises:
        engram_hdf5.OutputError: The place is taken, missing or not writable.
    """
    parts = _parts(run)
    writer = Writer(
        path,
        title=run.recipe.title or run.recipe.place,
        source=f"engram {importlib.metadata.version('engram')}",
        run_id=uuid.uuid4().hex,
        columns=_columns(run),
        batch=run.batch,
        provenance=_provenance(run),
        texts=_texts(run),
        schemas={part.schema: part.schema_text() for part in parts.values()},
        durability=run.recipe.run.durability,
        force=force,
    )
    try:
        return _structure(writer, run, parts)
    except BaseException:
        writer.abandon()
        raise


def _structure(writer: Writer, run: Run, parts: dict[str, Part]) -> Output:
    recordings = {
        path: writer.add_recording(
            parts[path].kind,
            parts[path].group,
            path=path,
            attributes=parts[path].attributes,
            every=run.recipe.record.every if run.recorder.selection.inside is None else None,
            variables=[_of(item) for item in recorded],
        )
        for path, recorded in grouped(run.recorder.recorded)
    }
    tables = {"trials": writer.add_table("trials", _TRIALS)} if run.trials.every else {}
    if run.recorder.events:
        tables["events"] = writer.add_table("events", _event_columns(run.recorder.events))
    if run.recipe.record.final:
        for part in parts.values():
            writer.check_final(part.kind, part.group, _final(run, part))
    writer.commit()
    background = Background() if run.recipe.run.writer == "thread" else None
    return Output(writer, run, parts, recordings, tables, background)


def _event_columns(paths: Iterable[str]) -> tuple[ColumnSpec, ...]:
    return (
        # One time has many events: it packs to almost nothing.
        ColumnSpec("time", "float64", "s", "time of the step", compress="gzip"),
        ColumnSpec("step", "int64", "1", "step"),
        ColumnSpec("replica", "int32", "1", "index along batch"),
        ColumnSpec("source", "int16", "1", "field that the event comes from", dict(enumerate(paths))),
        ColumnSpec("unit", "int32", "1", "index along the axis of the field, 0 where it has none"),
    )


def _refuse_lost(name: str, rows: Recording, wanted: int) -> None:
    if rows.length < wanted:
        raise EngramError(f"{name}: rows before the checkpoint are lost; delete it to begin again")


def _identifier(name: str) -> str:
    return re.sub(r"^(?=\d)", "_", re.sub(r"\W", "_", name, flags=re.ASCII))


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _final(run: Run, part: Part) -> list[Variable]:
    labels = run.recorder.labels_of
    return [
        _variable(
            slot.name, slot.field, list(map(range, slot.value.shape[1:])), slot.value.dtype, labels(slot)
        )
        for slot in part.filled
    ]


def _of(item: Recorded) -> Variable:
    return _variable(_name(item.path), item.field, item.entries, item.dtype, item.labels)


def _variable(
    name: str,
    field: ArrayField,
    entries: Sequence[Sequence[int]],
    dtype: Any,
    labels: Mapping[str, tuple[str, ...]],
) -> Variable:
    kept = dict(zip(field.axes, entries, strict=True))
    named = {
        axis: tuple(re.sub(r"\s", "_", labels[axis][index]) for index in kept[axis])
        for axis in field.axes
        if axis in labels
    }
    return Variable(
        name=name,
        axes=field.axes,
        sizes=tuple(map(len, entries)),
        dtype=str(dtype),
        units=field.unit,
        long_name=field.doc,
        compress=field.compress,
        labels=named,
        entries=kept,
    )


def _columns(run: Run) -> list[Column]:
    columns = [
        *(
            Column("seed", np.full(run.batch, seed, dtype=np.int64), "1", "root of the random numbers")
            for seed in [run.recipe.run.seed]
            if seed is not None
        ),
        Column("replica", run.replicas.astype(np.int64), "1", "number of the replica within its sweep point"),
    ]
    if run.recipe.sweep:
        points = np.arange(run.batch) // run.recipe.run.batch
        columns.append(Column("point", points.astype(np.int32), "1", "index of the sweep point"))
    for path, values in run.recipe.replicated().items():
        info, _ = run.recipe.parameter(path) or (None, None)
        if info is not None and values.ndim == 1 and values.dtype.kind in "bif":
            columns.append(Column(_identifier(path), values, info.unit, info.doc, path=path))
    return columns


def _provenance(run: Run) -> dict[str, str | int | float]:
    return {
        **surroundings.facts(),
        "engram_version": importlib.metadata.version("engram"),
        "backend": run.backend.name,
        "backend_reason": run.backend.reason,
        "device": run.backend.device,
        "seed": int(run.recipe.run.seed or 0),
    }


def _texts(run: Run) -> dict[str, str]:
    used = [
        {key: getattr(plugin, key) for key in ("name", "package", "version", "target")}
        for plugin in run.recipe.plugins.plugins.values()
        if plugin.status == "loaded"
    ]
    return {
        **surroundings.texts(_PACKAGES),
        "config": run.recipe.to_toml(),
        "config_user": run.recipe.text,
        "plugins": json.dumps(used),
    }
