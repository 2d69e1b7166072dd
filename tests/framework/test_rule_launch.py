"""How rules are launched on a GPU, with a stand-in for CuPy that runs kernels by their C text on the host."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import engram
from engram.rules import cache
from engram.rules.fit import fitted
from engram.rules.rule import Rule

NUMBERS = {np.int32: ctypes.c_int, np.float32: ctypes.c_float, np.float64: ctypes.c_double}


class Held(np.ndarray):
    """An array that says where it lies as CuPy's do."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)


class Module:
    """A compiled text; notes every launch."""

    launches: list[tuple[str, Any, Any]]

    def __init__(self, code: str, options: tuple[str, ...]) -> None:
        assert options == ("--fmad=false",)
        self._library = cache.c_library("launched", code)

    def get_function(self, name: str) -> Callable[..., None]:
        def launch(grid: Any, block: Any, args: Any) -> None:
            packed = [arg for arg in args if isinstance(arg, np.ndarray)] if name.endswith("packed") else []
            assert all(arg.ctypes.data % 16 == 0 for arg in packed)
            assert max(grid[1:]) <= 65535 and np.prod(block) <= 1024 and block[2] == 1
            self.launches.append((name, grid, block))
            given = [
                ctypes.c_void_p(arg.ctypes.data) if isinstance(arg, np.ndarray) else NUMBERS[type(arg)](arg)
                for arg in args
            ]
            getattr(self._library, f"{name}_grid")(*given, *map(ctypes.c_uint, (*grid, *block[:2])))

        return launch


@pytest.fixture
def launch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Launches a rule; returns the names of the kernels."""
    monkeypatch.setattr(Module, "launches", [], raising=False)
    rows = lambda array: array if array.flags.c_contiguous else array.copy()  # noqa: E731
    cupy = SimpleNamespace(RawModule=Module, ascontiguousarray=rows)

    def apply(rule: Rule, *values: Any) -> list[str]:
        fit = fitted(rule.__name__, rule.spec, values)
        rule._launched(fit, cupy)(*(v.view(Held) if isinstance(v, np.ndarray) else v for v in values))
        return [name for name, _, _ in Module.launches]

    return apply


@engram.rule("w[b,i,j]& x[b,i] n[b]; k")
def scaled(w, x, n, k):
    return w * x + n * k


@engram.rule("w[b,i,j] y[j,b]+")
def summed(w):
    return w


def test_a_launch_gives_the_bits_of_the_array_code(launch: Any) -> None:
    rng = np.random.default_rng(0)
    w, x, n = rng.random((3, 4, 8), dtype="float32"), rng.random((3, 4), dtype="float32"), np.arange(3)
    y, wanted, sums = np.full((8, 3), np.nan, "float32"), w.copy(), np.zeros((8, 3), "float32")
    scaled.reference(wanted, x, n, 0.1)
    summed.reference(wanted, sums)

    launch(scaled, w, x, n, 0.1)
    launch(summed, w, y)

    np.testing.assert_array_equal(w, wanted)
    np.testing.assert_array_equal(y, sums)


@pytest.mark.parametrize(
    ("length", "name"), [(8, "scaled_rule_packed"), (7, "scaled_rule"), (1, "scaled_rule")]
)
def test_four_elements_at_a_time_are_taken_where_rows_allow_it(launch: Any, length: int, name: str) -> None:
    w = np.ones((2, 3, length), "float32")

    assert launch(scaled, w, np.ones((2, 3), "float32"), np.zeros(2, "int32"), 1.0) == [name]


@pytest.mark.parametrize(
    "view", [np.s_[:, :, ::2], np.s_[:, 1:, 1:9], np.s_[::-1]], ids=["gaps", "inside", "turned"]
)
def test_views_are_updated_in_place_and_nothing_beside_them(launch: Any, view: Any) -> None:
    whole = np.zeros((2, 4, 16), "float32")
    w = whole[view]

    launch(scaled, w, np.zeros(w.shape[:2], "float32"), np.ones(2, "int8"), 1.0)

    assert (w == 1).all()
    assert whole.sum() == w.size


@pytest.mark.parametrize("first", [0, 1, 2, 3, 4])
def test_rows_that_begin_between_four_numbers_are_taken_through_a_copy(launch: Any, first: int) -> None:
    whole = np.zeros(64 + 8, "float32")
    w = whole[first : first + 64].reshape(1, 4, 16)

    launch(scaled, w, np.zeros((1, 4), "float32"), np.ones(1, "int8"), 1.0)

    assert whole[first : first + 64].tolist() == [1] * 64 and whole.sum() == 64


def test_a_batch_beyond_the_blocks_of_a_grid_is_reached_to_its_end(launch: Any) -> None:
    w, y = np.ones((70_000, 2, 1), "float32"), np.full((1, 70_000), np.nan, "float32")
    slabs = np.zeros((70_000, 1, 4), "float32")

    launch(summed, w, y)
    launch(scaled, slabs, slabs[:, :, 0].copy(), np.ones(70_000, "int8"), 1.0)

    assert (y == 2).all()
    assert (slabs == 1).all()
