"""Opens HDF5 files for reading and reads the committed rows of one group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import FormatError
from engram_hdf5.links import hard_child
from engram_hdf5.netcdf import is_scale
from engram_hdf5.storage import is_readable
from engram_hdf5.variables import BOOL_FLAGS

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
            FormatError: The data are damaged.
        """
        dataset = self.arrays[name]
        growing = self.length is not None and dataset.shape and not _is_fixed(name, dataset)
        return read_values(dataset, self.length if growing else None)


def read_values(dataset: h5py.Dataset, length: int | None = None, part: slice | None = None) -> NDArray[Any]:
    """Values as they were given to the writer: int8 that stands for bool becomes bool.

    Args:
        dataset: The dataset.
        length: How many rows to read, None for all.
        part: The rows to read, instead of a length.

    Raises:
        FormatError: The data are damaged.
    """
    try:
        rows = part or (slice(length) if length is not None else ())
        array = np.asarray(dataset[rows])
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(
            f"{dataset.name}: damaged data ({reason}); copy the file again, or recover it", "E_DATA"
        ) from error
    is_bool = array.dtype == np.int8 and dataset.attrs.get("flag_meanings") == _BOOL_MEANINGS
    return array.view(np.bool_) if is_bool else array


def open_file(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises:
        FormatError: It is absent, no HDF5, cut short, left open by a writer, or being written.
    """
    try:
        if not path.is_file():
            raise FormatError(f"{path}: there is no such file; check the name", "E_OPEN")
        if not h5py.is_hdf5(path):
            raise FormatError(f"{path}: is no HDF5 file; give the file of a run", "E_NOT_HDF5")
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
