"""The normal quantile for whole arrays: the bits of `functions.normal`, each part where it is needed.

Those operations are rounded the same way by every IEEE 754 machine, so the results have the same bits on
every device, whatever its maths library. No step may be re-associated or contracted to a fused multiply-add.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, array_module

# (mantissa bits, exponent bias, integer type, terms of the atanh series, scale that lifts subnormals)
_LAYOUT = {
    np.dtype(np.float32): (23, 127, np.int32, 6, 25),
    np.dtype(np.float64): (52, 1023, np.int64, 12, 54),
}
# ln 2 in two parts; the first has enough trailing zeros for an exact product with any exponent.
_LN2 = {
    np.dtype(np.float32): (0.693145751953125, 1.428606765330187e-06),
    np.dtype(np.float64): (0.6931471803691238, 1.9082149292705877e-10),
}


def log(x: Array) -> Array:
    """Natural logarithm of a float32 or float64 array, the same bits on every device.

    x = m 2^k with sqrt(1/2) < m <= sqrt(2); log m = 2 atanh(s), s = (m - 1) / (m + 1), by its power series.

    Args:
        x: Any shape; 0 gives -inf, a negative number nan.
    """
    xp = array_module(x)
    bits, bias, integer, terms, lift = _LAYOUT[x.dtype]
    real = x.dtype.type
    subnormal = x < real(2.0 ** (1 - bias))
    scaled = x * xp.where(subnormal, real(2.0**lift), real(1))
    word = scaled.view(integer)
    k = (word >> integer(bits)) - integer(bias)
    m = ((word & integer(2**bits - 1)) | integer(bias << bits)).view(x.dtype)
    high = m > real(2.0**0.5)
    m = xp.where(high, m * real(0.5), m)
    exponent = (k + high - subnormal * integer(lift)).astype(x.dtype)
    s = (m - real(1)) / (m + real(1))
    square = s * s
    series = xp.full_like(s, real(1.0 / (2 * terms - 1)))
    for n in range(terms - 2, -1, -1):
        series = series * square + real(1.0 / (2 * n + 1))
    upper, lower = _LN2[x.dtype]
    result = exponent * real(upper) + (real(2) * s * series + exponent * real(lower))
    result = xp.where(x == real(0), real(-np.inf), result)
    result = xp.where(x < real(0), real(np.nan), result)
    return xp.where((x == real(np.inf)) | (x != x), x, result)


# Wichura 1988, Applied Statistics 37:477, algorithm AS 241 (PPND16): numerators and denominators of the
# rational approximations to the normal quantile, lowest power last.
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_TAIL = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def normal(offset: Array) -> Array:
    """Standard normal quantile of the probability 0.5 + `offset`, the same bits on every device.

    Taking the distance from 1/2 keeps both tails exact: a float32 cannot hold probabilities near 1 as
    finely as those near 0.

    Args:
        offset: float32 or float64 array in (-0.5, 0.5), any shape.
    """
    xp = array_module(offset)
    centre = _central(offset)
    if xp is np:
        outer = np.nonzero(np.abs(offset) > offset.dtype.type(0.425))
        centre[outer] = _outer(offset[outer])
        return centre
    return xp.where(xp.abs(offset) > offset.dtype.type(0.425), _outer(offset), centre)


def _central(q: Array) -> Array:
    real = q.dtype.type
    r = real(0.180625) - q * q
    return q * _ratio(r, _CENTRE)


def _outer(q: Array) -> Array:
    xp = array_module(q)
    real = q.dtype.type
    r = xp.sqrt(-log(real(0.5) - xp.abs(q)))
    size = xp.where(r <= real(5), _ratio(r - real(1.6), _TAIL), _ratio(r - real(5), _FAR))
    return xp.where(q < real(0), -size, size)


def _ratio(x: Array, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    top, bottom = (_polynomial(x, side) for side in coefficients)
    return top / bottom


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Any:
    real = x.dtype.type
    value = x * real(coefficients[0]) + real(coefficients[1])
    for c in coefficients[2:]:
        value = value * x + real(c)
    return value
