"""Writes a run to its file: structure from declarations, chunks, final state, provenance."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import socket
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
from engram_hdf5 import Column, ColumnSpec, Recording, Variable, Writer

from . import toml
from .declare import ArrayField, Slot, slots_of
from .engine import ChunkRecords, Run
from .plugins import Registry, registry
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
    ColumnSpec("truncated", "int8", "1", "1 where the trial was cut short", flags={0: "false", 1: "true"}),
)


@attrs.frozen(eq=False)
class Output:
    """The open file of a run.

    Attributes:
        writer: The file.
        run: What is written.
        recordings: Where rows go, by role path.
        trials: The trials table, None where none is kept.
    """

    writer: Writer
    run: Run
    recordings: dict[str, Recording]
    trials: Recording | None
    begun: float = attrs.field(factory=time.perf_counter)

    def write(self, chunk: ChunkRecords) -> None:
        """Write and commit what a chunk leaves."""
        if len(chunk.steps):
            for path, recorded in grouped(self.run.recorder.recorded):
                arrays = {_name(item.path): chunk.records[item.path] for item in recorded}
                self.writer.append(self.recordings[path], chunk.steps, chunk.time, arrays)
        if self.trials is not None and chunk.trials and len(chunk.trials["replica"]):
            self.writer.append_rows(self.trials, chunk.trials)
        self.writer.commit()

    def complete(self) -> Path:
        """Write the final state and give the file its final name."""
        if self.run.recipe.record.final:
            self._write_final()
        self._note_time()
        return self.writer.complete()

    def stop(self, status: Literal["failed", "interrupted"], reason: str) -> Path:
        """Leave a readable `.part`."""
        if self.writer.is_open:
            self._note_time()
        return self.writer.stop(status, reason)

    def _note_time(self) -> None:
        self.writer.set_provenance(wall_time_s=time.perf_counter() - self.begun)

    def _write_final(self) -> None:
        run = self.run
        by_holder: dict[str, list[Slot]] = {}
        for slot in run.slots:
            if slot.value.size:
                by_holder.setdefault(slot.path.rpartition(".")[0], []).append(slot)
        for path, slots in by_holder.items():
            kind, name = _group(run, path)
            labels = run.recorder.labels
            self.writer.write_final(
                kind, name, path=path, step=run.step - 1, time=(run.step - 1) * run.recipe.run.dt,
                arrays={slot.name: run.backend.to_host(slot.value) for slot in slots},
                variables=[_variable(slot.name, slot.field, slot.value.shape[1:], slot.value.dtype, labels) for slot in slots],
            )  # fmt: skip


def create(run: Run, path: Path, force: bool = False, plugins: Registry | None = None) -> Output:
    """Create the file of a run, with its whole structure.

    Raises:
        engram_hdf5.OutputError: The place is taken, missing or not writable.
    """
    plugins = plugins or registry()
    recipe = run.recipe
    writer = Writer(
        path,
        title=recipe.title or recipe.place,
        source=f"engram {importlib.metadata.version('engram')}",
        run_id=uuid.uuid4().hex,
        columns=_columns(run),
        batch=run.batch,
        provenance=_provenance(run),
        texts=_texts(run, plugins),
        schemas={f"{_schema(run, item)}": _schema_text(run, item, plugins) for item in _holders(run)},
        force=force,
    )
    try:
        recordings = {}
        for holder, recorded in grouped(run.recorder.recorded):
            kind, name = _group(run, holder)
            recordings[holder] = writer.add_recording(
                kind, name, path=holder, attributes=_attributes(run, holder, plugins), every=recipe.record.every,
                variables=[_of(item) for item in recorded],
            )  # fmt: skip
        trials = writer.add_table("trials", _TRIALS) if run.trials.every else None
        writer.commit()
    except BaseException as error:
        writer.stop("failed", str(error))
        raise
    return Output(writer, run, recordings, trials)


def _holders(run: Run) -> list[str]:
    return list(run.recipe.components())


def _component(run: Run, path: str) -> Any:
    return run.recipe.components()[path]


def _role(run: Run, path: str) -> str:
    from .components import Synapse, Task

    component = _component(run, path)
    return "task" if isinstance(component, Task) else "synapse" if isinstance(component, Synapse) else "memory"


def _group(run: Run, path: str) -> tuple[str, str]:
    """Return kind and group name: the component's own name for task and memory, the role path below them."""
    if path in ("task", "memory"):
        return path, _identifier(type(_component(run, path)).name)
    return _role(run, path), _identifier(path.partition(".")[2])


def _identifier(name: str) -> str:
    return re.sub(r"^(?=\d)", "_", re.sub(r"\W", "_", name, flags=re.ASCII))


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _of(item: Recorded) -> Variable:
    return _variable(_name(item.path), item.field, item.buffer.shape[2:], item.buffer.dtype, item.labels)


def _variable(name: str, field: ArrayField, shape: tuple[int, ...], dtype: Any, labels: Any) -> Variable:
    names = {axis: tuple(re.sub(r"\s", "_", label) for label in labels[axis]) for axis in field.axes if axis in labels}
    return Variable(
        name, field.axes, shape, str(dtype), field.unit, field.doc, compress=field.compress, labels=names  # type: ignore[arg-type]
    )


def _columns(run: Run) -> list[Column]:
    columns = [
        Column("seed", np.full(run.batch, run.recipe.run.seed, dtype=np.int64), "1", "root of the random numbers"),
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
        "engram_version": importlib.metadata.version("engram"),
        "python_version": platform.python_version(),
        "backend": run.backend.name,
        "backend_reason": run.backend.reason,
        "device": run.backend.device,
        "seed": int(run.recipe.run.seed or 0),
        "hostname": socket.gethostname(),
        "argv": json.dumps(sys.argv),
    }


def _texts(run: Run, plugins: Registry) -> dict[str, str]:
    installed = {}
    for package in _PACKAGES:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    used = [attrs.asdict(p) for p in plugins.plugins.values() if p.status == "loaded"]
    listed = [{key: item[key] for key in ("name", "package", "version", "target")} for item in used]
    environment = {"python": sys.version, "platform": platform.platform(), "machine": platform.machine()}
    return {
        "config": run.recipe.to_toml(),
        "config_user": run.recipe.text,
        "packages": json.dumps(installed),
        "plugins": json.dumps(listed),
        "environment": json.dumps(environment),
    }


def _attributes(run: Run, path: str, plugins: Registry) -> dict[str, str]:
    owner = plugins.owner(_role(run, path), type(_component(run, path)).name)
    return {
        "component": type(_component(run, path)).name,
        "plugin": owner.name,
        "plugin_version": owner.version,
        "schema": _schema(run, path),
        "schema_version": _version(owner.version),
    }


def _schema(run: Run, path: str) -> str:
    return f"{_role(run, path)}.{type(_component(run, path)).name}"


def _version(text: str) -> str:
    numbers = re.findall(r"\d+", text)[:3]
    return ".".join([*numbers, *["0"] * (3 - len(numbers))])


def _schema_text(run: Run, path: str, plugins: Registry) -> str:
    """Return the schema of a component's arrays, as its declaration gives it, for readers without the plugin."""
    state = run.task_state if path == "task" else run.memory_state
    slots = [slot for slot in slots_of(state, path.partition(".")[0]) if slot.path.rpartition(".")[0] == path]
    version = _version(plugins.owner(_role(run, path), type(_component(run, path)).name).version)
    head = {"name": _schema(run, path), "version": version}
    arrays = [
        {
            "name": slot.name,
            "doc": slot.field.doc,
            "dtype": ["int8" if slot.value.dtype == bool else str(slot.value.dtype)],
            "dims": ["time", "batch", *slot.field.axes],
            "optional": True,
            "attrs": {"units": {"type": "str", "const": slot.field.unit}},
        }
        for slot in slots
    ]
    return toml.dumps({**head, "var": arrays})
