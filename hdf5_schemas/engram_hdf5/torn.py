"""Reads the chunk that a killed run was writing anew, whose checksum in the file may be of another version.

Each commit writes the unfinished chunk of an array again, in its old place where it fits. Both versions begin
with the committed rows. What is read here was compared with a checksum, that of the old or the new version.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.buffer import PACKED, PLAIN, UNPACKED
from engram_hdf5.checksum import fletcher32

DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError)
"""What h5py raises where a file is damaged."""
_CHECKSUM = 4


def read_block(path: Path, dataset: h5py.Dataset, block: Any, committed: int) -> NDArray[Any]:
    """Read rows of an array, those of a torn chunk as well.

    Args:
        path: The file.
        dataset: The array.
        block: The rows, from the start of a chunk on.
        committed: Committed rows of the array.

    Raises:
        OSError: The data are damaged.
    """
    try:
        return np.asarray(dataset[block])
    except DAMAGE:
        if not isinstance(block, slice) or not dataset.chunks or dataset.chunks[1:] != dataset.shape[1:]:
            raise
        unit = dataset.chunks[0]
        starts = range(block.start, block.stop, unit)
        parts = [
            _read_chunk(path, dataset, start, min(start + unit, block.stop), committed) for start in starts
        ]
        return np.concatenate(parts)


def _read_chunk(path: Path, dataset: h5py.Dataset, start: int, stop: int, committed: int) -> NDArray[Any]:
    try:
        return np.asarray(dataset[start:stop])
    except DAMAGE:
        rows = _torn_chunk(path, dataset, start, committed)
        if rows is None or stop > committed:
            raise
        return rows[: stop - start]


def _torn_chunk(path: Path, dataset: h5py.Dataset, start: int, committed: int) -> NDArray[Any] | None:
    found = dataset.id.get_chunk_info_by_coord((start, *[0] * (dataset.ndim - 1)))
    if found.byte_offset is None or found.filter_mask not in (0, UNPACKED):
        return None
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
    nbytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
    with path.open("rb") as file:
        file.seek(found.byte_offset)
        # A packed chunk may have grown past the length that the file still says.
        stored = file.read(nbytes + nbytes // 1000 + 64)
    if filters == PLAIN or (filters == PACKED and found.filter_mask == UNPACKED):
        return _half_written(dataset, stored[: nbytes + _CHECKSUM], committed - start)
    return _grown(dataset, stored, nbytes) if filters == PACKED else None


def _half_written(dataset: h5py.Dataset, stored: bytes, kept: int) -> NDArray[Any] | None:
    """The old version of a chunk: committed rows, then fill values; its checksum is the old one."""
    rows = np.frombuffer(stored[:-_CHECKSUM], dataset.dtype).reshape(dataset.chunks).copy()
    rows[kept:] = dataset.fillvalue
    return rows if _agrees(rows.tobytes(), stored[-_CHECKSUM:]) else None


def _grown(dataset: h5py.Dataset, stored: bytes, nbytes: int) -> NDArray[Any] | None:
    """The new version of a packed chunk, which says itself where it ends; its checksum follows it."""
    unpacker = zlib.decompressobj()
    try:
        shuffled = unpacker.decompress(stored, nbytes + 1)
    except zlib.error:
        return None
    rest = unpacker.unused_data
    if not unpacker.eof or len(shuffled) != nbytes:
        return None
    if not _agrees(stored[: len(stored) - len(rest)], rest[:_CHECKSUM]):
        return None
    planes = np.frombuffer(shuffled, np.uint8).reshape(dataset.dtype.itemsize, -1)
    values: NDArray[Any] = np.ascontiguousarray(planes.T).view(dataset.dtype)
    return values.reshape(dataset.chunks)


def _agrees(data: bytes, checksum: bytes) -> bool:
    return len(checksum) == _CHECKSUM and int.from_bytes(checksum, "little") == fletcher32(data)
