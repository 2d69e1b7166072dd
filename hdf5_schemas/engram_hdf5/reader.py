"""Reads run files: `run["memory.gain"]` is an array, whatever the file's layout."""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import FormatError, UnknownNameError
from engram_hdf5.links import hard_child
from engram_hdf5.netcdf import dimension_names, is_scale
from engram_hdf5.rows import STRUCTURE_DAMAGE, TABLES, Rows, find, open_file, read_values, reading, rows_of
from engram_hdf5.schema import run_schema
from engram_hdf5.storage import is_readable, read_attributes

if TYPE_CHECKING:
    import pandas
    import xarray

P = ParamSpec("P")
R = TypeVar("R")

KINDS = ("memory", "synapse", "task")


def _guarded(read: Callable[Concatenate[RunFile, P], R]) -> Callable[Concatenate[RunFile, P], R]:
    """Make a method tell damage of the file, and that it was closed, as a `FormatError`."""

    @functools.wraps(read)
    def guarded(run: RunFile, /, *arguments: P.args, **named: P.kwargs) -> R:
        with reading(run.path):
            try:
                return read(run, *arguments, **named)
            except STRUCTURE_DAMAGE as error:
                if run.file or isinstance(error, UnknownNameError):
                    raise
                raise FormatError(f"{run.path}: was closed; open it again", "E_OPEN") from error

    return guarded


class RunFile:
    """One run file, open for reading. Made by `engram_hdf5.open`; a context manager.

    `run["memory.gain"]` gives the committed rows of a recorded array `(time, batch, ...)`.

    Args:
        path: The file.
        file: The same, open.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self.file: Any = file

    @cached_property
    @_guarded
    def attrs(self) -> dict[str, Any]:
        """The attributes of the file: title, run_id, dates, status."""
        return read_attributes(self.file)

    @property
    def status(self) -> str:
        """`running`, `complete`, `failed` or `interrupted`."""
        return str(self.attrs.get("status", "running"))

    @cached_property
    @_guarded
    def provenance(self) -> dict[str, Any]:
        """Facts of the run: versions, backend, device, seed, wall time."""
        group = hard_child(self.file, "provenance")
        return read_attributes(group) if isinstance(group, h5py.Group) else {}

    @property
    def recipe_text(self) -> str:
        """The recipe as it was run, defaults filled in."""
        return self.text("config")

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The recipe as nested dicts.

        Raises:
            FormatError: Its text is no TOML.
        """
        try:
            return tomllib.loads(self.recipe_text)
        except tomllib.TOMLDecodeError as error:
            raise FormatError(f"{self.path}: provenance/config is no TOML: {error}", "E_CONFIG") from error

    @_guarded
    def text(self, name: str) -> str:
        """A text kept with the run.

        Args:
            name: `config`, `config_user`, `packages`, `plugins` or `environment`.

        Raises:
            UnknownNameError: The file holds none of this name.
        """
        group = hard_child(self.file, "provenance")
        item = hard_child(group, name) if isinstance(group, h5py.Group) else None
        if item is None or not is_readable(item) or item.shape != ():
            raise UnknownNameError(f"{self.path}: holds no text provenance/{name}")
        return str(item.asstr()[()])

    @property
    @_guarded
    def batch(self) -> int:
        """Number of replicas."""
        item = hard_child(self.file, "batch")
        return int(item.shape[0]) if isinstance(item, h5py.Dataset) else 0

    @cached_property
    @_guarded
    def columns(self) -> dict[str, NDArray[Any]]:
        """The values of each replica `(batch,)`, by name: seed, swept parameters."""
        return {name: read_values(item) for name, item in self._column_sets.items()}

    @cached_property
    @_guarded
    def recordings(self) -> dict[str, Rows]:
        """The recorded components by dotted path."""
        return self._components(hard_child(self.file, "recordings"), growing=True)

    @cached_property
    @_guarded
    def finals(self) -> dict[str, Rows]:
        """The components with a final state, by dotted path."""
        state = hard_child(self.file, "state")
        final = hard_child(state, "final") if isinstance(state, h5py.Group) else None
        return self._components(final, growing=False)

    @_guarded
    def variables(self) -> list[str]:
        """Paths of all recorded arrays, such as `memory.gain`."""
        return [f"{path}.{name}" for path, rows in self.recordings.items() for name in rows.variables]

    @_guarded
    def final_variables(self) -> list[str]:
        """Paths of all arrays of the final state, such as `memory.q`."""
        return [f"{path}.{name}" for path, rows in self.finals.items() for name in rows.variables]

    @_guarded
    def __getitem__(self, path: str) -> NDArray[Any]:
        """The committed rows of a recorded array.

        Args:
            path: Path of the array, such as `memory.gain`.

        Returns:
            The values `(time, batch, ...)`.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        rows, name = self._find(path, self.recordings)
        return rows.read(name)

    def __contains__(self, path: object) -> bool:
        """Whether an array of this path was recorded."""
        return path in self.variables()

    @_guarded
    def dataset(self, path: str) -> h5py.Dataset:
        """The HDF5 dataset of a recorded array, to read parts of it; rows past the commit mark may be torn.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        rows, name = self._find(path, self.recordings)
        return rows.arrays[name]

    @_guarded
    def part(self, path: str, rows: slice) -> NDArray[Any]:
        """Some of the committed rows of a recorded array, where all of them would not fit in memory.

        Args:
            path: Path of the array, such as `memory.gain`.
            rows: Which, such as `slice(100, 200)`.

        Returns:
            The values `(time, batch, ...)`.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        held, name = self._find(path, self.recordings)
        return read_values(held.arrays[name], part=slice(*rows.indices(held.length or 0)))

    @_guarded
    def final(self, path: str) -> NDArray[Any]:
        """An array of the final state `(batch, ...)`.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        rows, name = self._find(path, self.finals)
        return rows.read(name)

    @_guarded
    def time(self, path: str) -> NDArray[np.float64]:
        """The times `(time,)`, in s, of a component's or an array's rows.

        Raises:
            UnknownNameError: Nothing of this path was recorded.
        """
        return self._component(path).read("time")

    @_guarded
    def step(self, path: str) -> NDArray[np.int64]:
        """The kernel steps `(time,)` of a component's or an array's rows.

        Raises:
            UnknownNameError: Nothing of this path was recorded.
        """
        return self._component(path).read("step")

    @_guarded
    def dims(self, path: str) -> tuple[str, ...]:
        """Names of a recorded array's dimensions.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        return dimension_names(self.dataset(path)) or ()

    @_guarded
    def attributes(self, path: str) -> dict[str, Any]:
        """Attributes of an array (recorded, final or a column) or of a component.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        if path in self.recordings:
            return read_attributes(self.recordings[path].group)
        if path in self._column_sets:
            return read_attributes(self._column_sets[path])
        final = path not in self.variables() and path in self.final_variables()
        rows, name = self._find(path, self.finals if final else self.recordings)
        return read_attributes(rows.arrays[name])

    @_guarded
    def labels(self, path: str, axis: str) -> tuple[str, ...]:
        """Names of the places along an axis of a recorded or final array; empty where they have none.

        Raises:
            UnknownNameError: The file holds no such array or axis.
        """
        return tuple(str(read_attributes(self._scale(path, axis)).get("labels", "")).split())

    @_guarded
    def entries(self, path: str, axis: str) -> NDArray[np.int32]:
        """Indices of the places along an axis of a recorded or final array: all, or those that were recorded.

        Raises:
            UnknownNameError: The file holds no such array or axis.
        """
        return read_values(self._scale(path, axis))

    @_guarded
    def trials(self) -> pandas.DataFrame:
        """The trials, one row each.

        Raises:
            UnknownNameError: None were recorded.
            ImportError: pandas is not installed.
        """
        return self._table("trials")

    @_guarded
    def events(self) -> pandas.DataFrame:
        """The events, one row each.

        Raises:
            UnknownNameError: None were recorded.
            ImportError: pandas is not installed.
        """
        return self._table("events")

    @_guarded
    def to_xarray(self) -> xarray.DataTree:
        """The whole file in memory: columns at the root, a node for each component, table and final state.

        Raises:
            ImportError: xarray is not installed.
        """
        from engram_hdf5.frames import data_tree  # optional and slow to import

        return data_tree(self)

    @_guarded
    def tables(self) -> dict[str, Rows]:
        """The tables `trials` and `events`, as far as the file has them."""
        groups = {name: hard_child(self.file, name) for name in TABLES}
        found = {name: item for name, item in groups.items() if isinstance(item, h5py.Group)}
        return {name: rows_of(name, item, growing=True) for name, item in found.items()}

    def close(self) -> None:
        """Close the file; arrays read before stay."""
        self.file.close()

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    @_guarded
    def __repr__(self) -> str:
        """What is in the file, a line for each array."""
        if not self.file:
            return f"<RunFile {str(self.path)!r}, closed>"
        title = self.attrs.get("title", "")
        lines = [f"<RunFile {str(self.path)!r}: {title!r}, {self.status}, {self.batch} replicas>"]
        for path in self.variables():
            rows, name = self._find(path, self.recordings)
            sizes = (rows.length, *rows.arrays[name].shape[1:])
            shape = ", ".join(f"{dim} {size}" for dim, size in zip(self.dims(path), sizes, strict=False))
            units = self.attributes(path).get("units", "")
            lines.append(f"  {path}  ({shape})  {rows.arrays[name].dtype}  {units}")
        lines += [f"  {name}: {rows.length} rows" for name, rows in self.tables().items()]
        lines += [f"  final {path}" for path in self.final_variables()]
        return "\n".join(lines)

    @cached_property
    def _column_sets(self) -> dict[str, h5py.Dataset]:
        members = ((name, hard_child(self.file, name)) for name in self.file if name != "batch")
        return {name: item for name, item in members if is_readable(item)}

    def _components(self, parent: Any, *, growing: bool) -> dict[str, Rows]:
        found: dict[str, Rows] = {}
        for kind in KINDS if isinstance(parent, h5py.Group) else ():
            groups = hard_child(parent, kind)
            for name in groups if isinstance(groups, h5py.Group) else ():
                group = hard_child(groups, name)
                if isinstance(group, h5py.Group) and group != self.file:
                    path = str(read_attributes(group).get("path", f"{kind}.{name}"))
                    found[path] = rows_of(path, group, growing=growing)
        return found

    def _scale(self, path: str, axis: str) -> h5py.Dataset:
        rows, _ = self._find(path, self.recordings if path in self.variables() else self.finals)
        if axis not in rows.arrays or not is_scale(rows.arrays[axis]):
            raise UnknownNameError(f"{path}: has no axis {axis!r}")
        return rows.arrays[axis]

    def _component(self, path: str) -> Rows:
        return self.recordings[path] if path in self.recordings else self._find(path, self.recordings)[0]

    def _find(self, path: str, known: Mapping[str, Rows]) -> tuple[Rows, str]:
        return find(self.path, path, known)

    def _table(self, name: str) -> pandas.DataFrame:
        from engram_hdf5.frames import data_frame  # optional and slow to import

        tables = self.tables()
        if name not in tables:
            remedy = {"trials": "record.trials = true", "events": "fields of events in record.variables"}
            raise UnknownNameError(f"{self.path}: holds no {name}; record them with {remedy[name]}")
        return data_frame(tables[name])


def open_run(path: str | os.PathLike[str]) -> RunFile:
    """Open one run file, or the `.part` of a run that did not finish, for reading.

    Args:
        path: The file.

    Returns:
        The file; close it, or use it as a context manager. Of a `.part` it shows the committed rows only.

    Raises:
        FormatError: There is no such file, it is no run file, it is damaged or being written, or a later
            version of engram wrote it.
    """
    path = Path(path)
    file = open_file(path)
    try:
        with reading(path):
            check_version(path, read_attributes(file))
    except BaseException:
        file.close()
        raise
    return RunFile(path, file)


def check_version(path: Path, said: Mapping[str, Any]) -> None:
    """Refuse a file that is no run file, or of a later major version.

    Raises:
        FormatError: It is one of these.
    """
    schema = run_schema()
    if said.get("engram_format") != schema.name:
        raise FormatError(f"{path}: is no run file: the attribute engram_format is missing", "E_ATTR_MISSING")
    version = str(said.get("engram_format_version", ""))
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) > schema.major:
        raise FormatError(
            f"{path}: has format {version}, this engram reads {schema.major}.x; upgrade engram",
            "E_SCHEMA_VERSION",
        )
