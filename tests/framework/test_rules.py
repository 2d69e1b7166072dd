"""Rules: array code, Numba and the C text give the same bits, whatever the shapes, dtypes and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

import engram
from engram.rules import target
from engram.rules.rule import Rule
from engram.testing import device

Same = Callable[..., list[Any]]
FLOATS = ["float32", "float64"]
few = hypothesis.settings(
    max_examples=15, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
lengths = strategies.sampled_from([0, 1, 2, 3, 4, 5, 7, 8, 12])
seeds = strategies.integers(0, 2**32 - 1)


@engram.rule("w[b,i,j]& e[b,i,j]& x[b,i] s[b,i] y[b,j] q[b,j] m[b]; decay a_plus a_minus eta lo hi")
def three_factor(w, e, x, s, y, q, m, decay, a_plus, a_minus, eta, lo, hi):
    e = e * decay + (a_plus * x * q - a_minus * s * y)
    w = min(max(w + eta * m * e, lo), hi)
    return w, e


@engram.rule("x[b]& y[b]; k")
def along_one_axis(x, y, k):
    return x * k + y / 3 if x > y else y - x


@engram.rule("w[i,j]& x[i] y[j]; eta")
def outer_product(w, x, y, eta):
    return w + eta * x * y


@engram.rule("w[b,i,j] x[b,i] y[b,j]+")
def sum_over_the_middle(w, x):
    return w * x


@engram.rule("w[b,i,j] y[b,j] x[b,i]+")
def sum_over_the_last(w, y):
    return w * y


@engram.rule("w[b,i,j] total[i,j]+")
def sum_over_the_first(w):
    return w


@engram.rule("w[b,i,j]& g[b,i] total[b]+")
def update_and_sum_over_two(w, g):
    w = w * 0.75 + g
    return w, w * w


@engram.rule("d[b,n,i,j] x[b,n,i] y[b,n,j] dw[b,i,j]+; scale")
def sum_over_samples(d, x, y, scale):
    return (x * y - d) * scale


@engram.rule("w[a,b,i,j]& x[j,a] y[i,b] z[b,a,j,i] v[a,b,i,j]+")
def permuted(w, x, y, z):
    return w + x * z, y - z / 7


@engram.rule("w[b,i]& e[b,i]&")
def swapped(w, e):
    return e, w


@engram.rule("a[b,i] n[b,i]& k[b] y[b,i]& flag[b,i]& count[b]+")
def integers(a, n, k, y, flag):
    less = k - n < 0
    n = n // 3 + k * 5 - (n % 7) + (n >> 1) + (n << 2) + (n & k | 6 ^ n)
    y = y + n * a if flag and k != 2 else y - k
    return n, y, not flag or n > 3, flag + less


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    """Floats of all sizes, every third one special: zeros of both signs, subnormals, extremes, inf, nan."""
    kind = np.finfo(dtype)
    special = [0.0, -0.0, kind.smallest_subnormal, -kind.smallest_subnormal, kind.tiny, kind.max, kind.min,
               np.inf, -np.inf, np.nan, 1.0]  # fmt: skip
    plain = rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 4, shape)
    return np.where(rng.random(shape) < 0.3, rng.choice(special, shape), plain).astype(dtype)


def arguments(rule: Rule, sizes: dict[str, int], dtype: str, seed: int) -> list[Any]:
    """Arrays of one dtype, and numbers, for a rule; what is only written holds nan."""
    rng = np.random.default_rng(seed)
    given: list[Any] = []
    for item in rule.spec.arguments:
        array = numbers(rng, tuple(sizes[axis] for axis in item.axes), dtype)
        given.append(np.full_like(array, np.nan) if item.mark == "+" else array)
    return [value if value.ndim else float(value) for value in given]


def sizes_of(rule: Rule, data: Any) -> dict[str, int]:
    return {axis: data.draw(lengths, label=axis) for axis in rule.spec.axes}


RULES = [three_factor, along_one_axis, outer_product, sum_over_the_middle, sum_over_the_last, sum_over_the_first,
         update_and_sum_over_two, sum_over_samples, permuted, swapped]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@few
@hypothesis.given(data=strategies.data(), seed=seeds)
def test_every_target_gives_the_same_bits(
    rule: Rule, dtype: str, same_bits: Same, data: Any, seed: int
) -> None:
    same_bits(rule, *arguments(rule, sizes_of(rule, data), dtype, seed))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_nvidias_compiler_takes_the_cuda_text(
    rule: Rule, dtype: str, compiles_for_cuda: Callable[[str], None]
) -> None:
    compiles_for_cuda(rule.source("cuda", dtype))


def test_nvidias_compiler_would_complain(cuda_complaints: Any) -> None:
    if cuda_complaints is None:
        pytest.skip("nvidia-cuda-nvrtc has no wheel for this machine, or is not installed")

    assert "error: this declaration" in cuda_complaints("nonsense")


WIDTHS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"]


@pytest.mark.parametrize(("wide", "narrow"), [*zip(WIDTHS, WIDTHS[::-1], strict=True), ("bool", "int8")])
@few
@hypothesis.given(data=strategies.data(), seed=seeds)
def test_integers_of_every_width_and_bools_give_the_same_bits(
    wide: str, narrow: str, same_bits: Same, data: Any, seed: int
) -> None:
    sizes, rng = sizes_of(integers, data), np.random.default_rng(seed)

    def whole(dtype: str, *axes: str) -> Any:
        shape = tuple(sizes[axis] for axis in axes)
        if dtype == "bool":
            return rng.integers(0, 2, shape).astype(bool)
        ends = np.iinfo(dtype)
        return rng.integers(ends.min, ends.max, shape, dtype=dtype, endpoint=True)

    a, y = (
        numbers(rng, (sizes["b"], sizes["i"]), "float32"),
        numbers(rng, (sizes["b"], sizes["i"]), "float32"),
    )
    counts = np.full(sizes["b"], 77, dtype=narrow)
    n = whole("int64" if wide == "bool" else wide, "b", "i")
    same_bits(integers, a, n, whole(wide, "b"), y, whole("bool", "b", "i"), counts)


def three_factor_by_hand(w: Any, e: Any, x: Any, s: Any, y: Any, q: Any, m: Any, *given: float) -> None:
    decay, a_plus, a_minus, eta, lo, hi = given
    for b, i, j in np.ndindex(w.shape):
        trace = e[b, i, j] * decay + (a_plus * x[b, i] * q[b, j] - a_minus * s[b, i] * y[b, j])
        weight = w[b, i, j] + eta * m[b] * trace
        e[b, i, j] = trace
        w[b, i, j] = lo if weight < lo else hi if weight > hi else weight


def test_float64_equals_a_loop_written_by_hand(same_bits: Same) -> None:
    rng = np.random.default_rng(1)
    shapes = [(2, 5, 8), (2, 5, 8), (2, 5), (2, 5), (2, 8), (2, 8), (2,)]
    given = [rng.standard_normal(shape) for shape in shapes]
    constants = (0.9, 0.3, 0.2, 0.1, -0.5, 0.5)
    by_hand = [array.copy() for array in given]

    three_factor_by_hand(*by_hand, *constants)
    found = same_bits(three_factor, *given, *constants)

    for one, other in zip(by_hand, found[:7], strict=True):
        np.testing.assert_array_equal(one, other)
    assert (found[0] == 0.5).any() and (abs(found[0]) < 0.5).any()


def test_sums_are_taken_in_the_order_of_the_index(same_bits: Same) -> None:
    w = np.array([[[1e8], [1.0], [-1e8], [1.0]]], dtype=np.float32)

    *_, y = same_bits(sum_over_the_middle, w, np.ones((1, 4), np.float32), np.full((1, 1), 9, np.float32))

    assert y.item() == 1.0


def test_a_sum_over_nothing_is_zero_whatever_was_there(same_bits: Same) -> None:
    y = np.full((2, 3), np.nan, dtype=np.float32)

    *_, found = same_bits(sum_over_the_middle, np.ones((2, 0, 3), np.float32), np.ones((2, 0), np.float32), y)

    np.testing.assert_array_equal(found, np.zeros((2, 3)))


@engram.rule("x[b] y[b]+")
def negative(x):
    return -x


def test_a_new_array_without_a_sum_keeps_negative_zeros(same_bits: Same) -> None:
    _, found = same_bits(negative, np.zeros(8, np.float32), np.full(8, np.nan, np.float32))

    assert np.signbit(found).all()


def test_results_may_be_each_others_arguments(same_bits: Same) -> None:
    w, e = np.zeros((2, 4), np.float32), np.ones((2, 4), np.float32)

    w, e = same_bits(swapped, w, e)

    assert (w == 1).all() and (e == 0).all()


@pytest.mark.parametrize("choice", ["numpy", "numba"])
def test_arrays_need_not_be_contiguous(choice: Any) -> None:
    rng = np.random.default_rng(2)
    w, x, y = rng.random((12, 10))[::2, ::-3], rng.random(12)[::2], rng.random((4, 7))[:, 3]
    wanted = w + 0.5 * x[:, None] * y

    with target.chosen(choice):
        outer_product(w, x, y, 0.5)

    np.testing.assert_array_equal(w, wanted)


def test_the_c_text_wants_contiguous_arrays() -> None:
    w = np.zeros((4, 6))[:, ::2]

    with pytest.raises(engram.EngramError, match="'outer_product': w must be contiguous"):
        outer_product.on_host(w, np.ones(4), np.ones(3), 1.0)


@engram.rule("x[b]& y[b] z[b]")
def multiplied_and_added(x, y, z):
    return x * y + z


def test_products_and_sums_are_rounded_apart(same_bits: Same) -> None:
    """Contracted to one operation with one rounding, x y + z would be 2**-24."""
    x = np.full(8, 1 + 2.0**-12, np.float32)

    found, *_ = same_bits(multiplied_and_added, x, x.copy(), np.full(8, -1 - 2.0**-11, np.float32))

    assert (found == 0).all()


def test_numbers_are_rounded_to_the_precision_of_the_arrays(same_bits: Same) -> None:
    x = np.ones(5, np.float32)

    found, *_ = same_bits(along_one_axis, x, np.zeros(5, np.float32), 0.1)

    assert (found == np.float32(0.1)).all()


@pytest.mark.parametrize("number", [2, True, np.float32(0.5), np.float64(1e300), np.int8(-3)])
def test_numbers_are_of_any_type(number: Any, same_bits: Same) -> None:
    same_bits(along_one_axis, np.ones(5, np.float32), np.zeros(5, np.float32), number)


@pytest.mark.parametrize("rule", [*RULES, integers], ids=lambda rule: rule.__name__)
def test_rules_run_on_a_device_without_traffic_and_with_the_same_bits(rule: Rule) -> None:
    sizes = dict(zip(rule.spec.axes, (3, 4, 5, 2), strict=False))
    given = arguments(rule, sizes, "float32", 3)
    if rule is integers:
        dtypes = ["float32", "int16", "int8", "float32", "bool", "int32"]
        given = [
            np.nan_to_num(x, posinf=3, neginf=5).clip(-9, 9).astype(d)
            for x, d in zip(given, dtypes, strict=True)
        ]
    there = [device.asarray(x) if isinstance(x, np.ndarray) else x for x in given]

    rule.reference(*given)
    with device.stepping():
        rule(*there)

    for one, other in zip(given, there, strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other.view(np.ndarray))


def test_large_arrays_are_shared_out_among_threads_with_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = arguments(three_factor, {"b": 4, "i": 64, "j": 32}, "float32", 4)
    alone = [np.array(value) for value in given]
    three_factor.reference(*alone)
    monkeypatch.setattr("engram.rules.rule._PARALLEL", 1)
    monkeypatch.setattr(target, "threads", lambda: 2)

    with target.chosen("numba"):
        three_factor(*given)

    np.testing.assert_array_equal(given[0], alone[0])
    np.testing.assert_array_equal(given[1], alone[1])


def test_large_arrays_are_compiled_and_small_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(Rule, "_jitted", lambda self, fit: made.append(fit.elements) or self._clear)
    monkeypatch.setattr(target, "LARGE", 1000)

    for size in (999, 1001):
        along_one_axis(np.ones(size), np.ones(size), 1.0)

    assert made == [1001]


def test_more_rows_and_slabs_than_the_grid_has_blocks_are_all_reached(same_bits: Same) -> None:
    given = arguments(permuted, {"a": 3, "b": 5, "i": 3, "j": 300}, "float32", 5)

    same_bits(permuted, *given, tries=("host",))


def test_a_slab_beyond_offsets_of_32_bits_is_refused() -> None:
    column = np.broadcast_to(np.float32(0), (1 << 16, 1 << 16))

    with pytest.raises(
        engram.EngramError, match="'outer_product': 4294967296 elements in one slab; put an axis"
    ):
        outer_product.on_host(column, column[0], column[0], 0.0)


def test_arguments_go_by_name_as_well() -> None:
    x = np.ones(3)

    along_one_axis(x, k=2.0, y=np.zeros(3))

    assert (x == 2).all()


def test_a_rule_shows_its_code_for_every_target() -> None:
    assert "xp.where" in along_one_axis.source("numpy")
    assert "for b_at in range(b_length)" in along_one_axis.source("numba")
    assert "ENGRAM_KERNEL along_one_axis_rule_packed(int b_length" in along_one_axis.source("cuda")
    assert "long long n_0" in integers.source("cuda", a="float64", y="float64", n="int16", k="int8", flag="bool",
                                              count="int32")  # fmt: skip
    assert repr(along_one_axis) == "<Rule along_one_axis(x, y, k)>"


@engram.rule
def softened(x, limit=1.0):
    return min(max(x, -limit), limit), x > 0


def test_a_function_without_a_spec_applies_to_arrays_that_broadcast() -> None:
    x = np.array([[-2.0, 0.5, 3.0]], dtype=np.float32)

    clipped, positive = softened(x, limit=np.array([[1.0], [2.0]], dtype=np.float32))

    np.testing.assert_array_equal(clipped, [[-1, 0.5, 1], [-2, 0.5, 2]])
    np.testing.assert_array_equal(positive, [[False, True, True]] * 2)
    assert clipped.dtype == np.float32
