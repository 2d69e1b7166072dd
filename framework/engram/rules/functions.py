"""Elementary functions as scalar rules: the same bits on every device, in float32 and float64.

They are built from + - * / sqrt, comparisons, selections and the bits of floats alone. Every step is rounded
as written: none may be re-associated or contracted to a fused multiply-add. Coefficients are minimax fits of
our own (Remez exchange with 60 digits) unless a source is named, the highest power first. Errors are in units
in the last place of the true value, float32 by trial of every argument, float64 by samples.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from .intrinsic import bits, from_bits, is_double, max, min, real, rint

INFINITY = math.inf
NAN = math.nan

# Where an integral float is added to it, the low bits of the sum are that integer.
COUNT_32 = 1.5 * 2.0**23
COUNT_64 = 1.5 * 2.0**52

LOG2_E = 1 / math.log(2)
SQRT_2 = 2.0**0.5
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
ATANH_TOP_64 = 1 / 23
ATANH_64: Coefficients = tuple(1 / n for n in range(21, 0, -2))

TURNS_PER_RADIAN = 2 / math.pi
# pi / 2 in parts. Products of the first parts with a number of quarter turns are exact, and so are their
# differences from the angle; products with the middle parts are exact; those with the rest are rounded.
TURN_32: Coefficients = (1.5703125, 0.000484466552734375)
TURN_MIDDLE_32: Coefficients = (-6.407499313354492e-07, 9.89530235528946e-10, 2.5579538487363607e-12)
TURN_REST_32 = 5.390303e-15
TURN_64: Coefficients = (1.5707963267341256,)
TURN_MIDDLE_64: Coefficients = (6.077100506303966e-11, 2.0222662487111665e-21)
TURN_REST_64 = 8.4784276603689e-32
# The largest angles for which that holds: 2**16 and 2**20 quarter turns.
LARGEST_ANGLE_32 = 102943.0
LARGEST_ANGLE_64 = 1647099.0

# (sin(r) / r - 1) / r**2 and (cos(r) - 1 + r**2 / 2) / r**4 in r**2 for |r| <= pi / 4, within 2**-27.9 and
# 2**-57.9 of sin(r), 2**-33.0 and 2**-63.9 of cos(r).
SIN_TOP_32 = -0.00019515216
SIN_32: Coefficients = (0.00833216, -0.16666655)
SIN_TOP_64 = 1.5896199809376507e-10
SIN_64: Coefficients = (
    -2.505074725768527e-08, 2.7557313618285976e-06, -0.00019841269829581, 0.008333333333322108,
    -0.1666666666666663,
)  # fmt: skip
COS_TOP_32 = 2.4433084e-05
COS_32: Coefficients = (-0.0013887315, 0.041666646)
COS_TOP_64 = -1.135851474541726e-11
COS_64: Coefficients = (
    2.087570043206907e-09, -2.755731417636406e-07, 2.4801587288841858e-05, -0.001388888888887304,
    0.041666666666666595,
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
    """Exponential function, within 0.9 units in the last place; underflows gradually.

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


def log(x: Any) -> Any:
    """Natural logarithm, within 2.7 units in the last place.

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
        subnormal = x < 2.0**-1022
        word = bits(x * 2.0**54 if subnormal else x)
        k = real((word >> 52) - 1023, x)
        k = k - 54.0 if subnormal else k
        m = from_bits((word & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000)
    else:
        subnormal = x < 2.0**-126
        word = bits(x * 2.0**25 if subnormal else x)
        k = real((word >> 23) - 127, x)
        k = k - 25.0 if subnormal else k
        m = from_bits((word & 0x007FFFFF) | 0x3F800000)
    high = m > SQRT_2
    return (k + 1.0 if high else k), (m * 0.5 if high else m) - 1.0


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


def _quarter_turns(x: Any) -> Any:
    """Write x as n pi/2 + r - low, and give q, r, low, where q has n mod 4 in its two lowest bits.

    abs(r) is at most about pi/4, `low` below its last place; r is nan where x is too large.
    """
    if is_double(x):
        turn = TURN_64
        middle = TURN_MIDDLE_64
        rest = TURN_REST_64
        largest = LARGEST_ANGLE_64
        count = COUNT_64
    else:
        turn = TURN_32
        middle = TURN_MIDDLE_32
        rest = TURN_REST_32
        largest = LARGEST_ANGLE_32
        count = COUNT_32
    n = rint(x * TURNS_PER_RADIAN)
    r = x if abs(x) <= largest else NAN
    for part in turn:
        r = r - n * part
    low = n * rest
    for part in middle:
        long = r
        r = long - n * part
        low = low + ((r - long) + n * part)
    return bits(n + count), r, low


def _sine(r: Any, low: Any) -> Any:
    """Sine of r - low for abs(r) <= pi/4."""
    if is_double(r):
        series = SIN_TOP_64
        coefficients = SIN_64
    else:
        series = SIN_TOP_32
        coefficients = SIN_32
    square = r * r
    for c in coefficients:
        series = series * square + c
    return r + (series * square * r - (low - low * (square * 0.5)))


def _cosine(r: Any, low: Any) -> Any:
    """Cosine of r - low for abs(r) <= pi/4."""
    if is_double(r):
        series = COS_TOP_64
        coefficients = COS_64
    else:
        series = COS_TOP_32
        coefficients = COS_32
    square = r * r
    for c in coefficients:
        series = series * square + c
    half = square * 0.5
    near = 1.0 - half
    return near + (((1.0 - near) - half) + (series * (square * square) + r * low))


def sin(x: Any) -> Any:
    """Sine of an angle in radians, within 0.9 units in the last place.

    Args:
        x: float32 up to 102943 or float64 up to 1647099 in size; beyond, nan.
    """
    q, r, low = _quarter_turns(x)
    size = _cosine(r, low) if (q & 1) != 0 else _sine(r, low)
    size = -size if (q & 2) != 0 else size
    return x if x == 0.0 else size


def cos(x: Any) -> Any:
    """Cosine of an angle in radians, within 0.9 units in the last place.

    Args:
        x: float32 up to 102943 or float64 up to 1647099 in size; beyond, nan.
    """
    q, r, low = _quarter_turns(x)
    size = _sine(r, low) if (q & 1) != 0 else _cosine(r, low)
    return -size if ((q + 1) & 2) != 0 else size
