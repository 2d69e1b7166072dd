"""Philox4x32-10, and the numbers made of its words: arithmetic with the same bits on every device.

Salmon et al. 2011, SC'11, doi:10.1145/2063384.2063405.

Draw d of a step takes word d mod 4 of block d div 4. A float32 uniform is its upper 24 bits; a float64
uniform adds 29 bits of block (d div 4) + 2**31, so that the float32 value is the float64 value cut short.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import array_module
from . import cache, exact, functions, target
from .rule import rule
from .text import NUMBA, NUMBA_PHILOX

Words = Callable[[int], Any]
"""Gives the words (steps, batch, draws) of the blocks from an offset on."""

_LOW_WORDS = 1 << 31
_SLAB = 4096
_central = rule(functions.central)
_outer = rule(functions.outer)


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Philox4x32-10 of uint64 arrays that hold 32-bit words; returns four such arrays."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        p0 = c0 * np.uint64(0xD2511F53)
        p1 = c2 * np.uint64(0xCD9E8D57)
        c0 = (p1 >> half) ^ c1 ^ np.uint64(k0)
        c2 = (p0 >> half) ^ c3 ^ np.uint64(k1)
        c1 = p1 & low
        c3 = p0 & low
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def words(xp: Any, when: Any, ids: Any, stream: Any, key: tuple[int, int], draws: int) -> Words:
    """Return what gives the words of one stream.

    Args:
        xp: Array module.
        when: (steps, 1, 1) uint64 steps, or (1, batch, 1) where each replica has its own.
        ids: (batch,) uint64 numbers of the replicas.
        stream: Number of the stream.
        key: The seed's lower and upper word.
        draws: Draws of each replica at each step.
    """

    def give(offset: int) -> Any:
        blocks = xp.arange(offset, offset + -(-draws // 4), dtype=np.uint64)
        out = _words(xp, (blocks, when, ids[None, :, None], stream), key, min(draws, 4))
        return out.reshape(*out.shape[:2], -1)[..., :draws]

    return give


def _words(xp: Any, counter: tuple[Any, Any, Any, Any], key: tuple[int, int], used: int) -> Any:
    """Return (steps, batch, blocks, used) words; NumPy works in slabs, so that the rounds stay in cache."""
    blocks, when, ids, stream = counter
    if xp is np and target.choice() == "numba":
        return _compiled(blocks, when, ids, stream, key, used)
    shape = np.broadcast_shapes(blocks.shape, when.shape, ids.shape)
    full = [xp.ascontiguousarray(xp.broadcast_to(part, shape)).reshape(-1) for part in (blocks, when, ids)]
    total = math.prod(shape)
    out = xp.empty((total, used), dtype=np.uint64)
    slab = _SLAB if xp is np else max(total, 1)
    for start in range(0, total, slab):
        part = [values[start : start + slab] for values in full]
        result = philox((part[0], part[1], part[2], xp.full_like(part[0], stream)), key)
        for word in range(used):
            out[start : start + slab, word] = result[word]
    return out.reshape(*shape, used)


def _compiled(blocks: Any, when: Any, ids: Any, stream: Any, key: tuple[int, int], used: int) -> Any:
    """As `_words`, by Numba."""
    module = cache.numba_module("words", NUMBA.format(float="float32", bits="int32") + NUMBA_PHILOX + _LOOPS)
    steps, replicas, _ = np.broadcast_shapes(when.shape, ids.shape)
    moments = np.broadcast_to(when[..., 0], (steps, replicas))
    out = np.empty((steps, replicas, blocks.size, 4), dtype=np.uint64)
    module.fill(out, blocks, np.ascontiguousarray(moments), ids.reshape(-1), int(stream), *key)
    return out[..., :used]


_LOOPS = """


@jit
def fill(out, blocks, when, ids, stream, key0, key1):
    for step in range(out.shape[0]):
        for replica in range(out.shape[1]):
            moment, number = when[step, replica], ids[replica]
            row = out[step, replica]
            for block in range(out.shape[2]):
                w0, w1, w2, w3 = philox(blocks[block], moment, number, stream, key0, key1)
                row[block, 0] = w0
                row[block, 1] = w1
                row[block, 2] = w2
                row[block, 3] = w3
"""


def uniform(words: Words, dtype: np.dtype[Any]) -> Any:
    """Uniform numbers in [0, 1) of float32 or float64, shape (steps, batch, draws)."""
    # By way of int32: processors turn that into floats many at a time.
    upper = (words(0) >> np.uint64(8)).astype(np.int32).astype(dtype) * dtype.type(2.0**-24)
    if dtype == np.float32:
        return upper
    return upper + (words(_LOW_WORDS) >> np.uint64(3)).astype(dtype) * dtype.type(2.0**-53)


def normal(words: Words, dtype: np.dtype[Any]) -> Any:
    """Standard normal numbers by `exact.normal`, shape (steps, batch, draws)."""
    one = np.int64(1)
    if dtype == np.float32:
        number = (words(0) >> np.uint64(8)).astype(np.int64)
        odd = number + number + one - np.int64(1 << 24)
        return _quantile(odd.astype(dtype) * dtype.type(2.0**-25))
    number = ((words(0) >> np.uint64(8)) << np.uint64(29)) | (words(_LOW_WORDS) >> np.uint64(3))
    odd = (number + number).astype(np.int64) + one - np.int64(1 << 53)
    return _quantile(odd.astype(dtype) * dtype.type(2.0**-54))


def _quantile(offset: Any) -> Any:
    """`exact.normal`; on the host the long outer part only where it is needed, which few numbers do."""
    if array_module(offset) is not np:
        return exact.normal(offset)
    found = _central(offset)
    places = np.nonzero(np.abs(offset) > offset.dtype.type(functions.CENTRAL))
    found[places] = _outer(offset[places])
    return found


def integers(words: Words, n: int) -> Any:
    """Integers 0 .. n - 1 as int64, the upper half of word * n; n at most 2**31."""
    return ((words(0) * np.uint64(n)) >> np.uint64(32)).astype(np.int64)
