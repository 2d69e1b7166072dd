"""The language of rules: each construct means on every target what it means in Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram.rules.rule import Rule
from engram.testing import device

Same = Callable[..., list[Any]]
KERNEL = (0.25, -0.0, 0.5, 0.1)
SQUARES = ((0, 1, 4), (9, 16, 25))
EXTREMES = (math.inf, -math.inf, math.nan, 1e300)
EXACT = np.array([1.5, 2.5])


@engram.rule
def half(x):
    return x / 2


@engram.rule
def both(x, y=3):
    x = x + y
    return x, x * y


@engram.rule("x[i] n[i] y[i]+")
def literals(x, n):
    return x * 0.1 + 1 / 3 + n * 0.7 + True - 1e-40 + 1e30 * x


@engram.rule("x[i] n[i] y[i]+")
def powers(x, n):
    x **= 3
    return x**2 + n**5 * 1.0 + 2**-3


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def extremes(x, n):
    return min(x, 0.5, n) + max(n * 0.25, x), min(n, 3) + max(2, n, -n) + max(3, 4)


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def division(x, n):
    return (n / 3) + 7 // 2, n // 3 + (-n) % 4 + n // -3 + n % -4


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def shifts(x, n):
    return (n << 2) * 1.0, (n >> 1) + (n << (n & 3)) + (-n >> (n & 7)) + (~n ^ 5) + (n & 12 | 3)


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def tables(x, n):
    place = n % 3
    return KERNEL[n % 4] * x + KERNEL[1] + EXACT[n & 1], SQUARES[n & 1][place] + SQUARES[1][2]


@engram.rule("x[i] n[i] y[i]+")
def tables_of_extremes(x, n):
    return EXTREMES[n % 4]


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def outside_a_table(x, n):
    return x, SQUARES[0][n * 100]


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def static(x, n):
    total = 0.0
    count = 0
    if KERNEL[0] > 1:
        total = total / 0
    elif len(SQUARES) == 2:
        total = total + x
    for weight, first in zip(KERNEL, (1, 2, 3, 4)):  # noqa: B905
        total = total + weight * first
    for place, item in enumerate(reversed((x, total))):
        count += place
        total = total * 0.5 + item
    return total if KERNEL else n, count


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def branches(x, n):
    low, count = 0.0, n
    if (x > 0.5 and n > 0) or x < -0.5:
        step = x * 2
        low = step + 1
        if n > 2:
            count = count + 10
            low -= 1
    elif not (x >= 0 and x <= 0):
        low = half(x)
    else:
        pass
    return low, count if -1 < low <= 1.5 != x else -count


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def loops(x, n):
    value, earlier, count = x, 0.0, 0
    for i in range(7):
        value, earlier = value * 0.5 + earlier, value
        if value > i:
            count += i
            for j in range(2):
                count = count + j * n
    for _ in range(0):
        value = 0.0
    return value + earlier, count


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def swaps(x, n):
    a, b = x, x * 2
    a, b = b, a
    pair = (a, b)
    a = a + 1
    first, second = pair
    first, second = second + a, first
    for item in (a, b):
        b = item + b
    return first - second * b, n


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def nested(x, n):
    one, other = both(half(x))
    total, _ = both(y=one, x=other)
    if total > 1:
        total = half(half(total)) + both(x, n)[1]
    return total, both(n)[0]


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def choices(x, n):
    a, b = (x, n) if x > 0 else (-x, n + 1)
    flag = bool(n) == (x > 0)
    return abs(a) + abs(b) + float(flag), int(x * 3) + abs(-n) + flag + int(n > 2)


PLAIN = [
    literals,
    powers,
    extremes,
    division,
    shifts,
    tables,
    static,
    branches,
    loops,
    swaps,
    nested,
    choices,
]


def given(dtype: str) -> tuple[Any, Any]:
    x = np.array([-2.75, -1, -0.5, -0.0, 0.0, 0.25, 0.5, 0.7, 1, 1.5, 3, 1e-3], dtype=dtype)
    n = np.array([-7, -4, -3, 2, -1, 5, 1, 3, 4, 7, 8, 12])
    return np.repeat(x, 12), np.tile(n, 12)


def outputs(rule: Rule, x: Any) -> list[Any]:
    dtypes = {"y": x.dtype, "m": np.dtype(np.int64)}
    return [np.zeros(len(x), dtypes[item.name]) for item in rule.spec.outputs]


@pytest.mark.parametrize("rule", PLAIN, ids=lambda rule: rule.__name__)
def test_no_construct_moves_values_between_device_and_host(rule: Rule) -> None:
    fresh = Rule(rule.scalar_function, " ".join(f"{i.name}[i]{i.mark}" for i in rule.spec.arguments))
    x, n = given("float32")
    arrays = [x, n, *outputs(rule, x)]
    there = [device.asarray(array) for array in arrays]

    with device.stepping():
        fresh(*there)

    rule.reference(*arrays)
    for one, other in zip(arrays, there, strict=True):
        np.testing.assert_array_equal(one, other.view(np.ndarray))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", PLAIN, ids=lambda rule: rule.__name__)
def test_every_construct_means_what_it_means_in_python(rule: Rule, dtype: str, same_bits: Same) -> None:
    x, n = given(dtype)

    _, _, *found = same_bits(rule, x, n, *outputs(rule, x))

    if dtype == "float64":
        each = [apply_in_python(rule, float(a), int(b)) for a, b in zip(x, n, strict=True)]
        for one, other in zip(found, zip(*each, strict=True), strict=True):
            np.testing.assert_array_equal(one, np.array(other), err_msg=rule.__name__)


def apply_in_python(rule: Rule, x: float, n: int) -> tuple[Any, ...]:
    """The function itself, with the rules that it calls as plain functions."""
    plain = {name: getattr(value, "scalar_function", value) for name, value in globals().items()}
    plain |= {"min": least, "max": largest}
    function = rule.scalar_function
    code = type(function)(function.__code__, plain, function.__name__, function.__defaults__)
    for name in ("half", "both"):
        inner = plain[name]
        plain[name] = type(inner)(inner.__code__, plain, name, inner.__defaults__)
    found = code(x, n)
    return found if isinstance(found, tuple) else (found,)


def least(*values: Any) -> Any:
    return sorted(values)[0]


def largest(*values: Any) -> Any:
    return sorted(values)[-1]


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def without_limits(x, n):
    return abs(n) * 1.0, n // (n - 1) + n % (n + 1) + n * n + (-n) + int(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_integers_go_round_and_divisions_by_zero_are_zero(dtype: str, same_bits: Same) -> None:
    least, most = -(2**63), 2**63 - 1
    n = np.array([0, 1, -1, 2, least, most, least + 1, 3, -3])
    x = np.array([math.nan, math.inf, -math.inf, 1e30, -1e30, 2.9, -2.9, 2.0**63, -(2.0**63)], dtype=dtype)

    *_, found = same_bits(without_limits, x, n, np.zeros(9, dtype), np.zeros(9, np.int64))

    assert found[0] == least
    assert found[1] == 0 + 1 + 1 - 1 + least


@engram.rule("x[i] y[i] least[i]+ most[i]+")
def least_and_most(x, y):
    return min(x, y), max(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_min_and_max_keep_nan_whichever_side_it_is_on(dtype: str, same_bits: Same) -> None:
    values = np.array([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 2.0], dtype=dtype)
    x, y = np.repeat(values, 7), np.tile(values, 7)

    *_, least, most = same_bits(least_and_most, x, y, np.zeros(49, dtype), np.zeros(49, dtype))

    np.testing.assert_array_equal(least, np.minimum(x, y))
    np.testing.assert_array_equal(most, np.maximum(x, y))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constants_of_any_size_are_rounded_once(dtype: str, same_bits: Same) -> None:
    x, n = np.zeros(4, dtype), np.arange(4)

    *_, found = same_bits(tables_of_extremes, x, n, np.zeros(4, dtype))

    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, np.array(EXTREMES).astype(dtype))


def test_an_index_outside_a_table_is_moved_to_its_end(same_bits: Same) -> None:
    *_, found = same_bits(
        outside_a_table, np.zeros(3), np.array([-1, 0, 2]), np.zeros(3), np.zeros(3, np.int64)
    )

    assert found.tolist() == [0, 0, 4]


@engram.rule("x[i] n[i] y[i]+ m[i]+")
def counted_in_a_tuple(x, n):
    a = x
    pair = (a, n)
    for k in range(3):
        a = a + pair[0] * k
    return a, pair[1]


def test_a_tuple_holds_what_its_names_stood_for(same_bits: Same) -> None:
    x = np.ones(2)

    _, _, found, _ = same_bits(counted_in_a_tuple, x, np.arange(2), np.zeros(2), np.zeros(2, np.int64))

    assert found.tolist() == [4, 4]


# Names of the targets, of C, of CUDA, of Python's modules; names that run into lengths and indices of axes.
@engram.rule(
    "n_i[i,row,p_]& slab_[i,row,p_] F[i] np[row,p_] jit[p_] a[i,row] lane_[row] double[i,row,p_]+; xp lambda_"
)
def exp(n_i, slab_, F, np, jit, a, lane_, xp, lambda_):
    float4, table, constant, real, _x, η, x__y = a * xp, 0.5, jit, np, F, 0.0, lambda_
    for k in range(3):
        η = η + KERNEL[int(a) + k] * table
    n_i = n_i + slab_ * lane_ - float4
    return n_i, constant + real + _x + η + x__y


@engram.rule("result_0[i]& rest_i[i] sum_0[i]& a_row[i]; slab lane row_index")
def main(result_0, rest_i, sum_0, a_row, slab, lane, row_index):
    slab = slab * 2
    return result_0 + rest_i * slab, sum_0 + a_row * lane + row_index


@engram.rule("a[row,p]& n[row,p] row[row] p[p] y[p]+; run")
def xp(a, n, row, p, run):
    a = a + n * row
    return a, a * p * run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", [exp, main, xp], ids=lambda rule: rule.__name__)
def test_no_name_of_the_authors_collides_with_one_of_a_target(
    rule: Rule, dtype: str, same_bits: Same
) -> None:
    rng = np.random.default_rng(6)
    sizes = dict(zip(rule.spec.axes, (2, 3, 4), strict=False))
    arrays = [rng.random([sizes[axis] for axis in item.axes]).astype(dtype) for item in rule.spec.arguments]
    values = [value if value.ndim else 1.5 for value in arrays]

    found = same_bits(rule, *values)

    if rule is xp:
        wanted = values[0] + values[1] * values[2][:, None]
        np.testing.assert_array_equal(found[0], wanted)
