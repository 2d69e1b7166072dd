"""Traces, weighted sum and change of the weights of one replica, one row of the weights after the other."""

from __future__ import annotations

import functools
from typing import Any

import engram

from .hebbian import Form, change, seen, weight
from .trace import TRACES

A_PLUS, A_MINUS, TARGET, EXPONENT, ETA, LEAK, BETA, GAIN, PRE_REMAINS, POST_REMAINS = range(10)
"""Places in `numbers`."""


@functools.cache
def one_call(form: Form, trace: str, step: float, nearest: float, waits: bool) -> Any:
    """Return the procedure that does what `TRACES`, `forward` and `direct` or `eligible` do, to the same bits."""
    kept = trace != "given"
    after_spike = TRACES[trace] if kept else None

    @engram.rule(
        "w[b,:,:]& z[b,:,:]& x[b,:]& y[b,:]& u[b,:] p[b,:] q[b,:] m[b] mask[b,:,:] learns[b,:] "
        "low[b,:] high[b,:] numbers[b,:] drive[b,:]&"
    )
    def one_call(w, z, x, y, u, p, q, m, mask, learns, low, high, numbers, drive):
        if kept:
            for i in range(len(p)):
                x[i] = after_spike(x[i], p[i], numbers[PRE_REMAINS], step, nearest)
            for j in range(len(q)):
                y[j] = after_spike(y[j], q[j], numbers[POST_REMAINS], step, nearest)
        for j in range(len(q)):
            drive[j] = 0.0
        a_plus, a_minus, target = numbers[A_PLUS], numbers[A_MINUS], numbers[TARGET]
        mu, eta, leak, beta, gain = numbers[EXPONENT], numbers[ETA], numbers[LEAK], numbers[BETA], numbers[GAIN]
        for i in range(len(p)):
            arriving, spike, past, least, most = u[i], p[i], x[i], low[i], high[i]
            if arriving != 0:
                for j in range(len(q)):
                    drive[j] += arriving * seen(w[i, j], mask[i, j], form.hidden)
            for j in range(len(q)):
                d = change(w[i, j], spike, past, q[j], y[j], least, most, a_plus, a_minus, target, mu, form.dependence)
                if waits:
                    after = beta * z[i, j] + gain * d
                    acting = z[i, j] if form.lagged else after
                    z[i, j] = after
                else:
                    acting = d
                w[i, j] = weight(w[i, j], acting, m, eta, learns[j], leak, least, most, mask[i, j], form.sparse)

    return one_call
