"""Eligibility in units that fade by themselves, so that only the rows and columns of spikes are touched.

With z = s e, where s fades for all synapses of a replica at once, equation (2) of `hebbian` is

    s <- beta s,  e <- e + D / (s tau_z)                                  (4)

and e changes where a spike is. Before s becomes too small a number, e takes its place: e <- s e, s <- 1.
Weights follow (3) in the steps whose modulator is not 0, which are thought few. Nobody reads e before that,
so that spikes are kept until then, and each row of the weights comes from memory once for many steps.

In real numbers nothing differs from (2), where weights do not decay; in floating-point numbers last bits do.
"""

from __future__ import annotations

import functools
from typing import Any

import engram
from engram import Array

from .hebbian import Form, depression, potentiation, seen, weight
from .one_call import GIVEN, NUMBERS, STATE, Traces, clear_rows, follow, pass_on

LEAST = 1e-4
"""The scale at which numbers are rebased; all scales are at least this."""
_PAST = (
    "scale[b]& kept[b]& past_p[b,:,:]& past_x[b,:,:]& past_q[b,:,:]& past_y[b,:,:]& "
    "unit[b,:]& spikes[b,:]& fired[b,:,:]&"
)


@engram.rule("scale[b]& beta[b] learning[b]")
def faded(scale: float, beta: float, learning: float) -> float:
    """The scale a step later."""
    after = beta * scale if beta * scale >= LEAST else 1.0
    return after if learning != 0 else scale


@functools.cache
def event_driven_everywhere(form: Form) -> Any:
    """Return the rule that does at all synapses in each step what `event_driven` does at spikes."""

    @engram.rule(
        "w[b,i,j]& e[b,i,j]& u[b,i] p[b,i] x[b,i] q[b,j] y[b,j] low[b,i] high[b,i] a_plus[b] a_minus[b] "
        "target[b] mu[b] mask[b,i,j] m[b] eta[b] learns[b,j] leak[b] learning[b] beta[b] scale[b]"
        + " drive[b,j]+"
        * form.forward
    )
    def event_driven_everywhere(
        w: float, e: float, u: float, p: float, x: float, q: float, y: float, low: float, high: float,
        a_plus: float, a_minus: float, target: float, mu: float,
        mask: bool, m: float, eta: float, learns: float, leak: float, learning: float,
        beta: float, scale: float,
    ) -> Any:  # fmt: skip
        after = beta * scale if beta * scale >= LEAST else 1.0
        unit = 1.0 / after
        follows = e if beta * scale >= LEAST else beta * scale * e
        down = unit * depression(w, p, y, low, a_minus, mu, form.dependence)
        follows = follows - down if p != 0 else follows
        up = unit * potentiation(w, x, q, high, a_plus, target, mu, form.dependence)
        follows = follows + up if q != 0 else follows
        new = weight(w, after * follows, m, eta, learns, leak, low, high, mask, form.sparse, form.leaks)
        new = new if m != 0 and learning != 0 else w
        e = follows if learning != 0 else e
        if form.forward:
            return new, e, seen(w, mask, form.hidden) * u
        return new, e

    return event_driven_everywhere


@engram.rule
def keep_spikes(
    p: Array, x: Array, q: Array, y: Array, past_p: Array, past_x: Array, past_q: Array, past_y: Array,
    spikes: Array, fired: Array, moment: int,
) -> None:  # fmt: skip
    """Keep spikes and traces of a step, and list the units that fired."""
    for i in range(len(p)):
        past_p[moment, i] = p[i]
        past_x[moment, i] = x[i]
    found = 0
    for j in range(len(q)):
        past_q[moment, j] = q[j]
        past_y[moment, j] = y[j]
        if q[j] != 0:
            fired[moment, found] = j
            found = found + 1
    spikes[moment] = found


@engram.rule
def forget_spikes(
    past_p: Array, past_x: Array, past_q: Array, past_y: Array,
    unit: Array, spikes: Array, fired: Array, kept: int,
) -> None:  # fmt: skip
    """Clear the steps that the eligibility has followed."""
    clear_rows(past_p, kept)
    clear_rows(past_x, kept)
    clear_rows(past_q, kept)
    clear_rows(past_y, kept)
    for moment in range(kept):
        for spike in range(spikes[moment]):
            fired[moment, spike] = 0
        unit[moment] = 0.0
        spikes[moment] = 0


@engram.rule
def follow_spikes(
    w: Array, z: Array, i: int, kept: int, past_p: Array, past_x: Array, past_q: Array, past_y: Array,
    unit: Array, spikes: Array, fired: Array, low: float, high: float,
    a_plus: float, a_minus: float, target: float, mu: float, form: Any,
) -> None:  # fmt: skip
    """Equation (4) for row `i` and the steps that are kept."""
    for moment in range(kept):
        p, x, held = past_p[moment, i], past_x[moment, i], unit[moment]
        if p != 0:
            for j in range(len(past_y[0])):
                z[i, j] -= held * depression(
                    w[i, j], p, past_y[moment, j], low, a_minus, mu, form.dependence
                )  # fmt: skip
        for spike in range(spikes[moment]):
            j = fired[moment, spike]
            z[i, j] += held * potentiation(
                w[i, j], x, past_q[moment, j], high, a_plus, target, mu, form.dependence
            )  # fmt: skip


@engram.rule
def follow_modulator(
    w: Array, z: Array, mask: Array, learns: Array, i: int, m: float, scale: float, low: float, high: float,
    eta: float, leak: float, form: Any,
) -> None:  # fmt: skip
    """Equation (3) for row `i`."""
    for j in range(len(learns)):
        w[i, j] = weight(
            w[i, j], scale * z[i, j], m, eta, learns[j], leak, low, high, mask[i, j], form.sparse, form.leaks
        )


@engram.rule
def rebase_row(z: Array, i: int, scale: float) -> None:
    """Let the eligibility of row `i` take the place of what it is scaled by."""
    for j in range(len(z[0])):
        z[i, j] = scale * z[i, j]


@functools.cache
def event_driven(form: Form, traces: Traces, scale_of_sum: float, *, settles: bool = False) -> Any:
    """Return the procedure of a step.

    Args:
        form: What of the rules is chosen beforehand.
        traces: How traces follow spikes.
        scale_of_sum: Factor of the weighted sums.
        settles: Take no step, but let the eligibility follow the spikes that are kept.
    """

    @engram.rule(f"{STATE} {GIVEN} {NUMBERS} {_PAST}")
    def event_driven(
        w: Array, z: Array, x: Array, y: Array, mask: Array, learns: Array, learning: float,
        u: Array, p: Array, q: Array, m: float, drive: Array,
        low: Array, high: Array, a_plus: float, a_minus: float, target: float, mu: float,
        eta: float, leak: float, beta: float, pre_remains: float, post_remains: float,
        scale: float, kept: int, past_p: Array, past_x: Array, past_q: Array, past_y: Array,
        unit: Array, spikes: Array, fired: Array,
    ) -> None:  # fmt: skip
        if not settles:
            follow(x, p, pre_remains, traces)
            follow(y, q, post_remains, traces)
            pass_on(drive, w, mask, u, scale_of_sum, form)
        learned = learning != 0 and not settles
        if learned:
            scale = beta * scale
            if not scale >= LEAST:
                for i in range(len(p)):
                    follow_spikes(
                        w, z, i, kept, past_p, past_x, past_q, past_y, unit, spikes, fired,
                        low[i], high[i], a_plus, a_minus, target, mu, form,
                    )  # fmt: skip
                    rebase_row(z, i, scale)
                forget_spikes(past_p, past_x, past_q, past_y, unit, spikes, fired, kept)
                scale = 1.0
                kept = 0
            keep_spikes(p, x, q, y, past_p, past_x, past_q, past_y, spikes, fired, kept)
            unit[kept] = 1.0 / scale
            kept = kept + 1
        modulated = m != 0 and learned
        if settles or modulated or kept == len(unit):
            for i in range(len(p)):
                follow_spikes(
                    w, z, i, kept, past_p, past_x, past_q, past_y, unit, spikes, fired,
                    low[i], high[i], a_plus, a_minus, target, mu, form,
                )  # fmt: skip
                if modulated:
                    follow_modulator(w, z, mask, learns, i, m, scale, low[i], high[i], eta, leak, form)
            forget_spikes(past_p, past_x, past_q, past_y, unit, spikes, fired, kept)
            kept = 0

    return event_driven
