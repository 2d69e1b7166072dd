"""Arrays of a state begin where a line of the cache does."""

from __future__ import annotations

import numpy as np
import pytest

import engram
from engram.random import Streams
from engram.rules import alignment

LINE = 64


@pytest.fixture
def context():
    streams = Streams(1, np.arange(3), np, "float32")
    spec = engram.Spec()
    return engram.Context(
        xp=np, batch=3, replicas=np.arange(3), dtype=np.dtype("float32"), dt=0.1,
        observation=spec, action=spec, path="memory", streams=streams,
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(), (0,), (7,), (5, 33), (300, 300)])
def test_state_arrays_begin_at_a_line_of_the_cache(context, shape):
    made = context.zeros(*shape), context.zeros(*shape, dtype="bool"), context.array(np.ones(shape))

    assert [array.ctypes.data % LINE for array in made if array.size] == [0] * 3 * (0 not in shape)
    assert [array.shape for array in made] == [(3, *shape)] * 3
    assert [array.dtype.name for array in made] == ["float32", "bool", "float32"]
    assert [float(array.sum()) for array in made] == [0, 0, made[2].size]


def test_two_aligned_arrays_share_no_memory(context):
    one, other = context.zeros(3), context.zeros(3)

    one[...] = 1

    assert not np.may_share_memory(one, other)
    assert not other.any()


def test_a_copy_is_laid_out_row_by_row_and_is_no_view():
    values = np.arange(12.0).reshape(3, 4).T

    copy = alignment.copied(np, values)
    values[0, 0] = 99

    assert copy.flags.c_contiguous
    assert copy.tolist() == np.arange(12.0).reshape(3, 4).T.tolist()
