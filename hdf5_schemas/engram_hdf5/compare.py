"""Compares two run files array by array, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from engram_hdf5.reader import RunFile

Read = Callable[[], NDArray[np.generic]]


def compare(one: RunFile, other: RunFile) -> dict[str, bool]:
    """Say of every array of either file whether it is the same in both.

    Recordings with their times and steps, tables, the final state and the values of each replica count;
    provenance does not.

    Args:
        one: A run file.
        other: Another.

    Returns:
        By name, such as `memory.gain`: True where dtype, shape and every bit agree.

    Raises:
        FormatError: Data are damaged.
    """
    first, second = dict(_arrays(one)), dict(_arrays(other))
    return {
        name: name in first and name in second and _same(first[name](), second[name]())
        for name in {**first, **second}
    }


def _arrays(run: RunFile) -> Iterator[tuple[str, Read]]:
    for name, values in run.columns.items():
        yield name, lambda values=values: values  # type: ignore[misc]
    for groups, prefix in ((run.recordings, ""), (run.tables(), ""), (run.finals, "final ")):
        for path, rows in groups.items():
            for name in rows.arrays:
                if name != "n_rows":
                    yield f"{prefix}{path}.{name}", lambda rows=rows, name=name: rows.read(name)  # type: ignore[misc]


def _same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
