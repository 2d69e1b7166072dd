"""Rules on a GPU: the bits of the processor, nothing left unwritten, any number of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram.backend import missing_gpu

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(missing_gpu() is not None, reason=f"no GPU: {missing_gpu()}"),
]


@engram.rule("w[b,i,j]& e[b,i,j]& x[b,i] y[b,j] m[b]; decay eta lo hi")
def dense(w, e, x, y, m, decay, eta, lo, hi):
    e = e * decay + x * y / 3
    w = min(max(w + eta * m * e, lo), hi)
    return w, e


@engram.rule("w[b,i,j] x[b,i] y[b,j]+")
def forward(w, x):
    return w * x


@engram.rule("w[a,b,i,j]& x[j,a] y[i,b] z[b,a,j,i] v[a,b,i,j]+")
def permuted(w, x, y, z):
    return w + x * z, y - z / 7


@engram.rule("n[b,i]& k[b] f[b,i]&")
def integers(n, k, f):
    return (n // k) * 5 - n % k + (n << 2) ^ int(f * 1e30), f * n if n > k else -f


@engram.rule("x[i]&")
def raised(x):
    return x + 1


RULES = [dense, forward, permuted, integers]
SIZES = [(3, 4, 5, 6), (1, 1, 1, 1), (2, 7, 8, 12), (5, 300, 3, 4)]


def arguments(rule: Any, sizes: tuple[int, ...], dtype: str) -> list[Any]:
    """Numbers of all sizes with some of the extremes among them; what is only written holds nan."""
    lengths, rng = dict(zip(rule.spec.axes, sizes, strict=False)), np.random.default_rng(0)
    given: list[Any] = []
    for item in rule.spec.arguments:
        shape = tuple(lengths[axis] for axis in item.axes)
        if item.name in ("n", "k"):
            given.append(rng.integers(-9, 9, shape))
            continue
        plain = rng.standard_normal(shape) * 10.0 ** rng.integers(-40, 30, shape)
        special = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45], shape)
        mixed = np.where(rng.random(shape) < 0.1, special, plain).astype(dtype)
        given.append(np.full_like(mixed, np.nan) if item.mark == "+" else mixed)
    return [value if value.ndim else 0.5 for value in given]


def bits(array: Any) -> Any:
    return (
        np.where(np.isnan(array), -1, array.view(f"i{array.dtype.itemsize}"))
        if array.dtype.kind == "f"
        else array
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_the_gpu_gives_the_bits_of_the_processor(rule: Any, sizes: Any, dtype: str) -> None:
    import cupy

    given = arguments(rule, sizes, dtype)
    there = [cupy.asarray(value) if isinstance(value, np.ndarray) else value for value in given]

    rule.reference(*given)
    rule(*there)

    for one, other in zip(given, there, strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(bits(one), bits(cupy.asnumpy(other)))


def test_views_that_skip_or_begin_between_four_numbers_work_as_well() -> None:
    import cupy

    x = cupy.zeros((2, 40), dtype="float32")

    raised(x[0, 1:33])
    raised(x[1, ::2])

    assert cupy.asnumpy(x[0]).tolist() == [0] + [1] * 32 + [0] * 7
    assert cupy.asnumpy(x[1]).tolist() == [1, 0] * 20


def test_a_batch_beyond_the_blocks_of_a_grid_is_reached_to_its_end() -> None:
    import cupy

    w, x = cupy.ones((200_000, 2, 4), dtype="float32"), cupy.ones((200_000, 2), dtype="float32")
    y = cupy.full((200_000, 4), np.nan, dtype="float32")
    rows = cupy.zeros((200_000, 3), dtype="float32")

    forward(w, x, y)
    raised_rows(rows)

    assert bool((y == 2).all()) and bool((rows == 1).all())


@engram.rule("x[i,j]&")
def raised_rows(x):
    return x + 1


@pytest.mark.slow
def test_more_elements_than_offsets_of_32_bits_reach() -> None:
    import cupy

    x = cupy.zeros((33, 1 << 13, 1 << 13), dtype="float32")
    along = cupy.zeros((1 << 30) + 12, dtype="float32")

    raised_slabs(x)
    raised(along)

    assert x.size > 1 << 31
    assert float(x.min()) == float(x.max()) == 1
    assert float(along.min()) == float(along.max()) == 1


@engram.rule("x[b,i,j]&")
def raised_slabs(x):
    return x + 1
