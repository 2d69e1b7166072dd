"""A step of a connection in one call: traces, weighted sum, and change of all weights, row after row."""

from __future__ import annotations

import functools
from typing import Any

import attrs

import engram
from engram import Array

from .hebbian import Form, change, seen, weight
from .trace import TRACES

STATE = "w[b,:,:]& z[b,:,:]& x[b,:]& y[b,:]& mask[b,:,:] learns[b,:]"
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
            trace[unit] = TRACES[traces.kind](
                trace[unit], spikes[unit], remains, traces.step, traces.nearest
            )


@engram.rule
def add_row(drive: Array, w: Array, mask: Array, i: int, arriving: float, hidden: bool) -> None:
    """Add what arrives at input `i` to the weighted sums."""
    for j in range(len(drive)):
        drive[j] += arriving * seen(w[i, j], mask[i, j], hidden)


@functools.cache
def dense(form: Form, traces: Traces, waits: bool) -> Any:
    """Return the procedure of a step, with the bits of the rules of `hebbian` and `trace`.

    Args:
        form: What of the rules is chosen beforehand.
        traces: How traces follow spikes.
        waits: Whether changes wait in the eligibility.
    """

    @engram.rule(f"{STATE} {GIVEN} {NUMBERS}")
    def dense(
        w: Array, z: Array, x: Array, y: Array, mask: Array, learns: Array,
        u: Array, p: Array, q: Array, m: float, drive: Array,
        low: Array, high: Array, a_plus: float, a_minus: float, target: float, mu: float,
        eta: float, leak: float, beta: float, pre_remains: float, post_remains: float,
    ) -> None:  # fmt: skip
        follow(x, p, pre_remains, traces)
        follow(y, q, post_remains, traces)
        for j in range(len(q)):
            drive[j] = 0.0
        for i in range(len(p)):
            # A product with 0 changes no sum.
            if u[i] != 0:
                add_row(drive, w, mask, i, u[i], form.hidden)
            spike, past, least, most = p[i], x[i], low[i], high[i]
            for j in range(len(q)):
                d = change(
                    w[i, j], spike, past, q[j], y[j], least, most,
                    a_plus, a_minus, target, mu, form.dependence,
                )  # fmt: skip
                acting = d
                if waits:
                    after = beta * z[i, j] + d
                    acting = z[i, j] if form.lagged else after
                    z[i, j] = after
                w[i, j] = weight(
                    w[i, j], acting, m, eta, learns[j], leak, least, most, mask[i, j], form.sparse, form.leaks
                )  # fmt: skip

    return dense


class OneCall:
    """The steps of one state, each one call.

    Args:
        synapse: Says which procedure.
        state: Whose arrays are taken; where they lie in memory is known from then on.
        procedure: As `dense`.
        more: Further arrays of the procedure.
    """

    def __init__(self, synapse: Any, state: Any, procedure: Any, *more: Array) -> None:
        xp, (batch, n_pre, n_post) = engram.array_module(state.w), state.w.shape
        zeros = functools.partial(xp.zeros, dtype=state.w.dtype)
        self._arrays = [getattr(state, name) for name in _FIELDS]
        self._pre, self._post, self._modulator = zeros((batch, n_pre)), zeros((batch, n_post)), zeros(batch)
        self._drive = zeros((batch, n_post))
        self._arriving = zeros((batch, n_pre)) if state.history.shape[1] else self._pre
        eligibility = state.z if synapse.waits else zeros((batch, 0, 0))
        beta = state.beta if synapse.waits else state.one
        self._call = procedure.bind(
            state.w, eligibility, state.pre_trace[:, 0], state.post_trace[:, 0], state.mask, state.learns,
            self._arriving, self._pre, self._post, self._modulator, self._drive,
            *state.change, state.eta, state.leak, beta, *state.remains, *more,
        )  # fmt: skip

    def holds(self, state: Any) -> bool:
        """Whether the arrays are still those of the state."""
        return all(array is getattr(state, name) for array, name in zip(self._arrays, _FIELDS, strict=True))

    def __call__(self, arriving: Array, pre: Array, post: Array, modulator: Array) -> Array:
        """Take a step; returns (batch, post), the weighted sum of what arrives."""
        if self._arriving is not self._pre:
            self._arriving[...] = arriving
        self._pre[...] = pre
        self._post[...] = post
        self._modulator[...] = modulator
        self._call()
        return self._drive


_FIELDS = ("w", "pre_trace", "post_trace", "mask", "learns")
