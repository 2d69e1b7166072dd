"""Elementary functions with the same bits on every device.

Each applies to arrays, element by element, and may stand in rules and bodies: `exact.exp(x)`. They are built
from + - * / sqrt and bit operations alone, which every IEEE 754 machine rounds the same way, so no maths
library has a say. Their errors stand with each of them in `functions`.
"""

from __future__ import annotations

from typing import Any

from ..backend import array_module
from . import functions, intrinsic, row
from .rule import rule

exp = rule(functions.exp)
expm1 = rule(functions.expm1)
log = rule(functions.log)
log1p = rule(functions.log1p)
sin = rule(functions.sin)
cos = rule(functions.cos)
tan = rule(functions.tan)
atan = rule(functions.atan)
atan2 = rule(functions.atan2)
tanh = rule(functions.tanh)
sigmoid = rule(functions.sigmoid)
power = rule(functions.pow_)
normal = rule(functions.normal)
sqrt = intrinsic.sqrt
floor = intrinsic.floor
trunc = intrinsic.trunc
rint = intrinsic.rint
argmax = row.argmax


def softmax(x: Any) -> Any:
    """Softmax along the last axis, summed in index order.

    In a body, write the same as loops over the elements.

    Args:
        x: float32 or float64 array.

    Returns:
        An array of the same shape.
    """
    xp = array_module(x)
    powers = exp(x - x.max(axis=-1, keepdims=True))
    total = xp.zeros(x.shape[:-1], dtype=x.dtype)
    for index in range(x.shape[-1]):
        total = total + powers[..., index]
    return powers / total[..., None]
