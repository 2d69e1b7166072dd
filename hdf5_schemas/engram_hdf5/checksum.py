"""HDF5's checksum of a chunk, computed by NumPy: several times as fast as the library does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_WORDS = 4
_ROW = 1024
_BLOCK_ROWS = 64
_SIXTEEN, _THIRTY_TWO = np.uint64(16), np.uint64(32)
_EVEN, _FIRST = np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)


def fletcher32(chunk: bytes | NDArray[np.uint8]) -> int:
    """The checksum that HDF5 stores behind a chunk, as four bytes, the lowest first.

    It has two sums of the chunk's n words of 16 bits, modulo 65535: of the words, and of the i-th of them
    n - i times. Words count as big-endian, which modulo 65535 multiplies both sums by 256.

    Args:
        chunk: Its bytes, contiguous, at most 64 MiB.
    """
    flat = np.frombuffer(chunk, np.uint8)
    count = -(-flat.size // 2)
    if flat.size % 8:
        flat = np.pad(flat, (0, -flat.size % 8))
    words = flat.view("<u8").astype(np.uint64, copy=False)
    whole = words.size // _ROW * _ROW
    total = weighted = 0
    for first, part in ((0, words[:whole].reshape(-1, _ROW)), (whole, words[whole:].reshape(1, -1))):
        plain, placed = _sums(part) if part.size else (0, 0)
        total += plain
        weighted += (count - _WORDS * first) * plain - placed
    return _stored(weighted) << 16 | _stored(total)


def _sums(words: Words) -> tuple[int, int]:
    """The sum of the 16-bit words of an array `(row, column)`, and that of each times its index.

    An index is that of the row and that in the row, so that sums of rows and of columns are enough. Each of
    the four words of a 64-bit one is summed in 32 bits of its own: no more than 65536 rows may be added.
    """
    rows, size = words.shape
    columns, sideways = np.zeros((2, size), np.uint64), np.empty(rows, np.uint64)
    halves = np.empty((2, min(rows, _BLOCK_ROWS), size), np.uint64)
    for start in range(0, rows, _BLOCK_ROWS):
        block = words[start : start + _BLOCK_ROWS]
        even, odd = halves[:, : len(block)]
        np.bitwise_and(block, _EVEN, out=even)
        np.right_shift(block, _SIXTEEN, out=odd)
        np.bitwise_and(odd, _EVEN, out=odd)
        columns += halves[:, : len(block)].sum(axis=1)
        sideways[start : start + len(block)] = np.add(even, odd, out=even).sum(axis=1)
    lanes = np.stack([*(columns & _FIRST), *(columns >> _THIRTY_TWO)], axis=1).reshape(-1)
    sideways = (sideways & _FIRST) + (sideways >> _THIRTY_TWO)
    return int(lanes.sum()), _dot(lanes) + _WORDS * size * _dot(sideways)


def _dot(values: Words) -> int:
    return int((values * np.arange(len(values), dtype=np.uint64)).sum())


def _stored(value: int) -> int:
    """A sum as HDF5 folds it: 65535 in place of 0, which stands for a chunk of zeros alone."""
    return (256 * (value % 65535) - 1) % 65535 + 1 if value else 0
