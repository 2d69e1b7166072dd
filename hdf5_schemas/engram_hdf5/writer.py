"""Writes the file of one run, safe against a crash at any moment.

Rows are collected in memory and reach the file in whole HDF5 chunks. A commit writes the rows, flushes,
writes the number of rows, and flushes again: whatever stops the process, rows below that number are whole.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.buffer import ChunkBuffer, Room
from engram_hdf5.errors import OutputError, StorageError, unwritten
from engram_hdf5.layout import Layout, dataset_rule, timestamp
from engram_hdf5.medium import Durability
from engram_hdf5.netcdf import create_dataset, set_attributes
from engram_hdf5.place import check_place
from engram_hdf5.recording import Recording
from engram_hdf5.schema import GroupRule, run_schema
from engram_hdf5.segments import open_medium
from engram_hdf5.variables import Column, ColumnSpec, Variable, stored


class Writer:
    """The file of one run, from its first byte to its final name.

    It writes `NAME.h5.part`; `complete` renames that to `NAME.h5`. A file of this name that was there before
    stays as it is until then. As a context manager it completes the file, or marks it failed or interrupted.

    Args:
        path: The final name.
        title: One line on what the run is.
        source: Program and version.
        run_id: Name of the run.
        columns: Values of each replica.
        batch: Number of replicas.
        provenance: Facts of the run; `backend` and `seed` must be among them.
        texts: `config` (the resolved recipe) and `packages` must be there; `config_user`, `plugins` and
            `environment` may.
        schemas: Texts of the components' schemas, by their name.
        durability: `flush`: the `.part` is one file, in which committed rows survive the end of the process.
            `segments`: it is a folder of files that are never written to once they are there, each
            synchronised with the disk.
        force: Whether to replace an existing file, or the `.part` of an unfinished run.

    Raises:
        OutputExistsError: The file or its `.part` is there and `force` is false. Nothing was created.
        OutputError: The folder is missing or not writable, or an argument cannot be stored.
        StorageError: The disk is full.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        title: str,
        source: str,
        run_id: str,
        columns: Sequence[Column],
        batch: int,
        provenance: Mapping[str, str | int | float],
        texts: Mapping[str, str],
        schemas: Mapping[str, str] | None = None,
        durability: Durability = "flush",
        force: bool = False,
    ) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        self.batch = batch
        self._schema = run_schema()
        self._rows: list[Recording] = []
        self._broken = False
        self._torn = False
        self._settled = False
        self._room = Room(self.part)
        check_place(self.path, self.part, force=force)
        self._room.check(0)
        self._medium = open_medium(durability, self.part)
        self._layout = Layout(self._file, self._schema)
        self._kept = (float("-inf"), 0)
        try:
            with self._storing():
                self._layout.begin(title, source, run_id)
                self._layout.create_columns(columns, batch)
                self._layout.create_provenance(provenance, texts)
                self._layout.create_schemas(schemas or {})
                self._file.flush()
        except BaseException:
            self.abandon()
            raise

    @property
    def is_open(self) -> bool:
        """Whether rows can still be added."""
        return bool(self._file) and not self._broken

    @property
    def is_due(self) -> bool:
        """Whether so much time has passed, or so much was written, that a commit is worth its price."""
        then, written = self._kept
        seconds = time.monotonic() - then
        return seconds > self._medium.seconds or self._room.written - written > self._medium.nbytes

    @property
    def _file(self) -> Any:
        return self._medium.file

    def add_recording(
        self,
        kind: str,
        name: str,
        *,
        path: str,
        attributes: Mapping[str, object],
        every: int | None,
        variables: Sequence[Variable],
    ) -> Recording:
        """Create the group `recordings/<kind>/<name>` of one component.

        Args:
            kind: `memory`, `synapse` or `task`.
            name: Name of the group.
            path: Path of the component, such as `memory.hidden_output`.
            attributes: `component`, `schema` and `schema_version` must be there.
            every: Steps between two rows; None where it differs.
            variables: The arrays of a row, each `(batch, *sizes)`.

        Returns:
            What `append` takes.

        Raises:
            OutputError: A name, dtype, axis or attribute cannot be stored.
            StorageError: The disk is full.
        """
        where = f"recordings/{kind}/{name}"
        facts = {"kind": kind, "path": path, **attributes, "record_every": every}
        with self._structuring():
            group, rule = self._layout.create_group(where, facts)
            time = self._layout.create_growing(group, rule, "time", "float64", "time", "s")
            create_dataset(
                group,
                dataset_rule(rule, "step"),
                "step",
                dims={"time": time},
                dtype="int64",
                shape=(0,),
                attributes={"units": "1", "long_name": "kernel step"},
            )
            leading = {"time": time, "batch": self._file["batch"]}
            self._layout.create_variables(group, rule, variables, leading, (0, self.batch))
            return self._register(group, rule, variables, ("time", "step"))

    def append(
        self,
        recording: Recording,
        step: NDArray[np.int64],
        time: NDArray[np.float64],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Add a block of rows. They are safe after the next `commit`.

        Args:
            recording: What `add_recording` returned.
            step: Kernel steps `(n,)`, increasing strictly.
            time: Times `(n,)` in s, increasing strictly.
            arrays: Every variable of the recording, `(n, batch, ...)`, copied.

        Raises:
            OutputError: A variable is missing or unknown, a shape or dtype is not the declared one, or time
                does not increase.
            StorageError: The disk is full.
        """
        count = len(step)
        blocks = self._blocks(recording, count, arrays)
        for name, index, dtype in (("time", time, "float64"), ("step", step, "int64")):
            blocks[name] = stored(f"{recording.where}/{name}", index, dtype, (count,))
            recording.check_increasing(name, blocks[name])
        if count:
            self._take(recording, count, blocks)
            recording.last = {"time": time[-1], "step": step[-1]}

    def add_table(self, name: Literal["trials", "events"], columns: Sequence[ColumnSpec]) -> Recording:
        """Create a tidy table.

        Args:
            name: `trials` or `events`.
            columns: Its columns; `replica` (int32 or int64), and for events `time`, must be among them.

        Returns:
            What `append_rows` takes.

        Raises:
            OutputError: A name, dtype or attribute cannot be stored, or a needed column is missing.
            StorageError: The disk is full.
        """
        with self._structuring():
            group, rule = self._layout.create_group(name, {})
            variables = [column.variable for column in columns]
            given = {rule.rows, *(item.name for item in columns)}
            for absent in (
                item.name for item in rule.datasets if not item.optional and item.name not in given
            ):
                raise OutputError(f"{name}: the column {absent!r} is missing; every such table needs it")
            long_name = f"index of the {rule.rows}"
            index = self._layout.create_growing(group, rule, rule.rows, "int64", long_name, "1")
            self._layout.create_variables(group, rule, variables, {rule.rows: index}, (0,))
            return self._register(group, rule, variables, (rule.rows,))

    def append_rows(self, table: Recording, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add rows to a table. They are safe after the next `commit`.

        Args:
            table: What `add_table` returned.
            columns: Every column `(n,)`, copied.

        Raises:
            OutputError: A column is missing or unknown, or a shape or dtype is not the declared one.
            StorageError: The disk is full.
        """
        count = len(next(iter(columns.values()), ()))
        blocks = self._blocks(table, count, columns)
        blocks[table.row_index] = np.arange(table.length, table.length + count)
        if count:
            self._take(table, count, blocks)

    def commit(self) -> None:
        """Make every row taken so far safe against a crash.

        Raises:
            StorageError: The disk is full; rows of earlier commits stay safe.
        """
        with self._storing():
            self._commit()

    def _commit(self, *, last: bool = False) -> None:
        pending = [rows for rows in self._rows if self._torn or rows.committed != rows.length]
        if self._settled and not pending:
            return
        for rows in pending:
            for buffer in rows.buffers.values():
                buffer.flush(rows.length, last=last)
        self._file.flush()
        # The number must reach the disk after the rows: within a flush HDF5 writes in any order.
        for rows in pending:
            rows.mark[()] = rows.length
        self._file.flush()
        buffers = (buffer for rows in self._rows for buffer in rows.buffers.values())
        if self._medium.keep(sum(buffer.unfinished for buffer in buffers)):
            self._move()
        for rows in pending:
            rows.committed = rows.length
        self._settled = True
        self._kept = (time.monotonic(), self._room.written)

    def _move(self) -> None:
        self._layout.file = self._file
        for rows in self._rows:
            rows.move(self._file)

    def write_final(
        self,
        kind: str,
        name: str,
        *,
        step: int,
        time: float,
        arrays: Mapping[str, NDArray[Any]],
        variables: Sequence[Variable],
        path: str = "",
    ) -> None:
        """Write the state of one component after the last step: `state/final/<kind>/<name>`.

        Args:
            kind: `memory`, `synapse` or `task`.
            name: Name of the group.
            step: The last step.
            time: Its time in s.
            arrays: Every variable, `(batch, ...)`.
            variables: What the arrays are.
            path: Path of the component; that of its recording where empty.

        Raises:
            OutputError: A name, shape, dtype or attribute cannot be stored.
            StorageError: The disk is full.
        """
        where = f"state/final/{kind}/{name}"
        data = {}
        if arrays.keys() != {item.name for item in variables}:
            raise OutputError(f"{where}: the arrays are not those declared; give every variable its array")
        for item in variables:
            shape = (self.batch, *item.sizes)
            data[item.name] = stored(f"{where}/{item.name}", arrays[item.name], item.dtype, shape)
        self._room.check(sum(array.nbytes for array in data.values()))
        with self._structuring():
            known = path or self._layout.path_of(f"recordings/{kind}/{name}")
            facts = {"step": int(step), "time": float(time), "path": known}
            group, rule = self._layout.create_group(where, facts)
            batch = {"batch": self._file["batch"]}
            self._layout.create_variables(group, rule, variables, batch, (self.batch,), data)
            self._file.flush()

    def check_final(self, kind: str, name: str, variables: Sequence[Variable]) -> None:
        """Refuse what `write_final` could not store, before the run is done rather than after it.

        Args:
            kind: `memory`, `synapse` or `task`.
            name: Name of the group.
            variables: What its arrays will be.

        Raises:
            OutputError: A name, axis, dtype or attribute cannot be stored.
        """
        with h5py.File(self.part.name, "w", driver="core", backing_store=False, track_order=True) as file:
            layout = Layout(file, self._schema)
            layout.create_columns((), self.batch)
            facts = {"step": 0, "time": 0.0, "path": f"{kind}.{name}"}
            group, rule = layout.create_group(f"state/final/{kind}/{name}", facts)
            layout.create_variables(group, rule, variables, {"batch": file["batch"]}, (self.batch,))

    def set_provenance(self, **values: str | int | float) -> None:
        """Set facts of the run that are known late, such as `wall_time_s`.

        Raises:
            OutputError: A name or a value cannot be stored.
        """
        with self._structuring():
            group = self._file["provenance"]
            rule = self._schema.group("provenance")
            assert rule is not None
            set_attributes(group, values)
            self._layout.check_attributes("provenance", rule, group)

    def complete(self) -> Path:
        """Commit, mark the file complete and give it its final name.

        Returns:
            The final path.

        Raises:
            StorageError: The disk is full; the `.part` stays.
        """
        with self._storing():
            self._commit(last=True)
        with self._storing():
            self._file.attrs["date_completed"] = timestamp()
            self._file.attrs["status"] = "complete"
            self._medium.finish(self.path)
        return self.path

    def stop(self, status: Literal["failed", "interrupted"], reason: str) -> Path:
        """Commit what is there and leave the `.part`, readable, with the reason in it.

        After a failed write only the rows of earlier commits are kept.

        Args:
            status: `failed` or `interrupted`.
            reason: One line on why.

        Returns:
            Path of the `.part`.

        Raises:
            StorageError: Not even that could be written; rows of earlier commits are in the `.part`.
        """
        if not self._file:
            return self.part
        if not self._broken:
            # An error here must not hide the one that stopped the run, nor keep the file open.
            with contextlib.suppress(StorageError):
                self.commit()
        with self._storing(after_failure=True):
            self._file.attrs["status"] = status
            set_attributes(self._file, {"status_reason": str(reason)[:1000]})
            self._medium.leave()
        return self.part

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Complete the file, or mark it failed or interrupted, unless that was done."""
        if not self._file:
            return
        if error is None:
            self.complete()
            return
        status: Literal["failed", "interrupted"] = "failed" if isinstance(error, Exception) else "interrupted"
        with contextlib.suppress(StorageError):
            self.stop(status, f"{type(error).__name__}: {error}")

    def __repr__(self) -> str:
        """Name, replicas and rows."""
        state = "open" if self.is_open else "closed"
        return f"<Writer {str(self.path)!r}, {state}, {self.batch} replicas, {len(self._rows)} recordings>"

    @contextlib.contextmanager
    def _storing(self, *, after_failure: bool = False) -> Iterator[None]:
        if self._broken and not after_failure:
            raise StorageError(f"{self.part}: a write failed before; only stop() is possible now")
        if not self._file:
            raise OutputError(f"{self.part}: the writer is closed; make a new one")
        try:
            yield
        except StorageError:
            self._broken = True
            raise
        # HDF5 reports a full disk as OSError from a write, but as a bare RuntimeError from a flush.
        except (OSError, RuntimeError) as error:
            self._broken = True
            self._medium.fail()
            raise unwritten(self.part, error) from error

    @contextlib.contextmanager
    def _structuring(self) -> Iterator[None]:
        with self._storing():
            if any(rows.committed != rows.length for rows in self._rows):
                self._commit()
            if self._medium.begin_structure():
                self._move()
            self._settled = False
            yield

    def _register(
        self,
        group: h5py.Group,
        rule: GroupRule,
        variables: Sequence[Variable],
        indices: tuple[str, ...],
    ) -> Recording:
        mark = create_dataset(
            group, dataset_rule(rule, "n_rows"), "n_rows", dims={}, dtype="int64", data=0, attributes={}
        )
        names = (*indices, *(item.name for item in variables))
        in_place = self._medium.in_place
        buffers = {name: ChunkBuffer(group[name], self._room, in_place=in_place) for name in names}
        leading = (self.batch,) if rule.rows == "time" else ()
        declared = {item.name: item for item in variables}
        rows = Recording(str(group.name).strip("/"), declared, leading, rule.rows, buffers, mark)
        self._rows.append(rows)
        self._file.flush()
        return rows

    def _blocks(
        self, rows: Recording, count: int, arrays: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        if self._torn and not self._broken:
            raise StorageError(f"{self.part}: adding rows was interrupted; only stop() is possible now")
        if arrays.keys() != rows.variables.keys():
            odd = ", ".join(sorted(arrays.keys() ^ rows.variables.keys()))
            raise OutputError(
                f"{rows.where}: missing from the rows or not declared: {odd}; give every variable"
            )
        blocks = {}
        for name, array in arrays.items():
            item = rows.variables[name]
            blocks[name] = stored(
                f"{rows.where}/{name}", array, item.dtype, (count, *rows.leading, *item.sizes)
            )
        return blocks

    def _take(self, rows: Recording, count: int, blocks: Mapping[str, NDArray[Any]]) -> None:
        with self._storing():
            self._medium.begin_rows()
            # An interrupt from here on leaves arrays of unequal length; the next commit cuts them.
            self._torn = True
            for name, buffer in rows.buffers.items():
                buffer.append(blocks[name])
            rows.length += count
            self._torn = False

    def abandon(self) -> None:
        """Close and remove the `.part`, for a run that could not begin."""
        self._medium.discard()
