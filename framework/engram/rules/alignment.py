"""Arrays that begin where a line of the cache does: a vector that lies across two lines costs twice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

LINE = 64
"""Bytes of a line of the cache, and of the widest vectors."""


def zeros(xp: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return zeros; NumPy's own begin 16 bytes into a line, CuPy's at its beginning.

    Args:
        xp: The array module.
        shape: Shape.
        dtype: Of the elements.
    """
    if xp is not np:
        return xp.zeros(shape, dtype=dtype)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size + LINE, dtype=np.uint8)
    skipped = -room.ctypes.data % LINE
    return room[skipped : skipped + size].view(dtype).reshape(shape)


def copied(xp: Any, values: Any) -> Any:
    """Return a copy of a host array on the device, laid out row by row.

    Args:
        xp: The array module.
        values: The host array.
    """
    if xp is not np:
        return xp.array(values)
    copy = zeros(np, values.shape, values.dtype)
    copy[...] = values
    return copy
