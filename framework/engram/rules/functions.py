"""Elementary functions as scalar rules: the same bits on every device, in float32 and float64.

They are built from + - * / sqrt, comparisons, selections and the bits of floats alone. Every step is rounded
as written: none may be re-associated or contracted to a fused multiply-add. Coefficients are minimax fits of
our own (Remez exchange with 60 digits) unless a source is named, the highest power first. Errors are in units
in the last place of the true value: by trial of every float32 where there is one argument, else by samples.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from .angle import COUNT_32, COUNT_64, atan as atan, atan2 as atan2, cos as cos, sin as sin, tan as tan
from .intrinsic import bits, from_bits, is_double, max, min, real, rint, sqrt

INFINITY = math.inf
NAN = math.nan

LOG2_E = 1 / math.log(2)
SQRT_2 = 2.0**0.5
# Where x is smaller in size, exp(x) - 1 and log(1 + x) are x.
TINY = 2.0**-54
# The smallest normal numbers, and the scales that lift subnormal ones to normal ones.
NORMAL_32, LIFT_32 = 2.0**-126, 2.0**25
NORMAL_64, LIFT_64 = 2.0**-1022, 2.0**54
# ln 2 in two parts; the first has enough trailing zeros for an exact product with any exponent.
LN2_32, LN2_REST_32 = 0.693145751953125, 1.428606765330187e-06
LN2_64, LN2_REST_64 = 0.6931471803691238, 1.9082149292705877e-10

Coefficients: TypeAlias = tuple[float, ...]

# (exp(r) - 1 - r) / r**2 for |r| <= ln(2) / 2, within 2**-28.2 and 2**-57.9 of exp(r).
EXP_TOP_32 = 0.0013814676
EXP_32: Coefficients = (0.0083687175, 0.041668385, 0.16666521, 0.49999994)
EXP_TOP_64 = 2.5000022312139065e-08
EXP_64: Coefficients = (
    2.7630248637181313e-07, 2.755758646294425e-06, 2.480149309657726e-05, 0.00019841269506529148,
    0.0013888888943634442, 0.008333333333494454, 0.04166666666653013, 0.16666666666666413,
    0.5000000000000011,
)  # fmt: skip

# The power series of atanh(s) / s in s**2.
ATANH_TOP_32 = 1 / 11
ATANH_32: Coefficients = tuple(1 / n for n in range(9, 0, -2))
ATANH_CUBIC_32 = ATANH_32[:-1]
ATANH_TOP_64 = 1 / 23
ATANH_64: Coefficients = tuple(1 / n for n in range(21, 0, -2))
ATANH_CUBIC_64 = ATANH_64[:-1]

# Wichura 1988, Applied Statistics 37:477, algorithm AS 241 (PPND16): up to which distance from 1/2 a
# probability is central; numerators and denominators of the rational approximations to the normal quantile.
CENTRAL = 0.425
CENTRE_TOP: Coefficients = (
    33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125,
    1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
)  # fmt: skip
CENTRE_BOTTOM: Coefficients = (
    28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077,
    687.1870074920579083, 42.313330701600911252, 1.0,
)  # fmt: skip
TAIL_TOP: Coefficients = (
    0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258, 3.64784832476320460504,
    5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
)  # fmt: skip
TAIL_BOTTOM: Coefficients = (
    5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459, 0.68976733498510000455,
    1.6763848301838038494, 2.05319162663775882187, 1.0,
)  # fmt: skip
FAR_TOP: Coefficients = (
    2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093, 0.29656057182850489123,
    1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
)  # fmt: skip
FAR_BOTTOM: Coefficients = (
    1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4, 0.0148753612908506148525,
    0.13692988092273580531, 0.59983220655588793769, 1.0,
)  # fmt: skip


def _power_of_two(k: Any) -> Any:
    """2**k of an integral float k whose power is a normal number."""
    if is_double(k):
        power = from_bits(bits(k + (COUNT_64 + 1023.0)) << 52)
    else:
        power = from_bits(bits(k + (COUNT_32 + 127.0)) << 23)
    return power


def _whole_powers(x: Any) -> Any:
    """Integral k and s in about [-0.3, 0.42] with exp(x) = 2**k (1 + s), for abs(x) up to 1000."""
    if is_double(x):
        upper = LN2_64
        lower = LN2_REST_64
        series = EXP_TOP_64
        coefficients = EXP_64
    else:
        upper = LN2_32
        lower = LN2_REST_32
        series = EXP_TOP_32
        coefficients = EXP_32
    k = rint(x * LOG2_E)
    near = x - k * upper
    rest = k * lower
    r = near - rest
    for c in coefficients:
        series = series * r + c
    return k, near + (series * (r * r) - rest)


def exp(x: Any) -> Any:
    """Exponential function, within 0.9 units in the last place; 1.0 where the result is subnormal.

    Softmax is exp(x - m) over its sum in index order, where m is the largest x.

    Args:
        x: float32 or float64.
    """
    if is_double(x):
        lowest = -746.0
        highest = 710.0
    else:
        lowest = -104.0
        highest = 89.0
    k, s = _whole_powers(min(max(x, lowest), highest))
    half = rint(k * 0.5)
    return (1.0 + s) * _power_of_two(half) * _power_of_two(k - half)


def expm1(x: Any) -> Any:
    """exp(x) - 1, within 1.7 units in the last place.

    Args:
        x: float32 or float64.
    """
    if is_double(x):
        lowest = -40.0
        highest = 710.0
    else:
        lowest = -20.0
        highest = 89.0
    k, s = _whole_powers(min(max(x, lowest), highest))
    half = _power_of_two(k - 1.0)
    size = 2.0 * (s * half + (half - 0.5))
    return x if abs(x) < TINY else size


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), within 1.9 units in the last place.

    Args:
        x: float32 or float64.
    """
    e = exp(-abs(x))
    ratio = (e if x < 0.0 else 1.0) / (1.0 + e)
    return e - e * ratio if x < 0.0 and e < 0.5 else ratio


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, within 2.0 units in the last place.

    Args:
        x: float32 or float64.
    """
    twice = min(abs(x) + abs(x), 50.0)
    large = twice > 0.9
    e = expm1(twice if large else -twice)
    ratio = e / (e + 2.0)
    size = ratio if large else e * 0.5 * ratio - e * 0.5
    return -size if bits(x) < 0 else size


def log(x: Any) -> Any:
    """Natural logarithm, within 2.9 units in the last place.

    x = m 2**k with sqrt(1/2) < m <= sqrt(2); log m = 2 atanh(s), s = (m - 1) / (m + 1), by its power series.

    Args:
        x: float32 or float64; 0 gives -inf, a negative number nan.
    """
    k, f = _mantissa(x)
    result = _logarithm(k, f)
    result = -INFINITY if x == 0.0 else result
    result = NAN if x < 0.0 else result
    return x if x == INFINITY or x != x else result


def _mantissa(x: Any) -> Any:
    """Integral k and f in (sqrt(1/2) - 1, sqrt(2) - 1] with x = (1 + f) 2**k, for positive finite x."""
    if is_double(x):
        subnormal = x < NORMAL_64
        word = bits(x * LIFT_64 if subnormal else x)
        k = real((word >> 52) - 1023, x)
        k = k - 54.0 if subnormal else k
        m = from_bits((word & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000)
    else:
        subnormal = x < NORMAL_32
        word = bits(x * LIFT_32 if subnormal else x)
        k = real((word >> 23) - 127, x)
        k = k - 25.0 if subnormal else k
        m = from_bits((word & 0x007FFFFF) | 0x3F800000)
    high = m > SQRT_2
    return (k + 1.0 if high else k), (m * 0.5 if high else m) - 1.0


def log1p(x: Any) -> Any:
    """Natural logarithm of 1 + x, within 2.9 units in the last place.

    Args:
        x: float32 or float64; -1 gives -inf, a smaller number nan.
    """
    total = 1.0 + x
    k, f = _mantissa(total)
    f = x if k == 0.0 else f + (x - (total - 1.0)) * _power_of_two(max(-k, -100.0))
    result = _logarithm(k, f)
    result = -INFINITY if x == -1.0 else result
    result = NAN if x < -1.0 else result
    return x if x == INFINITY or x != x or abs(x) < TINY else result


def _logarithm(k: Any, f: Any) -> Any:
    """Logarithm of (1 + f) 2**k, with f as `_mantissa` gives it."""
    if is_double(f):
        upper = LN2_64
        lower = LN2_REST_64
        series = ATANH_TOP_64
        coefficients = ATANH_64
    else:
        upper = LN2_32
        lower = LN2_REST_32
        series = ATANH_TOP_32
        coefficients = ATANH_32
    s = f / (f + 2.0)
    square = s * s
    for c in coefficients:
        series = series * square + c
    return k * upper + (2.0 * s * series + k * lower)


def normal(offset: Any) -> Any:
    """Standard normal quantile of the probability 0.5 + `offset`, relative error below 5e-7 and 1e-15.

    Taking the distance from 1/2 keeps both tails exact: a float32 cannot hold probabilities near 1 as finely
    as those near 0.

    Args:
        offset: float32 or float64 in (-0.5, 0.5).
    """
    return outer(offset) if abs(offset) > CENTRAL else central(offset)


def outer(q: Any) -> Any:
    """`normal` of offsets larger in size than `CENTRAL`."""
    r = sqrt(-log(0.5 - abs(q)))
    size = _tail(r - 1.6) if r <= 5.0 else _far(r - 5.0)
    return -size if q < 0.0 else size


def central(q: Any) -> Any:
    """`normal` of offsets up to `CENTRAL` in size."""
    r = 0.180625 - q * q
    top = 2509.0809287301226727
    for c in CENTRE_TOP:
        top = top * r + c
    bottom = 5226.495278852854561
    for c in CENTRE_BOTTOM:
        bottom = bottom * r + c
    return q * (top / bottom)


def _tail(r: Any) -> Any:
    top = 7.7454501427834140764e-4
    for c in TAIL_TOP:
        top = top * r + c
    bottom = 1.05075007164441684324e-9
    for c in TAIL_BOTTOM:
        bottom = bottom * r + c
    return top / bottom


def _far(r: Any) -> Any:
    top = 2.01033439929228813265e-7
    for c in FAR_TOP:
        top = top * r + c
    bottom = 2.04426310338993978564e-15
    for c in FAR_BOTTOM:
        bottom = bottom * r + c
    return top / bottom


def pow_(x: Any, y: Any) -> Any:
    """Positive x to the power y, within 1.6 + abs(y log(x)) / 16 units in the last place.

    Args:
        x: float32 or float64; nan where negative.
        y: The same type.
    """
    k, f = _mantissa(x)
    high, low = _long_logarithm(k, f)
    power = y * (x if x == INFINITY else (-INFINITY if x == 0.0 else high))
    rest = _product_rest(y, high, power) + y * low
    result = exp(power)
    result = result + result * rest if abs(power) < 1000.0 and result < INFINITY else result
    result = result if x >= 0.0 else NAN
    return 1.0 if y == 0.0 or x == 1.0 else result


def _product_rest(a: Any, b: Any, product: Any) -> Any:
    """What the rounded product of a and b lacks (Dekker 1971, Numerische Mathematik 18:224)."""
    if is_double(a):
        p = from_bits(bits(a) & -0x8000000)
        q = from_bits(bits(b) & -0x8000000)
    else:
        p = from_bits(bits(a) & -0x1000)
        q = from_bits(bits(b) & -0x1000)
    return ((p * q - product) + p * (b - q) + (a - p) * q) + (a - p) * (b - q)


def _long_logarithm(k: Any, f: Any) -> Any:
    """Logarithm of (1 + f) 2**k, with f as `_mantissa` gives it, as a total of two numbers."""
    if is_double(f):
        upper = LN2_64
        lower = LN2_REST_64
        series = ATANH_TOP_64
        coefficients = ATANH_CUBIC_64
    else:
        upper = LN2_32
        lower = LN2_REST_32
        series = ATANH_TOP_32
        coefficients = ATANH_CUBIC_32
    d = f + 2.0
    s = f / d
    product = s * d
    rest = ((f - product) - _product_rest(s, d, product) - s * (f - (d - 2.0))) / d
    square = s * s
    for c in coefficients:
        series = series * square + c
    main = k * upper
    total = main + 2.0 * s
    carry = ((main - total) + 2.0 * s) + (2.0 * (rest + s * square * series) + k * lower)
    high = total + carry
    return high, (total - high) + carry
