"""Eligibility in units that fade by themselves, so that only the rows and columns of spikes are touched.

With z = s e, where s fades for all synapses of a replica at once, equation (2) of `hebbian` is

    s <- beta s,  e <- e + D / (s tau_z)                                  (4)

and e changes where a spike is. Before s becomes too small a number, e takes its place: e <- s e, s <- 1.
Weights follow (3) in the steps whose modulator is not 0, which are thought few. In real numbers nothing
differs from (2), where weights do not decay; in floating-point numbers the last bits do.
"""

from __future__ import annotations

import functools
from typing import Any

import engram
from engram import Array

from .hebbian import Form, change, seen, weight
from .one_call import GIVEN, NUMBERS, STATE, Traces, add_row, clear, follow, multiply

LEAST = 1e-4
"""The scale at which numbers are rebased; all scales are at least this."""
_ROWS = 32
"""Rows that are searched for columns at once: as many as caches hold."""


@engram.rule("scale[b]& beta[b]")
def faded(scale: float, beta: float) -> float:
    """The scale a step later."""
    return beta * scale if beta * scale >= LEAST else 1.0


@functools.cache
def event_driven_everywhere(form: Form) -> Any:
    """Return the rule that does for each synapse what `event_driven` does where a spike is."""

    @engram.rule(
        "w[b,i,j]& e[b,i,j]& u[b,i] p[b,i] x[b,i] q[b,j] y[b,j] low[b,i] high[b,i] a_plus[b] a_minus[b] "
        "target[b] mu[b] mask[b,i,j] m[b] eta[b] learns[b,j] leak[b] beta[b] scale[b]"
        + " drive[b,j]+" * form.forward
    )
    def event_driven_everywhere(
        w: float, e: float, u: float, p: float, x: float, q: float, y: float, low: float, high: float,
        a_plus: float, a_minus: float, target: float, mu: float,
        mask: bool, m: float, eta: float, learns: float, leak: float, beta: float, scale: float,
    ) -> Any:  # fmt: skip
        after = beta * scale if beta * scale >= LEAST else 1.0
        unit = 1.0 / after
        e = e if beta * scale >= LEAST else beta * scale * e
        down = change(w, p, x, 0.0, y, low, high, a_plus, a_minus, target, mu, form.dependence) * unit
        e = e + down if p != 0 else e
        up = change(w, 0.0, x, q, y, low, high, a_plus, a_minus, target, mu, form.dependence) * unit
        e = e + up if q != 0 else e
        new = weight(w, after * e, m, eta, learns, 0.0, low, high, mask, form.sparse, False)
        new = new if m != 0 else w
        if form.forward:
            return new, e, seen(w, mask, form.hidden) * u
        return new, e

    return event_driven_everywhere


@functools.cache
def event_driven(form: Form, traces: Traces, scale_of_sum: float) -> Any:
    """Return the procedure of a step that touches weights where spikes are, and all where m is not 0.

    Args:
        form: What of the rules is chosen beforehand.
        traces: How traces follow spikes.
        scale_of_sum: Factor of the weighted sums.
    """

    @engram.rule(f"{STATE} {GIVEN} {NUMBERS} scale[b]&")
    def event_driven(
        w: Array, z: Array, x: Array, y: Array, mask: Array, learns: Array,
        u: Array, p: Array, q: Array, m: float, drive: Array,
        low: Array, high: Array, a_plus: float, a_minus: float, target: float, mu: float,
        eta: float, leak: float, beta: float, pre_remains: float, post_remains: float, scale: float,
    ) -> None:  # fmt: skip
        follow(x, p, pre_remains, traces)
        follow(y, q, post_remains, traces)
        clear(drive)
        if form.forward:
            for i in range(len(p)):
                add_row(drive, w, mask, i, u[i], form.hidden)
        multiply(drive, scale_of_sum)
        scale = beta * scale
        if not scale >= LEAST:
            for i in range(len(p)):
                for j in range(len(q)):
                    z[i, j] = scale * z[i, j]
            scale = 1.0
        unit = 1.0 / scale
        for i in range(len(p)):
            if p[i] != 0:
                spike, past, least, most = p[i], x[i], low[i], high[i]
                for j in range(len(q)):
                    z[i, j] += unit * change(
                        w[i, j], spike, past, 0.0, y[j], least, most,
                        a_plus, a_minus, target, mu, form.dependence,
                    )  # fmt: skip
        for block in range(len(p) // _ROWS + 1):
            for j in range(len(q)):
                if q[j] != 0:
                    for row in range(_ROWS):
                        i = block * _ROWS + row
                        if i < len(p):
                            z[i, j] += unit * change(
                                w[i, j], 0.0, x[i], q[j], y[j], low[i], high[i],
                                a_plus, a_minus, target, mu, form.dependence,
                            )  # fmt: skip
        if m != 0:
            for i in range(len(p)):
                least, most = low[i], high[i]
                for j in range(len(q)):
                    w[i, j] = weight(
                        w[i, j], scale * z[i, j], m, eta, learns[j], 0.0, least, most, mask[i, j],
                        form.sparse, False,
                    )  # fmt: skip

    return event_driven
