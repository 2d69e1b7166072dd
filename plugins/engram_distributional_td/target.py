"""The error of a predictor against what followed, for each way to bootstrap.

    self        d_i = u(r) + gamma_i V_i(x') - V_i(x)                     (1)
    sample      d_i = u(r) + gamma_i V_j(x') - V_i(x), j drawn            (2)
    imputed     d_i = u(r) + gamma_i Z(x') - V_i(x), Z drawn              (3)
    categorical d_i = (projection of u(r) + gamma Z(x'))_i - p_i(x)       (4)

(1) Dabney et al. 2020. It compounds its bias along a chain where lambda < 1, for the next value is itself an
expectile; (2) and (3) draw from a distribution instead. In (2) all predictors shift by one number, so that
each has a partner drawn uniformly. In (3) the draw is from the distribution whose expectiles the population
holds (Rowland et al. 2019, ICML 97:5528), found in closed form below. (4) Bellemare et al. 2017, ICML 70:449.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array


@engram.rule
def own(
    p: int, following: Array, reward: float, discount: float,
    value: float, shift: int, sample: float, memory: Any,
) -> Any:  # fmt: skip
    """The error of predictor p, equation (1)."""
    return reward + discount * following[p] - value


@engram.rule
def partner(
    p: int, following: Array, reward: float, discount: float,
    value: float, shift: int, sample: float, memory: Any,
) -> Any:  # fmt: skip
    """The error of predictor p, equation (2)."""
    return reward + discount * following[(p + shift) % len(following)] - value


@engram.rule
def shared(
    p: int, following: Array, reward: float, discount: float,
    value: float, shift: int, sample: float, memory: Any,
) -> Any:  # fmt: skip
    """The error of predictor p, equation (3)."""
    return reward + discount * sample - value


@engram.rule
def hat(x: float) -> float:
    """How much of a unit mass at distance x, in widths of the grid, an atom gets."""
    return max(1 - abs(x), 0.0)


@engram.rule
def projected(
    p: int, following: Array, reward: float, discount: float,
    value: float, shift: int, sample: float, memory: Any,
) -> Any:  # fmt: skip
    """The error of the probability of atom p, equation (4); mass that no feature holds is at value 0."""
    lowest, highest, width = memory.lowest, memory.highest, memory.width
    atom = lowest + width * p
    held = 0.0
    found = 0.0
    for q in range(len(following)):
        held += following[q]
        arrived = min(max(reward + discount * (lowest + width * q), lowest), highest)
        found += following[q] * hat((arrived - atom) / width)
    arrived = min(max(reward, lowest), highest)
    return found + (1 - held) * hat((arrived - atom) / width) - value


ERRORS = {"self": own, "sample": partner, "imputed": shared}


@engram.rule
def mean_of(expectile: Array, tau: Array) -> Any:
    """The expectile at tau = 1/2, the mean, between the two nearest."""
    mean = expectile[0]
    for p in range(1, len(tau)):
        if tau[p - 1] < 0.5:
            part = min((0.5 - tau[p - 1]) / max(tau[p] - tau[p - 1], 1e-6), 1.0)
            mean = expectile[p - 1] + part * (expectile[p] - expectile[p - 1])
    return mean


@engram.rule
def imputed(expectile: Array, tau: Array, u: float) -> Any:
    """The quantile at u of the distribution with these expectiles; tau increases.

    With A(e) = E[(e - Z)+], an expectile has A(e) = tau (e - m) / (2 tau - 1), m the mean, and A' is the
    cumulative distribution. Between neighbours A is taken as straight: the distribution has its atoms at the
    expectiles, and one at either side that holds what is left.
    """
    mean = mean_of(expectile, tau)
    found, place = False, expectile[0]
    last, area, reached = expectile[0], 0.0, 0.0
    begun = False
    for p in range(len(tau)):
        away = 2 * tau[p] - 1
        if abs(away) > 0.02:
            now = max(tau[p] * (expectile[p] - mean) / away, 0.0)
            if begun and not found:
                width = expectile[p] - last
                slope = min(max((now - area) / width, reached), 1.0) if width > 1e-9 else reached
                if u <= slope:
                    place = last - area / max(slope, 1e-6) if reached == 0.0 else last
                    found = True
                reached = slope
            if not found:
                last, area = expectile[p], now
            begun = True
    return place if found else last + (mean - last + area) / max(1 - reached, 1e-6)
