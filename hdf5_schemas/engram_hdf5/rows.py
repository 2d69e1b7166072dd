"""Opens HDF5 files for reading and reads the committed rows of one group."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import FormatError, UnknownNameError, reason_of
from engram_hdf5.links import hard_child
from engram_hdf5.netcdf import is_scale
from engram_hdf5.storage import is_readable
from engram_hdf5.variables import BOOL_FLAGS

STRUCTURE_DAMAGE = (OSError, RuntimeError, ValueError, KeyError)
"""What h5py raises where the structure of a file is damaged."""
TABLES = ("trials", "events")
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
        """Names of the arrays, without scales and indices; time and step of a table are columns of it."""
        hidden = {"time", "step", "n_rows"} if self.length is not None else set()
        hidden -= {"time", "step"} if self.path in TABLES else set()
        return tuple(name for name, item in self.arrays.items() if name not in hidden and not is_scale(item))

    def read(self, name: str) -> NDArray[Any]:
        """An array's committed rows; bool where it was bool when written.

        Raises:
            UnknownNameError: There is none of this name.
            FormatError: The data are damaged.
        """
        if name not in self.arrays:
            raise UnknownNameError(f"{self.path}: holds no {name!r}; it holds {', '.join(self.arrays)}")
        dataset = self.arrays[name]
        with reading(self.path):
            growing = self.length is not None and dataset.shape and not _is_fixed(name, dataset)
            return read_values(dataset, self.length if growing else None)


def read_values(
    dataset: h5py.Dataset,
    length: int | None = None,
    part: slice | tuple[slice | int, ...] | None = None,
) -> NDArray[Any]:
    """Values as they were given to the writer: int8 that stands for bool becomes bool.

    Args:
        dataset: The dataset.
        length: How many rows to read, None for all.
        part: The rows to read, instead of a length; or rows and places along further axes.

    Raises:
        FormatError: The data are damaged.
    """
    try:
        rows = part or (slice(length) if length is not None else ())
        array = np.asarray(dataset[rows])
    except STRUCTURE_DAMAGE as error:
        raise FormatError(
            f"{dataset.name}: damaged data ({reason_of(error)}); copy the file again, or recover it", "E_DATA"
        ) from error
    is_bool = array.dtype == np.int8 and dataset.attrs.get("flag_meanings") == _BOOL_MEANINGS
    return array.view(np.bool_) if is_bool else array


@contextlib.contextmanager
def reading(place: object) -> Iterator[None]:
    """Tell what h5py raises of a damaged file as a `FormatError`.

    Args:
        place: The file, for the message.
    """
    try:
        yield
    except UnknownNameError:
        raise
    except STRUCTURE_DAMAGE as error:
        text = f"{place}: is damaged ({reason_of(error)}); copy it again, or recover it"
        raise FormatError(text, "E_OBJECT") from error


def open_file(path: Path, *, cache: bool = True) -> h5py.File:
    """Open an HDF5 file for reading.

    Args:
        path: The file.
        cache: Whether chunks that were read stay in memory, up to 8 MiB a dataset, until it is closed.

    Raises:
        FormatError: It is absent, no HDF5, cut short, left open by a writer, or being written.
    """
    try:
        if path.is_dir():
            raise FormatError(
                f"{path}: is a folder; `engram recover` makes one file of a run in segments", "E_OPEN"
            )
        if not path.is_file():
            raise FormatError(f"{path}: there is no such file; check the name", "E_OPEN")
        if not h5py.is_hdf5(path):
            raise FormatError(f"{path}: is no HDF5 file; give the file of a run", "E_NOT_HDF5")
        return h5py.File(path, "r", rdcc_nbytes=None if cache else 0)
    except STRUCTURE_DAMAGE as error:
        raise _open_error(path, reason_of(error)) from error


def _open_error(path: Path, reason: str) -> FormatError:
    if "truncated file" in reason:
        return FormatError(f"{path}: is cut short; copy it again, or recover what it holds", "E_TRUNCATED")
    if "already open for write" in reason:
        return FormatError(f"{path}: was left open by its writer; recover it", "E_OPEN_FOR_WRITE")
    if "lock" in reason or "already open" in reason:
        return FormatError(f"{path}: is being written; wait until the run has ended", "E_OPEN")
    return FormatError(f"{path}: cannot be opened ({reason}); check its permissions, or recover it", "E_OPEN")


def rows_of(path: str, group: h5py.Group, *, growing: bool) -> Rows:
    """The arrays of a group; `growing` says whether its leading dimension grows with the run."""
    members = ((name, hard_child(group, name)) for name in group)
    arrays = {name: item for name, item in members if is_readable(item)}
    return Rows(path, group, arrays, _length(arrays) if growing else None)


def _length(arrays: Mapping[str, h5py.Dataset]) -> int:
    shapes = [item.shape[0] for name, item in arrays.items() if item.shape and not _is_fixed(name, item)]
    mark = arrays.get("n_rows")
    if mark is not None and mark.shape == ():
        return int(min([int(mark[()]), *shapes]))
    return int(min(shapes, default=0))


def _is_fixed(name: str, item: h5py.Dataset) -> bool:
    return is_scale(item) and name not in ("time", "trial", "event")


def find(place: Path, path: str, known: Mapping[str, Rows]) -> tuple[Rows, str]:
    """The component that holds an array, and the array's name in it.

    Args:
        place: The file, for the message.
        path: Path of the array, such as `memory.gain`.
        known: The components by path.

    Raises:
        UnknownNameError: None of them holds it.
    """
    component, _, name = path.rpartition(".")
    if component in known and name in known[component].variables:
        return known[component], name
    paths = [f"{key}.{item}" for key, rows in known.items() for item in rows.variables]
    raise UnknownNameError(f"{place}: holds no {path!r}; {_hint(path, [*known, *paths])}")


def _hint(path: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(path, known, 1)
    return f"did you mean {near[0]!r}?" if near else "it holds " + (", ".join(known) or "nothing")
