"""One component in several run files: its arrays joined along the batch axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import FormatError
from engram_hdf5.netcdf import dimension_names
from engram_hdf5.rows import Rows, read_values, reading
from engram_hdf5.storage import read_attributes

REMEDY = "open the files one by one"


@attrs.frozen(eq=False)
class JointRows:
    """The rows of one component in each of several files.

    Attributes:
        path: Dotted path of the component.
        parts: Its rows by file, in the order of the files.
        sizes: Number of replicas of each file.
    """

    path: str
    parts: Mapping[Path, Rows]
    sizes: Sequence[int]

    @property
    def first(self) -> Rows:
        """The rows of the first file, which those of the others must resemble."""
        return next(iter(self.parts.values()))

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the arrays that every file holds."""
        held = []
        for place, rows in self.parts.items():
            with reading(place):
                held.append(rows.variables)
        return tuple(name for name in held[0] if all(name in names for names in held))

    def dims(self, name: str) -> tuple[str, ...]:
        """Names of an array's dimensions.

        Raises:
            FormatError: The array cannot be joined.
        """
        self._check(name)
        return dimension_names(self.first.arrays[name]) or ()

    def attributes(self, name: str) -> dict[str, Any]:
        """The attributes of an array on which all files agree."""
        said = []
        for place, rows in self.parts.items():
            with reading(place):
                said.append(read_attributes(rows.arrays[name]))
        return agreed(said)

    def read(self, name: str) -> NDArray[Any]:
        """An array's committed rows, the replicas of all files side by side.

        Holds no more in memory than the result and the array of one file.

        Raises:
            FormatError: The arrays do not fit together, or data are damaged.
        """
        axis = self.dims(name).index("batch")
        whole: NDArray[Any] | None = None
        start = 0
        for rows, size in zip(self.parts.values(), self.sizes, strict=True):
            part = rows.read(name)
            if whole is None:
                whole = np.empty((*part.shape[:axis], sum(self.sizes), *part.shape[axis + 1 :]), part.dtype)
            whole[(slice(None),) * axis + (slice(start, start + size),)] = part
            start += size
        assert whole is not None
        return whole

    def index(self, name: str) -> NDArray[Any]:
        """The times or steps `(time,)`, which are the same in all files.

        Raises:
            FormatError: They are not, or data are damaged.
        """
        values = self.first.read(name)
        for place, rows in self.parts.items():
            if not np.array_equal(rows.read(name), values):
                raise self._different(place, name, "other values, or another number of rows", "")
        return values

    def _check(self, name: str) -> None:
        """Refuse arrays that do not fit together, naming the first difference."""
        if self.first.length is not None:
            self.index("time")
        wanted: dict[str, object] = {}
        for (place, rows), size in zip(self.parts.items(), self.sizes, strict=True):
            with reading(place):
                found = dict(_traits(rows, name))
                dims = dimension_names(rows.arrays[name]) or ()
                fits = "batch" in dims and rows.arrays[name].shape[dims.index("batch")] == size
            wanted = wanted or found
            for trait in {**wanted, **found}:
                if found.get(trait) != wanted.get(trait):
                    raise self._different(place, name, f"{trait} {found.get(trait)}", wanted.get(trait))
            if not fits:
                raise self._different(place, name, f"no axis batch of {size} replicas", None)

    def _different(self, place: Path, name: str, found: str, wanted: object) -> FormatError:
        other = next(iter(self.parts))
        against = f"; {other} has {wanted}" if wanted else f"; not as in {other}" if place != other else ""
        return FormatError(f"{place}: {self.path}.{name} has {found}{against}; {REMEDY}", "E_DIFFERENT")


def _traits(rows: Rows, name: str) -> Iterator[tuple[str, object]]:
    """What must agree between files: all but values and the number of replicas."""
    dataset = rows.arrays[name]
    said = read_attributes(dataset)
    dims = dimension_names(dataset) or ()
    yield "dtype", dataset.dtype.name
    yield "axes", ", ".join(dims)
    yield "units", said.get("units", "")
    yield "flags", said.get("flag_meanings", "")
    for dim, size in zip(dims, dataset.shape, strict=False):
        if dim == "time":
            yield "rows", rows.length
        elif dim != "batch":
            yield f"length along {dim}", size
            axis = rows.arrays.get(dim)
            yield f"labels along {dim}", "" if axis is None else read_attributes(axis).get("labels", "")
            yield f"entries along {dim}", "" if axis is None else _indices(read_values(axis))


def _indices(values: NDArray[Any]) -> str:
    whole = np.array_equal(values, np.arange(values.size))
    return "all" if whole else ", ".join(map(str, values.tolist()))


def agreed(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries that are the same in all tables."""
    first, *others = tables
    return {
        key: value
        for key, value in first.items()
        if all(key in table and np.array_equal(table[key], value) for table in others)
    }
