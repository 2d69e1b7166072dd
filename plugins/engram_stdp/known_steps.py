"""Many steps whose spikes are known beforehand: a row of the weights takes them all before the next row."""

from __future__ import annotations

import functools
from typing import Any

import engram
from engram import Array

from .hebbian import Form
from .one_call import NUMBERS, STATE, Traces, add_row, change_row, clear, follow, multiply

STEPS = 32
"""Steps of one call."""
_GIVEN = "p[b,:,:] q[b,:,:] m[b,:] drive[b,:,:]& past_x[b,:,:]& past_y[b,:,:]&"


@functools.cache
def known_steps(form: Form, traces: Traces, scale: float) -> Any:
    """Return the procedure of many steps, with the bits of as many calls of `dense`.

    Args:
        form: What of the rules is chosen beforehand.
        traces: How traces follow spikes.
        scale: Factor of the weighted sums.
    """

    @engram.rule(f"{STATE} {_GIVEN} {NUMBERS}")
    def known_steps(
        w: Array, z: Array, x: Array, y: Array, mask: Array, learns: Array, learning: float,
        p: Array, q: Array, m: Array, drive: Array, past_x: Array, past_y: Array,
        low: Array, high: Array, a_plus: float, a_minus: float, target: float, mu: float,
        eta: float, leak: float, beta: float, pre_remains: float, post_remains: float,
    ) -> None:  # fmt: skip
        for step in range(len(m)):
            follow(x, p[step], pre_remains, traces)
            follow(y, q[step], post_remains, traces)
            for i in range(len(x)):
                past_x[step, i] = x[i]
            for j in range(len(y)):
                past_y[step, j] = y[j]
            clear(drive[step])
        for i in range(len(x)):
            for step in range(len(m)):
                add_row(drive[step], w, mask, i, p[step, i], form.hidden)
                if learning != 0:
                    change_row(
                        w, z, mask, learns, i, p[step, i], past_x[step, i], q[step], past_y[step], m[step],
                        low[i], high[i], a_plus, a_minus, target, mu, eta, leak, beta, form,
                    )  # fmt: skip
        for step in range(len(m)):
            multiply(drive[step], scale)

    return known_steps
