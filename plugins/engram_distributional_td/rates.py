"""Learning rates, discounts and traces of a population, for each step.

Asymmetry is tau = alpha^+ / (alpha^+ + alpha^-). Where it is given,

    alpha^+ = s tau,  alpha^- = s (1 - tau)                               (1)

with the scale s; drl_sim takes alpha^- uniform in (0, min(1, (1 - tau) / tau)) and

    alpha^+ = tau alpha^- / (1 - tau)                                     (2)

so that the scale of each predictor is random. It also raises alpha, gamma and lambda to the power dt: at
dt = 0.1 s asymmetries 0.1 to 0.9 become 0.445 to 0.555.
"""

from __future__ import annotations

from typing import Any

import attrs

from engram import Array, Context

from .spread import drawn


@attrs.frozen
class Rates:
    """What each predictor learns with, (batch, predictor) each; nominal, then for each step.

    Attributes:
        alpha_plus: Learning rate for positive errors; `alpha_minus` for negative ones.
        gamma: Discount; `lam` the trace.
        up: alpha_plus for each step; `down` alpha_minus.
        discount: gamma for each step; `decay` of the trace for each step.
    """

    alpha_plus: Array
    alpha_minus: Array
    gamma: Array
    lam: Array
    up: Array
    down: Array
    discount: Array
    decay: Array


def rates(ctx: Context, memory: Any) -> Rates:
    """Draw what the predictors differ in.

    Args:
        ctx: Of the population.
        memory: A `DistributionalTD`.
    """
    n = memory.predictors
    plus, minus = _alphas(ctx, memory, n)
    gamma, lam = (drawn(ctx, name, getattr(memory, name), n, 1) for name in ("gamma", "lam"))
    if memory.semantics == "drl_sim":
        up, down, discount, decay = (_power(x, ctx.dt) for x in (plus, minus, gamma, lam))
    else:
        up, down, discount, decay = plus, minus, gamma.copy(), gamma * lam
    factor = ctx.per_replica(memory).rate[:, None]
    return Rates(plus, minus, gamma, lam, up * factor, down * factor, discount, decay)


def _alphas(ctx: Context, memory: Any, n: int) -> tuple[Array, Array]:
    if memory.asymmetry is None:
        return (
            drawn(ctx, "alpha_plus", memory.alpha_plus, n, 1),
            drawn(ctx, "alpha_minus", memory.alpha_minus, n, 1),
        )
    tau = drawn(ctx, "asymmetry", memory.asymmetry, n, 1)
    if memory.semantics == "drl_sim":
        minus = ctx.random("alpha_minus").uniform(n) * ctx.xp.minimum((1 - tau) / tau, 1)
        return tau * minus / (1 - tau), minus
    scale = drawn(ctx, "scale", memory.scale, n)
    return scale * tau, scale * (1 - tau)


def _power(x: Array, dt: float) -> Array:
    """In double precision, then rounded, as Python's floats are."""
    return (x.astype("float64") ** dt).astype(x.dtype)


def asymmetry(plus: Array, minus: Array) -> Array:
    """Return tau of learning rates of any shape; 1/2 where nothing is learnt."""
    still = (plus + minus == 0).astype(plus.dtype)
    return (plus + 0.5 * still) / (plus + minus + still)


def in_order(ctx: Context, found: Rates) -> Rates:
    """The same predictors, asymmetry increasing."""
    tau = asymmetry(found.alpha_plus, found.alpha_minus)
    order = ctx.xp.argsort(tau, axis=1, kind="stable")
    given = attrs.asdict(found, recurse=False)
    return Rates(**{name: ctx.xp.take_along_axis(x, order, axis=1) for name, x in given.items()})
