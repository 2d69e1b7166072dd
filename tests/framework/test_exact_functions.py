"""The elementary functions of scalar rules: errors, special values, the same bits scalar and vectorised.

`tests/golden/exact/functions.csv` has true values by mpmath 1.3 with 200 bits: function, arguments, and the value
as the sum of two float64. Half of the arguments are the worst of thousands of random ones.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engram.rules import angle, functions, intrinsic

GOLDEN = Path(__file__).parents[1] / "golden/exact/functions.csv"
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
DTYPES = [SINGLE, DOUBLE]
INF, NAN = np.inf, np.nan

# Largest error in units in the last place, as the docstrings state it.
BOUNDS = {
    "exp": 1.0, "expm1": 1.7, "log": 2.9, "log1p": 2.9, "sin": 0.9, "cos": 0.9, "tan": 2.4,
    "tanh": 2.0, "sigmoid": 1.9, "atan": 1.9, "atan2": 1.9,
}  # fmt: skip

# Function in float64, and the ranges of float32 in which it is neither constant nor its argument.
TRUE: dict[str, tuple[Callable[[Any], Any], list[tuple[float, float]]]] = {
    "exp": (np.exp, [(2.0**-26, 89), (-(2.0**-26), -104.5)]),
    "expm1": (np.expm1, [(2.0**-26, 89), (-(2.0**-26), -20)]),
    "log": (np.log, [(2.0**-149, INF)]),
    "log1p": (np.log1p, [(2.0**-26, INF), (-(2.0**-26), -1 + 2.0**-24)]),
    "sin": (np.sin, [(2.0**-14, 102943)]),
    "cos": (np.cos, [(2.0**-14, 102943)]),
    "tan": (np.tan, [(2.0**-14, 102943)]),
    "tanh": (np.tanh, [(2.0**-14, 20)]),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), [(2.0**-26, 30), (-(2.0**-26), -104.5)]),
    "atan": (np.arctan, [(2.0**-14, 2.0**14)]),
}
ODD = ["sin", "tan", "tanh", "atan"]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


class Vectoriser(ast.NodeTransformer):
    """Turns selections and truth values of a scalar function into those of arrays."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return self._call("select", node.test, node.body, node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        name = "logical_and" if isinstance(node.op, ast.And) else "logical_or"
        result = node.values[0]
        for value in node.values[1:]:
            result = self._call(name, result, value)
        return result

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._call("logical_not", node.operand) if isinstance(node.op, ast.Not) else node

    def _call(self, name: str, *args: ast.expr) -> ast.expr:
        return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def bodies() -> list[ast.stmt]:
    """Return the functions of both modules as they are written, without decorators."""
    statements = [node for module in (angle, functions) for node in ast.parse(inspect.getsource(module)).body]
    found: list[ast.stmt] = [node for node in statements if isinstance(node, ast.FunctionDef)]
    for node in found:
        node.decorator_list = []  # type: ignore[attr-defined]
    return found


def built(statements: list[ast.stmt], extra: dict[str, Any]) -> SimpleNamespace:
    names = vars(angle) | vars(functions) | vars(intrinsic) | extra
    tree = ast.fix_missing_locations(ast.Module(statements, []))
    exec(compile(tree, "functions", "exec"), names)
    return SimpleNamespace(**names)


@cache
def scalar() -> SimpleNamespace:
    return built(bodies(), {})


@cache
def vectorised(dtype: np.dtype[Any]) -> SimpleNamespace:
    def select(test: Any, a: Any, b: Any) -> Any:
        constant = isinstance(a, float) and isinstance(b, float)
        return np.where(test, a, b).astype(dtype) if constant else np.where(test, a, b)

    logical = {name: getattr(np, name) for name in ("logical_and", "logical_or", "logical_not")}
    return built([Vectoriser().visit(node) for node in bodies()], {"select": select} | logical)


def word(x: Any) -> Any:
    """The bits of an array as integers, all nan alike."""
    x = np.where(np.isnan(x), x.dtype.type(NAN), x)
    return x.view(f"i{x.dtype.itemsize}")


def singles(low: float, high: float, step: int) -> Iterator[Any]:
    """Yield every step-th float32 from `low` on to `high`, away from 0, in blocks that stay in the cache."""
    first, last = (int(np.float32(edge).view(np.int32)) for edge in (low, high))
    for start in range(first, last, step << 13):
        yield np.arange(start, min(last, start + (step << 13)), step, dtype=np.int32).view(np.float32)


def unit(true: Any, dtype: np.dtype[Any]) -> Any:
    """The unit in the last place of numbers in the precision of `dtype`, the smallest subnormal at least."""
    limits = np.finfo(dtype)
    exponent = np.frexp(true)[1] - (limits.nmant + 1)
    return np.ldexp(1.0, np.maximum(exponent, limits.minexp - limits.nmant))


def worst(found: Any, true: Any) -> float:
    """The largest error of float32 numbers in units in the last place; too large a number must be infinite."""
    largest = float(np.finfo(np.float32).max) + 2.0**103
    over = np.abs(true) >= largest
    assert np.isinf(found[over]).all()
    return float((np.abs(found - true) / unit(true, SINGLE))[~over].max(initial=0))


@cache
def golden() -> dict[str, Any]:
    """Return (n, 4) arrays of first argument, second argument (nan if none), value and what it lacks."""
    rows: dict[str, list[list[float]]] = {}
    with GOLDEN.open(encoding="utf-8") as file:
        for name, *numbers in csv.reader(file):
            rows.setdefault(name, []).append([float.fromhex(number or "nan") for number in numbers])
    return {name: np.array(values) for name, values in rows.items()}


def double_errors(name: str) -> tuple[Any, Any]:
    """Return the rows of a function, and the error of its float64 form in each."""
    rows = golden()[name]
    x, y, value, rest = rows.T
    args = (x,) if np.isnan(y).all() else (x, y)
    found = getattr(vectorised(DOUBLE), name)(*args)
    return rows, np.abs((found - value) - rest) / unit(value, DOUBLE)


@pytest.mark.parametrize("name", BOUNDS)
def test_the_float64_error_is_within_its_bound(name: str) -> None:
    rows, errors = double_errors(name)
    assert len(rows) >= 100
    assert errors.max() <= BOUNDS[name], rows[errors.argmax()]


@pytest.mark.parametrize("name", TRUE)
def test_the_float32_error_is_within_its_bound_for_a_sample(name: str) -> None:
    true, ranges = TRUE[name]
    for low, high in ranges:
        for x in singles(low, high, 997):
            assert worst(getattr(vectorised(SINGLE), name)(x), true(x.astype(DOUBLE))) <= BOUNDS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUE)
def test_the_float32_error_is_within_its_bound_for_every_argument(name: str) -> None:
    true, ranges = TRUE[name]
    for low, high in ranges:
        for x in singles(low, high, 1):
            assert worst(getattr(vectorised(SINGLE), name)(x), true(x.astype(DOUBLE))) <= BOUNDS[name]


@pytest.mark.parametrize("name", TRUE)
def test_the_whole_range_of_float32_is_sane(name: str) -> None:
    true, largest = TRUE[name][0], 102943 if name in ("sin", "cos", "tan") else INF
    for low, high in ((0.0, INF), (-0.0, -INF)):
        for x in singles(low, high, 40009):
            x = x[np.abs(x) <= largest]
            x = x[x > 0] if name == "log" else x[x > -1] if name == "log1p" else x
            if len(x):
                assert worst(getattr(vectorised(SINGLE), name)(x), true(x.astype(DOUBLE))) <= BOUNDS[name]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_atan2_of_float32_is_within_its_bound(scale: float) -> None:
    rng = np.random.default_rng(0)
    y, x = (rng.normal(size=(2, 200000)) * [[scale], [1]]).astype(np.float32)
    found = vectorised(SINGLE).atan2(y, x)
    assert worst(found, np.arctan2(y.astype(DOUBLE), x.astype(DOUBLE))) <= BOUNDS["atan2"]


def test_powers_of_float64_are_within_their_bound() -> None:
    rows, errors = double_errors("pow_")
    assert (errors <= 1.6 + np.abs(rows[:, 1] * np.log(rows[:, 0])) / 16).all()


def test_powers_of_float32_are_within_their_bound() -> None:
    rng = np.random.default_rng(0)
    x = rng.lognormal(0, 10 ** rng.uniform(-2, 1.4, 200000)).astype(np.float32)
    y = (rng.uniform(-87, 88, x.size) / np.log(x.astype(DOUBLE))).astype(np.float32)
    true = x.astype(DOUBLE) ** y.astype(DOUBLE)
    fits = true < 3.4e38
    errors = np.abs(vectorised(SINGLE).pow_(x, y) - true)[fits] / unit(true, SINGLE)[fits]
    assert (errors <= 1.6 + np.abs(np.log(true[fits])) / 16).all()


def samples(dtype: np.dtype[Any]) -> Any:
    rng = np.random.default_rng(0)
    limits = np.finfo(dtype)
    edges = [0.0, -0.0, 1, -1, 0.5, 2, INF, -INF, NAN, limits.max, -limits.max, limits.tiny]
    edges += [limits.smallest_subnormal, -limits.smallest_subnormal, 1e-40, 88.8, -103.9, 709.8, -745.1, 1e5]
    wide = rng.normal(size=60) * 10 ** rng.uniform(-8, 8, 60)
    return np.concatenate([edges, wide, rng.normal(size=60)]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [*TRUE, "atan2", "pow_", "normal"])
def test_scalar_and_vectorised_forms_have_the_same_bits(name: str, dtype: np.dtype[Any]) -> None:
    x = samples(dtype)
    x = x[np.abs(x) < 0.5] if name == "normal" else x
    args = (x, np.roll(x, 7)) if name in ("atan2", "pow_") else (x,)

    one_by_one = np.array([getattr(scalar(), name)(*row) for row in zip(*args, strict=True)], dtype=dtype)
    together = getattr(vectorised(dtype), name)(*args)

    assert together.dtype == dtype
    np.testing.assert_array_equal(word(one_by_one), word(together))


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("exp", [0.0, -0.0, INF, -INF, NAN, 1e5, -1e5], [1, 1, INF, 0, NAN, INF, 0]),
        ("expm1", [0.0, -0.0, INF, -INF, NAN, 1e5, -1e5], [0.0, -0.0, INF, -1, NAN, INF, -1]),
        ("log", [0.0, -0.0, INF, -INF, NAN, 1, -1], [-INF, -INF, INF, NAN, NAN, 0, NAN]),
        ("log1p", [0.0, -0.0, INF, -INF, NAN, -1, -2], [0.0, -0.0, INF, NAN, NAN, -INF, NAN]),
        ("sin", [0.0, -0.0, INF, -INF, NAN], [0.0, -0.0, NAN, NAN, NAN]),
        ("cos", [0.0, -0.0, INF, -INF, NAN], [1, 1, NAN, NAN, NAN]),
        ("tan", [0.0, -0.0, INF, -INF, NAN], [0.0, -0.0, NAN, NAN, NAN]),
        ("tanh", [0.0, -0.0, INF, -INF, NAN, 30], [0.0, -0.0, 1, -1, NAN, 1]),
        ("sigmoid", [0.0, -0.0, INF, -INF, NAN], [0.5, 0.5, 1, 0, NAN]),
        ("atan", [0.0, -0.0, INF, -INF, NAN], [0.0, -0.0, np.pi / 2, -np.pi / 2, NAN]),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_special_values(name: str, argument: list[float], value: list[float], dtype: np.dtype[Any]) -> None:
    found = getattr(vectorised(dtype), name)(np.array(argument, dtype))
    np.testing.assert_array_equal(word(found), word(np.array(value, dtype)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_atan2_of_every_pair_of_special_values(dtype: np.dtype[Any]) -> None:
    limits = np.finfo(dtype)
    ends = [0.0, 1, INF, limits.max, limits.tiny, limits.smallest_subnormal]
    y, x = (part.ravel() for part in np.meshgrid(*[np.array([*ends, *(-e for e in ends), NAN], dtype)] * 2))

    found = vectorised(dtype).atan2(y, x)

    np.testing.assert_allclose(found, np.arctan2(y, x), rtol=4 * limits.eps)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(np.where(np.isnan(found), found, y)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_powers_of_special_values(dtype: np.dtype[Any]) -> None:
    x = np.array([0, 0, 0, 1, 1, INF, INF, INF, 2, 2, 0.5, 0.5, -1, NAN, 2, NAN], dtype)
    y = np.array([2, -2, 0, NAN, INF, 2, -2, 0, INF, -INF, INF, -INF, 2, 1, NAN, 0], dtype)
    wanted = np.array([0, INF, 1, 1, 1, INF, 0, 1, INF, 0, 0, INF, NAN, NAN, NAN, 1], dtype)
    np.testing.assert_array_equal(vectorised(dtype).pow_(x, y), wanted)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_exp_underflows_gradually_to_the_smallest_number(dtype: np.dtype[Any]) -> None:
    limits = np.finfo(dtype)
    least = float(np.log(np.longdouble(limits.smallest_subnormal)))
    found = vectorised(dtype).exp(np.array([least, least - 0.6, least - 0.8], dtype))
    np.testing.assert_array_equal(found, np.array([1, 1, 0], dtype) * limits.smallest_subnormal)


@pytest.mark.parametrize(("dtype", "largest"), [(SINGLE, 102943.0), (DOUBLE, 1647099.0)], ids=str)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_an_angle_too_large_to_reduce_gives_nan(name: str, dtype: np.dtype[Any], largest: float) -> None:
    ends = np.array([largest, -largest, np.nextafter(dtype.type(largest), dtype.type(INF)), -1e30], dtype)
    found = getattr(vectorised(dtype), name)(ends)
    np.testing.assert_array_equal(np.isnan(found), [False, False, True, True])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ODD)
def test_odd_functions_are_odd_to_the_last_bit(name: str, dtype: np.dtype[Any]) -> None:
    x = samples(dtype)
    function = getattr(vectorised(dtype), name)
    np.testing.assert_array_equal(word(function(-x)), word(-function(x)))


# The bits of 2**16 values of `engram.exact` at its first release; random numbers of old runs rest on them.
@pytest.mark.parametrize(
    ("name", "dtype", "digest"),
    [
        ("log", SINGLE, "c80c072b62e21305"),
        ("log", DOUBLE, "255ca6d96bcdd441"),
        ("normal", SINGLE, "f324d3686d52b1d2"),
        ("normal", DOUBLE, "4dd9cb781a436456"),
    ],
    ids=str,
)
def test_log_and_normal_keep_their_bits(name: str, dtype: np.dtype[Any], digest: str) -> None:
    k = np.arange(1 << 16, dtype=np.int64)
    offset = ((2 * k + 1 - (1 << 16)) * 2.0**-17).astype(dtype)
    x = offset if name == "normal" else np.ldexp(1 + offset, k % 200 - 100).astype(dtype)
    found = getattr(vectorised(dtype), name)(x)
    assert hashlib.sha256(found.astype(dtype.newbyteorder("<")).tobytes()).hexdigest()[:16] == digest


def test_functions_stay_in_the_language_of_rules() -> None:
    for function in bodies():
        assert isinstance(function, ast.FunctionDef)
        kinds = {type(node) for node in ast.walk(function)}
        returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
        tests = [ast.unparse(node.test) for node in ast.walk(function) if isinstance(node, ast.If)]
        assert not kinds & {ast.While, ast.Subscript, ast.Lambda, ast.ListComp, ast.Pow, ast.Mod}, (
            function.name
        )
        assert returns == [function.body[-1]], function.name
        assert all(test.startswith("is_double(") for test in tests), function.name


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_bits_and_integers_of_floats_come_back(dtype: np.dtype[Any]) -> None:
    x = np.array([0.0, -0.0, 1.5, -3.25, INF, NAN], dtype)
    np.testing.assert_array_equal(word(intrinsic.from_bits(intrinsic.bits(x))), word(x))
    n = np.array([-4, 0, 70000], dtype)
    integers = intrinsic.whole(n)
    assert integers.dtype.itemsize == dtype.itemsize
    assert intrinsic.real(integers, n).dtype == dtype
    np.testing.assert_array_equal(integers, [-4, 0, 70000])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_roundings_and_roots_serve_scalars_and_arrays(dtype: np.dtype[Any]) -> None:
    x = np.array([-2.5, -0.5, 0.5, 1.5, 2.75], dtype)
    wanted = {
        "floor": [-3, -1, 0, 1, 2],
        "trunc": [-2, 0, 0, 1, 2],
        "rint": [-2, 0, 0, 2, 3],
        "sqrt": np.sqrt(x),
    }
    for name, values in wanted.items():
        function = getattr(intrinsic, name)
        np.testing.assert_array_equal(function(x), np.array(values, dtype))
        np.testing.assert_array_equal([function(number) for number in x], function(x))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_min_and_max_keep_nan_on_either_side(dtype: np.dtype[Any]) -> None:
    a, b = np.array([[1, 3, NAN, 1, 2], [2, 1, 1, NAN, 2]], dtype)
    np.testing.assert_array_equal(intrinsic.min(a, b), np.array([1, 1, NAN, NAN, 2], dtype))
    np.testing.assert_array_equal(intrinsic.max(a, b), np.array([2, 3, NAN, NAN, 2], dtype))
    assert [intrinsic.min(*pair).dtype for pair in zip(a, b, strict=True)] == [dtype] * 5
