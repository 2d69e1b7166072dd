"""Exact functions: their errors, their special values, the same bits whatever the array module."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import engram
from engram import exact
from engram.testing import device

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_is_within_three_units_in_the_last_place(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.lognormal(0, 10, 20000), rng.uniform(0.5, 2, 20000), 1 + rng.normal(0, 1e-5, 999)]
    )
    x = x.astype(dtype)
    x = x[(x > np.finfo(dtype).tiny) & np.isfinite(x) & (x != 1)]
    true = np.log(x.astype(np.longdouble))
    error = np.abs(exact.log(x) - true) / np.spacing(np.abs(true).astype(dtype))
    assert error.max() < 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_of_special_values(dtype: Any) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    found = exact.log(np.array([0, -1, np.inf, np.nan, 1, tiny], dtype=dtype))
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_allclose(
            found, np.log(np.array([0, -1, np.inf, np.nan, 1, tiny], dtype=dtype)), rtol=1e-6
        )
    assert found.dtype == dtype


def test_normal_is_the_quantile_function() -> None:
    offset = np.concatenate(
        [np.linspace(-0.4999999, 0.4999999, 4001), [0.5 - 2.0**-54, -0.5 + 2.0**-54, 0.0]]
    )
    wanted = [-np.sign(q) * NormalDist().inv_cdf(float(0.5 - abs(q))) for q in offset]
    np.testing.assert_allclose(exact.normal(offset), wanted, rtol=1e-14, atol=1e-15)
    # P(Z > 8.2923611) = 2**-54
    assert exact.normal(np.array([0.5 - 2.0**-54]))[0] == pytest.approx(8.2923611, rel=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_of_the_largest_number_does_not_overflow(dtype: Any) -> None:
    largest = np.array([np.finfo(dtype).max])
    np.testing.assert_allclose(exact.log(largest), np.log(largest), rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_normal_is_odd_and_keeps_its_precision(dtype: Any) -> None:
    offset = np.linspace(-0.4999, 0.4999, 777).astype(dtype)
    found = exact.normal(offset)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, -exact.normal(-offset))
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_array_module_gives_the_same_bits(dtype: Any) -> None:
    offset = np.random.default_rng(1).uniform(-0.5, 0.5, 5000).astype(dtype)
    there = exact.normal(offset.view(type(device.zeros(1))))
    np.testing.assert_array_equal(exact.normal(offset), there.view(np.ndarray))


@engram.rule
def falling(x: Any) -> Any:
    return exact.exp(-x) * exact.cos(x), x


def test_exact_functions_stand_in_rules() -> None:
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    np.testing.assert_array_equal(falling(x)[0], exact.exp(-x) * exact.cos(x), strict=True)
