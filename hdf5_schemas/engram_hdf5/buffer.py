"""Rows that wait in memory until they fill an HDF5 chunk, and the check that the disk can take them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.checksum import fletcher32
from engram_hdf5.errors import StorageError

try:
    import resource
except ImportError:  # Windows knows no limits of a process
    resource = None  # type: ignore[assignment]

CHECKSUM_BYTES = 4
PLAIN = [h5py.h5z.FILTER_FLETCHER32]
PACKED = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32]
UNPACKED = 0b011
"""The filters of a packed array that a chunk may do without: all but the checksum."""
MARGIN = 1 << 20
LIKELY_CHUNKS = 4
FRESH = 0.1
PLENTY = 100


class Room:
    """The space left for a file.

    HDF5 neither closes nor reopens a file safely once a write has failed: the interpreter may even crash.
    So the space is looked at before every write, while the file is still whole; where there was plenty a
    moment ago, what was written since is subtracted instead.

    Args:
        path: The file that grows.

    Attributes:
        written: Bytes of all writes so far.
    """

    def __init__(self, path: Path) -> None:
        self.written = 0
        self._path = path
        self._seen = (0.0, 0)

    def check(self, nbytes: int) -> None:
        """Refuse to go on when a write might fail.

        Args:
            nbytes: Size of the write.

        Raises:
            StorageError: Less than four such writes and 1 MiB are free.
        """
        self.written += nbytes
        then, enough = self._seen
        if self.written < enough and time.monotonic() - then < FRESH:
            return
        free = self._free()
        self._seen = time.monotonic(), self.written + free // PLENTY
        if free < LIKELY_CHUNKS * nbytes + MARGIN:
            raise StorageError(
                f"{self._path}: only {max(free, 0) >> 10} KiB are left for it on the disk; "
                f"free some space, or write to another disk"
            )

    def _free(self) -> int:
        free = os.statvfs(self._path.parent) if hasattr(os, "statvfs") else None
        left = free.f_bavail * free.f_frsize if free else 1 << 62
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0] if resource else -1
        size = self._path.stat().st_size if limit >= 0 and self._path.exists() else 0
        return left if limit < 0 else min(left, limit - size)


class ChunkBuffer:
    """The rows of one dataset that wait for a full HDF5 chunk.

    The rows of the unfinished chunk stay in memory after they were written, so that a commit in the middle
    of a chunk never reads the file. Chunks that are not compressed are handed to HDF5 as it would store them:
    its own checksum is slow, and chunks beyond its cache it would read back for every block.

    Args:
        dataset: A chunked dataset that grows along its first axis, empty.
        room: Looked at before each write.
        in_place: Whether the file is one that a kill may catch in the middle of a write. Then a chunk that
            is written again is never packed: packed it would change its length, and with that its place,
            while the file on the disk still points to the old one.
    """

    def __init__(self, dataset: h5py.Dataset, room: Room, *, in_place: bool) -> None:
        self.dataset = dataset
        self.shape: tuple[int, ...] = dataset.shape[1:]
        self.dtype: np.dtype[Any] = dataset.dtype
        self._rows: int = dataset.chunks[0]
        self._row_bytes = self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))
        self._room = room
        self._chunk = np.zeros(self._rows * self._row_bytes + CHECKSUM_BYTES, np.uint8)
        self._data, self._checksum = np.split(self._chunk, [-CHECKSUM_BYTES])
        self._pending: NDArray[Any] = self._data.view(self.dtype).reshape(self._rows, *self.shape)
        self._fill = dataset.fillvalue
        self._origin = (0,) * len(self.shape)
        whole = dataset.chunks[1:] == self.shape
        self._is_plain = whole and _filters(dataset) == PLAIN
        self._stays = whole and in_place and _filters(dataset) == PACKED
        self._unpacked = -1
        self._length = 0
        self._written = 0

    @property
    def unfinished(self) -> int:
        """Bytes of the chunk that is not full yet, which later rows write again."""
        return self._chunk.nbytes if self._length % self._rows else 0

    def append(self, block: NDArray[Any]) -> None:
        """Take rows.

        Args:
            block: The rows `(n, ...)`; copied.
        """
        while len(block):
            at = self._length % self._rows
            whole = len(block) - len(block) % self._rows
            if at == 0 and whole:
                self._write(self._length, block[:whole])
                self._length, block = self._length + whole, block[whole:]
                continue
            taken = min(self._rows - at, len(block))
            self._pending[at : at + taken] = block[:taken]
            self._length, block = self._length + taken, block[taken:]
            if at + taken == self._rows:
                self.flush(self._length)

    def flush(self, length: int, *, last: bool = False) -> None:
        """Write the rows that were not written yet, and drop those beyond a length.

        Args:
            length: Rows of the dataset afterwards.
            last: Whether no rows follow, so that the last chunk is not written again.
        """
        if self._written < length:
            start = (length - 1) // self._rows * self._rows
            self._write(start, self._pending[: length - start], last=last)
        elif self._written > length:
            self.dataset.resize(length, axis=0)

    def move(self, dataset: h5py.Dataset) -> None:
        """Go on in another dataset, an empty one whose chunks will join those written so far.

        Args:
            dataset: Of the same dtype, shape and chunks.
        """
        self.dataset = dataset
        self.dataset.id.set_extent((self._written, *self.shape))

    def _write(self, start: int, rows: NDArray[Any], *, last: bool = False) -> None:
        self._room.check(len(rows) * self._row_bytes)
        stop = start + len(rows)
        self.dataset.id.set_extent((stop, *self.shape))
        grows = len(rows) < self._rows and not last
        if self._is_plain:
            for first in range(0, len(rows), self._rows):
                self._write_chunk(start + first, rows[first : first + self._rows], 0)
        elif self._stays and (start == self._unpacked or grows):
            self._unpacked = start
            self._write_chunk(start, rows, UNPACKED)
        else:
            self.dataset[start:stop] = rows
        self._written = stop

    def _write_chunk(self, start: int, rows: NDArray[Any], skipped: int) -> None:
        if rows.base is not self._pending.base:
            self._pending[: len(rows)] = rows
        self._pending[len(rows) :] = self._fill
        self._checksum.view("<u4")[...] = fletcher32(self._data)
        self.dataset.id.write_direct_chunk((start, *self._origin), self._chunk, skipped)


def _filters(dataset: h5py.Dataset) -> list[int]:
    plan = dataset.id.get_create_plist()
    return [plan.get_filter(index)[0] for index in range(plan.get_nfilters())]
