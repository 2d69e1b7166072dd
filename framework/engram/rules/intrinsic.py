"""What scalar rules may call beside the operators, for NumPy scalars and arrays alike.

Each is rounded the same way by every IEEE 754 machine, or not rounded at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import array_module


def is_double(x: Any) -> bool:
    """Say whether `x` is float64; the only question that a rule may ask of a type."""
    return bool(x.dtype == np.float64)


def bits(x: Any) -> Any:
    """The same bits read as an integer: int32 of float32, int64 of float64."""
    return x.view(np.int64 if is_double(x) else np.int32)


def from_bits(i: Any) -> Any:
    """The same bits read as a float: float32 of int32, float64 of int64."""
    return i.view(np.float64 if i.dtype == np.int64 else np.float32)


def whole(x: Any) -> Any:
    """The integer, as wide as `x`, of a float that is integral and in range."""
    return x.astype(np.int64 if is_double(x) else np.int32)


def real(i: Any, x: Any) -> Any:
    """The integer `i` in the precision of `x`."""
    return i.astype(x.dtype)


def sqrt(x: Any) -> Any:
    """Square root, correctly rounded; nan of a negative number."""
    return array_module(x).sqrt(x)


def floor(x: Any) -> Any:
    """The largest integral float that is not above `x`."""
    return array_module(x).floor(x)


def trunc(x: Any) -> Any:
    """The integral float next to `x` towards zero."""
    return array_module(x).trunc(x)


def rint(x: Any) -> Any:
    """The nearest integral float, halves to even."""
    return array_module(x).rint(x)


def min(a: Any, b: Any) -> Any:
    """The smaller number; nan where either is nan."""
    return array_module(a).where((a <= b) | (a != a), a, b)[()]


def max(a: Any, b: Any) -> Any:
    """The larger number; nan where either is nan."""
    return array_module(a).where((a >= b) | (a != a), a, b)[()]
