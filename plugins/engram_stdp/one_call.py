"""A step of a connection in one call: traces, weighted sum, and change of all weights, row after row."""

from __future__ import annotations

import functools
from typing import Any

import attrs

import engram
from engram import Array

from .hebbian import Form, change, seen, weight
from .trace import TRACES

STATE = "w[b,:,:]& z[b,:,:]& x[b,:]& y[b,:]& mask[b,:,:] learns[b,:] learning[b]"
GIVEN = "u[b,:] p[b,:] q[b,:] m[b] drive[b,:]&"
NUMBERS = (
    "low[b,:] high[b,:] a_plus[b] a_minus[b] target[b] mu[b] eta[b] leak[b] beta[b] "
    "pre_remains[b] post_remains[b]"
)


@attrs.frozen
class Traces:
    """How traces follow spikes; see `engram_stdp.trace`."""

    kind: str
    step: float
    nearest: float


@engram.rule
def follow(trace: Array, spikes: Array, remains: float, traces: Any) -> None:
    """Let traces follow spikes, unless they are given."""
    if traces.kind != "given":
        for unit in range(len(trace)):
            trace[unit] = TRACES[traces.kind](trace[unit], spikes[unit], remains, traces.step, traces.nearest)


@engram.rule
def add_row(drive: Array, w: Array, mask: Array, i: int, arriving: float, hidden: bool) -> None:
    """Add what arrives at input `i` to the weighted sums."""
    # A product with 0 changes no sum.
    if arriving != 0:
        for j in range(len(drive)):
            drive[j] += arriving * seen(w[i, j], mask[i, j], hidden)


@engram.rule
def pass_on(drive: Array, w: Array, mask: Array, u: Array, scale: float, form: Any) -> None:
    """Sum what arrives, where the form says so."""
    clear(drive)
    if form.forward:
        for i in range(len(u)):
            add_row(drive, w, mask, i, u[i], form.hidden)
    multiply(drive, scale)


@engram.rule
def change_one(
    w: Array, z: Array, mask: Array, learns: Array, i: int, j: int, p: float, x: float, q: Array, y: Array,
    m: float, low: float, high: float, a_plus: float, a_minus: float, target: float, mu: float,
    eta: float, leak: float, beta: float, form: Any, still: bool,
) -> None:  # fmt: skip
    """Equations (1) to (3) of `hebbian` for one weight; `still` without (3)."""
    d = change(w[i, j], p, x, q[j], y[j], low, high, a_plus, a_minus, target, mu, form.dependence)
    acting = d
    if form.waits:
        after = beta * z[i, j] + d
        acting = z[i, j] if form.lagged else after
        z[i, j] = after
    if not still:
        w[i, j] = weight(
            w[i, j], acting, m, eta, learns[j], leak, low, high, mask[i, j], form.sparse, form.leaks
        )  # fmt: skip


@engram.rule
def change_row(
    w: Array, z: Array, mask: Array, learns: Array, i: int, p: float, x: float, q: Array, y: Array, m: float,
    low: float, high: float, a_plus: float, a_minus: float, target: float, mu: float,
    eta: float, leak: float, beta: float, form: Any,
) -> None:  # fmt: skip
    """Equations (1) to (3) for the weights from input `i`; without a modulator these stay where they are."""
    if form.leaks or m != 0:
        for j in range(len(q)):
            change_one(
                w, z, mask, learns, i, j, p, x, q, y, m, low, high, a_plus, a_minus, target, mu,
                eta, leak, beta, form, False,
            )  # fmt: skip
    elif form.waits:
        for j in range(len(q)):
            change_one(
                w, z, mask, learns, i, j, p, x, q, y, m, low, high, a_plus, a_minus, target, mu,
                eta, leak, beta, form, True,
            )  # fmt: skip


@functools.cache
def dense(form: Form, traces: Traces, scale: float) -> Any:
    """Return the procedure of a step, with the bits of the rules of `hebbian` and `trace`.

    Args:
        form: What of the rules is chosen beforehand; inputs are summed where it has `forward`.
        traces: How traces follow spikes.
        scale: Factor of the weighted sums.
    """

    @engram.rule(f"{STATE} {GIVEN} {NUMBERS}")
    def dense(
        w: Array, z: Array, x: Array, y: Array, mask: Array, learns: Array, learning: float,
        u: Array, p: Array, q: Array, m: float, drive: Array,
        low: Array, high: Array, a_plus: float, a_minus: float, target: float, mu: float,
        eta: float, leak: float, beta: float, pre_remains: float, post_remains: float,
    ) -> None:  # fmt: skip
        follow(x, p, pre_remains, traces)
        follow(y, q, post_remains, traces)
        clear(drive)
        for i in range(len(p)):
            if form.forward:
                add_row(drive, w, mask, i, u[i], form.hidden)
            if learning != 0 and len(q) > 1:
                change_row(
                    w, z, mask, learns, i, p[i], x[i], q, y, m, low[i], high[i],
                    a_plus, a_minus, target, mu, eta, leak, beta, form,
                )  # fmt: skip
        # The weights onto a single unit are one row.
        if learning != 0 and len(q) == 1:
            for i in range(len(p)):
                change_one(
                    w, z, mask, learns, i, 0, p[i], x[i], q, y, m, low[i], high[i],
                    a_plus, a_minus, target, mu, eta, leak, beta, form, False,
                )  # fmt: skip
        multiply(drive, scale)

    return dense


@engram.rule
def clear(drive: Array) -> None:
    """Begin sums."""
    for j in range(len(drive)):
        drive[j] = 0.0


@engram.rule
def clear_rows(rows: Array, n: int) -> None:
    """Forget the first rows, so that what a run leaves does not tell when it was settled."""
    for row in range(n):
        clear(rows[row])


@engram.rule
def multiply(drive: Array, scale: float) -> None:
    """Scale sums."""
    for j in range(len(drive)):
        drive[j] = drive[j] * scale
