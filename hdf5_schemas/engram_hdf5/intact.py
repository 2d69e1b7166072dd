"""How much of an array is whole: read and compared block by block, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import reason_of
from engram_hdf5.torn import DAMAGE

Read = Callable[[h5py.Dataset, Any], NDArray[Any]]
BLOCK_BYTES = 16 << 20


def intact_rows(dataset: h5py.Dataset, asked: int, read: Read, *, increasing: bool) -> tuple[int, str]:
    """How many of the first rows were written and can be read.

    Args:
        dataset: An array that grows along its first axis.
        asked: How many there should be.
        read: Reads a block of an array.
        increasing: Whether its values `(n,)` must increase strictly.

    Returns:
        The number of rows, and what is wrong with the next one; empty where all are there.
    """
    count, reason = min(asked, int(dataset.shape[0])), "the array ends"
    try:
        stored = stored_rows(dataset, count)
    except DAMAGE as error:
        return 0, f"the data are damaged ({reason_of(error)})"
    if stored < count:
        count, reason = stored, "the data were never written"
    checked, found = _checked_rows(dataset, count, read, increasing=increasing)
    if checked < count:
        return checked, found
    return count, reason if count < asked else ""


def stored_rows(dataset: h5py.Dataset, count: int) -> int:
    """How many of the first rows lie in chunks that were ever written; of others HDF5 shows fill values.

    Args:
        dataset: An array.
        count: How many rows to look at.
    """
    # An HDF5 library older than 1.12.3 cannot list the chunks.
    if not dataset.chunks or not hasattr(dataset.id, "chunk_iter"):
        return count
    rows = dataset.chunks[0]
    found = np.zeros(-(-count // rows), np.int64)

    def note(chunk: Any) -> None:
        index = chunk.chunk_offset[0] // rows
        if index < len(found):
            found[index] += 1

    dataset.id.chunk_iter(note)
    needed = math.prod(
        -(-size // unit) for size, unit in zip(dataset.shape[1:], dataset.chunks[1:], strict=True)
    )
    gaps = np.flatnonzero(found < needed)
    return min(count, int(gaps[0]) * rows) if len(gaps) else count


def blocks(dataset: h5py.Dataset, count: int | None, nbytes: int = BLOCK_BYTES) -> Iterator[Any]:
    """Selections that cover an array, each of whole chunks.

    Args:
        dataset: The array.
        count: How many of the first rows, None for all.
        nbytes: About how much a block may hold.

    Yields:
        Slices of rows; `()` once for a scalar.
    """
    if dataset.shape == ():
        yield ()
        return
    rows = dataset.shape[0] if count is None else count
    row = max(1, math.prod(dataset.shape[1:]) * dataset.dtype.itemsize)
    unit = dataset.chunks[0] if dataset.chunks else 1
    step = max(unit, nbytes // row // unit * unit)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def _checked_rows(dataset: h5py.Dataset, count: int, read: Read, *, increasing: bool) -> tuple[int, str]:
    before = np.empty(0, dataset.dtype)
    for block in blocks(dataset, count):
        try:
            values = read(dataset, block)
        except DAMAGE as error:
            return _readable_rows(dataset, block, read), f"the data are damaged ({reason_of(error)})"
        if increasing:
            joined = np.concatenate([before, values])
            ordered = joined[1:] > joined[:-1]
            if not ordered.all():
                return block.start - len(before) + int(np.argmin(ordered)) + 1, "it does not increase"
            before = values[-1:]
    return count, ""


def _readable_rows(dataset: h5py.Dataset, block: slice, read: Read) -> int:
    """Where in a block that cannot be read as a whole the damage begins."""
    unit = dataset.chunks[0] if dataset.chunks else 1
    for start in range(block.start, block.stop, unit):
        try:
            read(dataset, slice(start, min(start + unit, block.stop)))
        except DAMAGE:
            return start
    return int(block.stop)
