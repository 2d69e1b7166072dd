"""Angles as scalar rules: the same bits on every device, in float32 and float64; see `functions`."""

from __future__ import annotations

import math
from typing import Any

from .intrinsic import bits, is_double, rint

NAN = math.nan

# Where an integral float is added to it, the low bits of the sum are that integer.
COUNT_32 = 1.5 * 2.0**23
COUNT_64 = 1.5 * 2.0**52

TURNS_PER_RADIAN = 2 / math.pi
# pi / 2 in parts. Products of the first parts with a number of quarter turns are exact, and so are their
# differences from the angle; products with the middle parts are exact; those with the rest are rounded.
TURN_32: tuple[float, ...] = (1.5703125, 0.000484466552734375)
TURN_MIDDLE_32: tuple[float, ...] = (-6.407499313354492e-07, 9.89530235528946e-10, 2.5579538487363607e-12)
TURN_REST_32 = 5.390303e-15
TURN_64: tuple[float, ...] = (1.5707963267341256,)
TURN_MIDDLE_64: tuple[float, ...] = (6.077100506303966e-11, 2.0222662487111665e-21)
TURN_REST_64 = 8.4784276603689e-32
# The largest angles for which that holds: 2**16 and 2**20 quarter turns.
LARGEST_ANGLE_32 = 102943.0
LARGEST_ANGLE_64 = 1647099.0

# (sin(r) / r - 1) / r**2 and (cos(r) - 1 + r**2 / 2) / r**4 in r**2 for |r| <= pi / 4, within 2**-27.9 and
# 2**-57.9 of sin(r), 2**-33.0 and 2**-63.9 of cos(r).
SIN_TOP_32 = -0.00019515216
SIN_32: tuple[float, ...] = (0.00833216, -0.16666655)
SIN_TOP_64 = 1.5896199809376507e-10
SIN_64: tuple[float, ...] = (
    -2.505074725768527e-08, 2.7557313618285976e-06, -0.00019841269829581, 0.008333333333322108,
    -0.1666666666666663,
)  # fmt: skip
COS_TOP_32 = 2.4433084e-05
COS_32: tuple[float, ...] = (-0.0013887315, 0.041666646)
COS_TOP_64 = -1.135851474541726e-11
COS_64: tuple[float, ...] = (
    2.087570043206907e-09, -2.755731417636406e-07, 2.4801587288841858e-05, -0.001388888888887304,
    0.041666666666666595,
)  # fmt: skip

# (atan(u) / u - 1) / u**2 in u**2 for |u| <= 1/2, within 2**-27.4 and 2**-57.7 of atan(u).
ATAN_TOP_32 = -0.05132601
ATAN_32: tuple[float, ...] = (0.10160014, -0.1417501, 0.19994226, -0.33333233)
ATAN_TOP_64 = 0.010117151995613874
ATAN_64: tuple[float, ...] = (
    -0.02743540861622158, 0.04186534603062996, -0.05122017270659138, 0.058583016745226375,
    -0.06663811054687996, 0.07692073958881966, -0.09090896247963311, 0.1111111065977845, -0.14285714276389525,
    0.19999999999903156, -0.3333333333333298,
)  # fmt: skip
# pi / 4 in two parts; the products of the first with the integers to 4 are exact.
EIGHTH_32, EIGHTH_REST_32 = 0.785398006439209, 1.5695823663008923e-07
EIGHTH_64, EIGHTH_REST_64 = 0.7853981633974483, 3.061616997868383e-17


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


def tan(x: Any) -> Any:
    """Tangent of an angle in radians, within 2.4 units in the last place.

    Args:
        x: float32 up to 102943 or float64 up to 1647099 in size; beyond, nan.
    """
    q, r, low = _quarter_turns(x)
    sine = _sine(r, low)
    cosine = _cosine(r, low)
    odd = (q & 1) != 0
    size = (-cosine if odd else sine) / (sine if odd else cosine)
    return x if x == 0.0 else size


def atan(x: Any) -> Any:
    """Angle in radians whose tangent is x, within 1.9 units in the last place.

    Args:
        x: float32 or float64.
    """
    size = abs(x)
    steep = size > 1.0
    start = 2.0 if steep else 0.0
    sign = -1.0 if steep else 1.0
    angle = _angle(1.0 if steep else size, size if steep else 1.0, start, sign)
    return -angle if bits(x) < 0 else angle


def atan2(y: Any, x: Any) -> Any:
    """Angle in radians, from -pi to pi, of the direction (x, y), within 1.9 units in the last place.

    Args:
        y: float32 or float64.
        x: The same type; the signs of zeros count, as in IEEE 754.
    """
    steep = abs(y) > abs(x)
    back = bits(x) < 0
    a = abs(x) if steep else abs(y)
    b = abs(y) if steep else abs(x)
    huge = b > 1e38
    start = 2.0 if steep else (4.0 if back else 0.0)
    sign = (-1.0 if steep else 1.0) * (-1.0 if back else 1.0)
    angle = _angle(a * 0.5 if huge else a, b * 0.5 if huge else b, start, sign)
    return -angle if bits(y) < 0 else angle


def _angle(a: Any, b: Any, start: Any, sign: Any) -> Any:
    """The angle start pi/4 + sign atan(a / b), for 0 <= a <= b, a + b finite, or infinite for both."""
    total = a + b
    if is_double(total):
        eighth = EIGHTH_64
        rest = EIGHTH_REST_64
        series = ATAN_TOP_64
        coefficients = ATAN_64
    else:
        eighth = EIGHTH_32
        rest = EIGHTH_REST_32
        series = ATAN_TOP_32
        coefficients = ATAN_32
    wide = a + a >= b and b > 0.0
    u = 0.0 if a == b else (a - b if wide else a) / (total if wide else b)
    square = u * u
    for c in coefficients:
        series = series * square + c
    eighths = start + sign if wide else start
    return eighths * eighth + (eighths * rest + sign * (u + series * square * u))
