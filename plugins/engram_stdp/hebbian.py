"""Three-factor learning: what spikes make of a weight, what the modulator makes of that.

Of a pair of units, p and x are spike and trace of the presynaptic one, q and y of the postsynaptic one:

    D = A+ (x - x0) q f+(w) - A- p y f-(w)                                (1)
    z <- beta z + D / tau_z                                               (2)
    w <- clip(w + eta m z - w / tau_w)                                    (3)

where A+ and A- are divided by tau_z beforehand.

Florian 2007, Neural Computation 19:1468, takes them in this order, the modulator m being the reward that
follows the spikes; ngclearn 3.2 takes (3) before (2), so that spikes reach the weight one call later. Without
(2) it is M-STDP, z = D. f+ and f- are 1, or powers of the distance to the bounds (Guetig et al. 2003, Journal
of Neuroscience 23:3697). Where nothing may be learnt, w and z stay as they are.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, TypeAlias

import attrs

import engram
from engram import exact

Dependence: TypeAlias = Literal["additive", "multiplicative", "power"]
_PAIR = "u[b,i] p[b,i] x[b,i] q[b,j] y[b,j]"
_SAMPLES = "p[b,n,i] x[b,n,i] q[b,n,j] y[b,n,j]"
_CHANGE = "low[b,i] high[b,i] a_plus[b] a_minus[b] target[b] mu[b]"
_WEIGHT = "mask[b,i,j] m[b] eta[b] learns[b,j] leak[b] learning[b]"


@attrs.frozen
class Form:
    """What of the rules is chosen beforehand.

    Attributes:
        dependence: How a change depends on the weight.
        lagged: Take (3) before (2), as ngclearn does.
        sparse: Weights outside the mask stay 0.
        forward: Sum the weighted input, too, from the weights as they were.
        hidden: The mask hides weights from the sum only, as ngclearn's does.
        leaks: Weights decay.
        waits: Changes wait in the eligibility.
    """

    dependence: Dependence
    lagged: bool = False
    sparse: bool = False
    forward: bool = False
    hidden: bool = False
    leaks: bool = False
    waits: bool = False


@engram.rule
def potentiation(
    w: float, x: float, q: float, high: float, a_plus: float, target: float, mu: float, dependence: str
) -> Any:
    """What a postsynaptic spike makes of a weight, the first half of equation (1)."""
    up = a_plus * (x - target) * q
    if dependence == "multiplicative":
        return up * (high - w)
    if dependence == "power":
        # A weight may lie outside: one that does not exist is 0, wherever the bounds are.
        return up * exact.power(max(high - w, 0.0), mu)
    return up


@engram.rule
def depression(w: float, p: float, y: float, low: float, a_minus: float, mu: float, dependence: str) -> Any:
    """What a presynaptic spike takes of a weight, the second half of equation (1)."""
    down = a_minus * p * y
    if dependence == "multiplicative":
        return down * (w - low)
    if dependence == "power":
        return down * exact.power(max(w - low, 0.0), mu)
    return down


@engram.rule
def change(
    w: float, p: float, x: float, q: float, y: float, low: float, high: float,
    a_plus: float, a_minus: float, target: float, mu: float, dependence: str,
) -> Any:  # fmt: skip
    """Equation (1)."""
    up = potentiation(w, x, q, high, a_plus, target, mu, dependence)
    return up - depression(w, p, y, low, a_minus, mu, dependence)


@engram.rule
def weight(
    w: float, z: float, m: float, eta: float, learns: float, leak: float,
    low: float, high: float, mask: bool, sparse: bool, leaks: bool,
) -> float:  # fmt: skip
    """Equation (3)."""
    new = w + eta * m * learns * z
    if leaks:
        new = new - leak * w
    # In this order nan stays, with one instruction of a processor each.
    new = low if low > new else new
    new = high if high < new else new
    if sparse:
        new = new if mask else 0.0
    if not leaks:
        # Else as it is but for the sign of 0; so that steps without a modulator need not touch the weights.
        new = new if m != 0 else w
    return new


@engram.rule
def seen(w: float, mask: bool, hidden: bool) -> float:
    """The weight that the forward sum sees."""
    if hidden:
        return w if mask else 0.0
    return w


@functools.cache
def direct(form: Form) -> Any:
    """Return the rule that takes (1) and (3) in one pass over the weights; `u` is what the sum weights."""

    @engram.rule(f"w[b,i,j]& {_PAIR} {_CHANGE} {_WEIGHT}" + " drive[b,j]+" * form.forward)
    def direct(
        w: float, u: float, p: float, x: float, q: float, y: float, low: float, high: float,
        a_plus: float, a_minus: float, target: float, mu: float,
        mask: bool, m: float, eta: float, learns: float, leak: float, learning: float,
    ) -> Any:  # fmt: skip
        d = change(w, p, x, q, y, low, high, a_plus, a_minus, target, mu, form.dependence)
        new = weight(w, d, m, eta, learns, leak, low, high, mask, form.sparse, form.leaks)
        new = new if learning != 0 else w
        if form.forward:
            return new, seen(w, mask, form.hidden) * u
        return new

    return direct


@functools.cache
def eligible(form: Form) -> Any:
    """Return the rule that takes (1) to (3) in one pass over weights and eligibility; D is never stored."""

    @engram.rule(f"w[b,i,j]& z[b,i,j]& {_PAIR} {_CHANGE} {_WEIGHT} beta[b]" + " drive[b,j]+" * form.forward)
    def eligible(
        w: float, z: float, u: float, p: float, x: float, q: float, y: float, low: float, high: float,
        a_plus: float, a_minus: float, target: float, mu: float,
        mask: bool, m: float, eta: float, learns: float, leak: float, learning: float, beta: float,
    ) -> Any:  # fmt: skip
        d = change(w, p, x, q, y, low, high, a_plus, a_minus, target, mu, form.dependence)
        after = beta * z + d
        acting = z if form.lagged else after
        new = weight(w, acting, m, eta, learns, leak, low, high, mask, form.sparse, form.leaks)
        new, after = (new, after) if learning != 0 else (w, z)
        if form.forward:
            return new, after, seen(w, mask, form.hidden) * u
        return new, after

    return eligible


@functools.cache
def summed(form: Form) -> Any:
    """Return the rule that sums (1) over samples into `d`."""

    @engram.rule(f"{_SAMPLES} w[b,i,j] {_CHANGE} d[b,i,j]+")
    def summed(
        p: float, x: float, q: float, y: float, w: float, low: float, high: float,
        a_plus: float, a_minus: float, target: float, mu: float,
    ) -> Any:  # fmt: skip
        return change(w, p, x, q, y, low, high, a_plus, a_minus, target, mu, form.dependence)

    return summed


@functools.cache
def direct_of_sum(form: Form) -> Any:
    """Return the rule that takes (3) with a change that is summed already."""

    @engram.rule(f"w[b,i,j]& d[b,i,j] low[b,i] high[b,i] {_WEIGHT}")
    def direct_of_sum(
        w: float, d: float, low: float, high: float,
        mask: bool, m: float, eta: float, learns: float, leak: float, learning: float,
    ) -> Any:  # fmt: skip
        new = weight(w, d, m, eta, learns, leak, low, high, mask, form.sparse, form.leaks)
        return new if learning != 0 else w

    return direct_of_sum


@functools.cache
def eligible_of_sum(form: Form) -> Any:
    """Return the rule that takes (2) and (3) with a change that is summed already."""

    @engram.rule(f"w[b,i,j]& z[b,i,j]& d[b,i,j] low[b,i] high[b,i] {_WEIGHT} beta[b]")
    def eligible_of_sum(
        w: float, z: float, d: float, low: float, high: float,
        mask: bool, m: float, eta: float, learns: float, leak: float, learning: float, beta: float,
    ) -> Any:  # fmt: skip
        after = beta * z + d
        acting = z if form.lagged else after
        new = weight(w, acting, m, eta, learns, leak, low, high, mask, form.sparse, form.leaks)
        return (new, after) if learning != 0 else (w, z)

    return eligible_of_sum
