"""Reads run files: `run["memory.gain"]` is an array, whatever the file's layout."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs
import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import FormatError, UnknownNameError
from engram_hdf5.links import hard_child
from engram_hdf5.netcdf import dimension_names, is_scale
from engram_hdf5.schema import run_schema
from engram_hdf5.storage import is_readable, read_attributes
from engram_hdf5.variables import BOOL_FLAGS

if TYPE_CHECKING:
    import pandas
    import xarray

KINDS = ("memory", "synapse", "task")
_BOOL_MEANINGS = " ".join(BOOL_FLAGS.values())


@attrs.frozen(eq=False)
class Rows:
    """A group of the file whose arrays share one leading dimension.

    Attributes:
        path: Dotted path of the component, or name of the table.
        group: The group.
        arrays: Its arrays and scales by name.
        length: Committed rows; None where the leading dimension does not grow.
    """

    path: str
    group: h5py.Group
    arrays: Mapping[str, h5py.Dataset]
    length: int | None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the arrays, without scales and indices."""
        hidden = {"time", "step", "n_rows"} if self.length is not None else set()
        return tuple(name for name, item in self.arrays.items() if name not in hidden and not is_scale(item))

    def read(self, name: str) -> NDArray[Any]:
        """An array's committed rows; bool where it was bool when written.

        Raises:
            FormatError: The data are damaged.
        """
        dataset = self.arrays[name]
        growing = self.length is not None and dataset.shape and not _is_fixed(name, dataset)
        return read_values(dataset, self.length if growing else None)


def read_values(dataset: h5py.Dataset, length: int | None = None) -> NDArray[Any]:
    """Values as they were given to the writer: int8 that stands for bool becomes bool.

    Args:
        dataset: The dataset.
        length: How many rows to read, None for all.

    Raises:
        FormatError: The data are damaged.
    """
    try:
        array = np.asarray(dataset[()] if length is None else dataset[:length])
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(f"{dataset.name}: the data are damaged ({reason}); copy the file again", "E_DATA") from error
    is_bool = array.dtype == np.int8 and dataset.attrs.get("flag_meanings") == _BOOL_MEANINGS
    return array.view(np.bool_) if is_bool else array


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
    def attrs(self) -> dict[str, Any]:
        """The attributes of the file: title, run_id, dates, status."""
        return read_attributes(self.file)

    @property
    def status(self) -> str:
        """`running`, `complete`, `failed` or `interrupted`."""
        return str(self.attrs.get("status", "running"))

    @cached_property
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

    def text(self, name: str) -> str:
        """A text kept with the run.

        Args:
            name: `config`, `config_user`, `packages`, `plugins` or `environment`.

        Raises:
            UnknownNameError: The file holds none of this name.
        """
        group = hard_child(self.file, "provenance")
        item = hard_child(group, name) if isinstance(group, h5py.Group) else None
        if not is_readable(item) or item.shape != ():
            raise UnknownNameError(f"{self.path}: holds no text provenance/{name}")
        return str(item.asstr()[()])

    @property
    def batch(self) -> int:
        """Number of replicas."""
        item = hard_child(self.file, "batch")
        return int(item.shape[0]) if isinstance(item, h5py.Dataset) else 0

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The values of each replica `(batch,)`, by name: seed, swept parameters."""
        return {name: read_values(item) for name, item in self._column_sets.items()}

    @cached_property
    def recordings(self) -> dict[str, Rows]:
        """The recorded components by dotted path."""
        return self._components(hard_child(self.file, "recordings"), growing=True)

    @cached_property
    def finals(self) -> dict[str, Rows]:
        """The components with a final state, by dotted path."""
        state = hard_child(self.file, "state")
        final = hard_child(state, "final") if isinstance(state, h5py.Group) else None
        return self._components(final, growing=False)

    def variables(self) -> list[str]:
        """Paths of all recorded arrays, such as `memory.gain`."""
        return [f"{path}.{name}" for path, rows in self.recordings.items() for name in rows.variables]

    def final_variables(self) -> list[str]:
        """Paths of all arrays of the final state, such as `memory.q`."""
        return [f"{path}.{name}" for path, rows in self.finals.items() for name in rows.variables]

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

    def dataset(self, path: str) -> h5py.Dataset:
        """The HDF5 dataset of a recorded array, to read parts of it; rows past the commit mark may be torn.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        rows, name = self._find(path, self.recordings)
        return rows.arrays[name]

    def final(self, path: str) -> NDArray[Any]:
        """An array of the final state `(batch, ...)`.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        rows, name = self._find(path, self.finals)
        return rows.read(name)

    def time(self, path: str) -> NDArray[np.float64]:
        """The times `(time,)`, in s, of a component's or an array's rows.

        Raises:
            UnknownNameError: Nothing of this path was recorded.
        """
        return self._component(path).read("time")

    def step(self, path: str) -> NDArray[np.int64]:
        """The kernel steps `(time,)` of a component's or an array's rows.

        Raises:
            UnknownNameError: Nothing of this path was recorded.
        """
        return self._component(path).read("step")

    def dims(self, path: str) -> tuple[str, ...]:
        """Names of a recorded array's dimensions.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        return dimension_names(self.dataset(path)) or ()

    def attributes(self, path: str) -> dict[str, Any]:
        """Attributes of an array (recorded, final or a column) or of a component.

        Raises:
            UnknownNameError: The file holds none of this path.
        """
        if path in self.recordings:
            return read_attributes(self.recordings[path].group)
        if path in self._column_sets:
            return read_attributes(self._column_sets[path])
        known = self.recordings if path in self.variables() or path not in self.final_variables() else self.finals
        rows, name = self._find(path, known)
        return read_attributes(rows.arrays[name])

    def labels(self, path: str, axis: str) -> tuple[str, ...]:
        """Names of the places along an axis of a recorded or final array; empty where they have none.

        Raises:
            UnknownNameError: The file holds no such array or axis.
        """
        rows, _ = self._find(path, self.recordings if path in self.variables() else self.finals)
        if axis not in rows.arrays or not is_scale(rows.arrays[axis]):
            raise UnknownNameError(f"{path}: has no axis {axis!r}")
        return tuple(str(read_attributes(rows.arrays[axis]).get("labels", "")).split())

    def trials(self) -> pandas.DataFrame:
        """The trials, one row each.

        Raises:
            UnknownNameError: None were recorded.
            ImportError: pandas is not installed.
        """
        return self._table("trials")

    def events(self) -> pandas.DataFrame:
        """The events, one row each.

        Raises:
            UnknownNameError: None were recorded.
            ImportError: pandas is not installed.
        """
        return self._table("events")

    def to_xarray(self) -> xarray.DataTree:
        """The whole file in memory: columns at the root, a node for each component, table and final state.

        Raises:
            ImportError: xarray is not installed.
        """
        from engram_hdf5.frames import data_tree  # noqa: PLC0415  xarray is optional and slow to import

        return data_tree(self)

    def tables(self) -> dict[str, Rows]:
        """The tables `trials` and `events`, as far as the file has them."""
        groups = {name: hard_child(self.file, name) for name in ("trials", "events")}
        return {name: _rows(name, item, growing=True) for name, item in groups.items() if isinstance(item, h5py.Group)}

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
            lines.append(f"  {path}  ({shape})  {rows.arrays[name].dtype}  {self.attributes(path).get('units', '')}")
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
                    found[path] = _rows(path, group, growing=growing)
        return found

    def _component(self, path: str) -> Rows:
        return self.recordings[path] if path in self.recordings else self._find(path, self.recordings)[0]

    def _find(self, path: str, known: Mapping[str, Rows]) -> tuple[Rows, str]:
        component, _, name = path.rpartition(".")
        if component in known and name in known[component].variables:
            return known[component], name
        paths = [f"{key}.{item}" for key, rows in known.items() for item in rows.variables]
        raise UnknownNameError(f"{self.path}: holds no {path!r}; {_hint(path, [*known, *paths])}")

    def _table(self, name: str) -> pandas.DataFrame:
        from engram_hdf5.frames import data_frame  # noqa: PLC0415  pandas is optional and slow to import

        tables = self.tables()
        if name not in tables:
            raise UnknownNameError(f"{self.path}: holds no {name}; record them with record.{name} = true")
        return data_frame(tables[name])


def open(path: str | os.PathLike[str]) -> RunFile:  # noqa: A001  the module's name says which
    """Open a run file, or the `.part` of a run that did not finish, for reading.

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
        _check_version(path, file)
    except BaseException:
        file.close()
        raise
    return RunFile(path, file)


def open_file(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises:
        FormatError: It is absent, no HDF5, cut short, left open by a writer, or being written.
    """
    try:
        if not path.is_file():
            raise FormatError(f"{path}: there is no such file; check the name", "E_OPEN")
        if not h5py.is_hdf5(path):
            raise FormatError(f"{path}: is no HDF5 file; give the .h5 file that engram run wrote", "E_NOT_HDF5")
        return h5py.File(path, "r")
    except OSError as error:
        raise _open_error(path, str(error)) from error


def _open_error(path: Path, reason: str) -> FormatError:
    reason = reason.splitlines()[0]
    if "truncated file" in reason:
        return FormatError(f"{path}: is cut short; copy it again, or recover what it holds", "E_TRUNCATED")
    if "already open for write" in reason:
        return FormatError(f"{path}: was left open by its writer; recover it", "E_OPEN_FOR_WRITE")
    if "lock" in reason or "already open" in reason:
        return FormatError(f"{path}: is being written; wait until the run has ended", "E_OPEN")
    return FormatError(f"{path}: cannot be opened ({reason}); check its permissions, or recover it", "E_OPEN")


def _check_version(path: Path, file: h5py.File) -> None:
    schema, said = run_schema(), read_attributes(file)
    if said.get("engram_format") != schema.name:
        raise FormatError(f"{path}: is no run file of engram; it has no attribute engram_format", "E_ATTR_MISSING")
    version = str(said.get("engram_format_version", ""))
    major = version.split(".")[0]
    if major.isdecimal() and int(major) > schema.major:
        raise FormatError(
            f"{path}: has format {version}, this engram reads {schema.major}.x; upgrade engram", "E_SCHEMA_VERSION"
        )


def _rows(path: str, group: h5py.Group, *, growing: bool) -> Rows:
    members = ((name, hard_child(group, name)) for name in group)
    arrays = {name: item for name, item in members if is_readable(item)}
    return Rows(path, group, arrays, _length(arrays) if growing else None)


def _length(arrays: Mapping[str, h5py.Dataset]) -> int:
    shapes = [item.shape[0] for name, item in arrays.items() if item.shape and not _is_fixed(name, item)]
    mark = arrays.get("n_rows")
    if mark is not None and mark.shape == ():
        return min([int(mark[()]), *shapes])
    return min(shapes, default=0)


def _is_fixed(name: str, item: h5py.Dataset) -> bool:
    return is_scale(item) and name not in ("time", "trial", "event")


def _hint(path: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(path, known, 1)
    return f"did you mean {near[0]!r}?" if near else "it holds " + (", ".join(known) or "nothing of this kind")
