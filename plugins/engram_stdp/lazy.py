"""Rows of weights that are brought up to date when they are read, step by step, from what the spikes were.

A row is read when a spike arrives at it. Until then its weights are left as they are, and what decides over
them is kept: spikes, traces and modulator of the last steps. The steps are then taken one after the other, so
that every bit is that of `dense`; a row comes from memory once for many steps.
"""

from __future__ import annotations

import functools
from typing import Any

import engram
from engram import Array

from .hebbian import Form
from .one_call import GIVEN, NUMBERS, STATE, Traces, add_row, change_row, clear, clear_rows, follow, multiply

_PAST = (
    "taken[b,:]& kept[b]& past_p[b,:,:]& past_x[b,:,:]& past_q[b,:,:]& past_y[b,:,:]& "
    "past_m[b,:]& past_learning[b,:]& past_learns[b,:,:]&"
)


@engram.rule
def catch_up(
    w: Array, z: Array, mask: Array, i: int, taken: Array, kept: int, past_p: Array, past_x: Array,
    past_q: Array, past_y: Array, past_m: Array, past_learning: Array, past_learns: Array,
    low: Array, high: Array, a_plus: float, a_minus: float, target: float, mu: float,
    eta: float, leak: float, beta: float, form: Any,
) -> None:  # fmt: skip
    """Take the steps that row `i` has not taken."""
    for moment in range(len(past_m)):
        if taken[i] <= moment and moment < kept and past_learning[moment] != 0:
            change_row(
                w, z, mask, past_learns[moment], i, past_p[moment, i], past_x[moment, i],
                past_q[moment], past_y[moment], past_m[moment], low[i], high[i],
                a_plus, a_minus, target, mu, eta, leak, beta, form,
            )  # fmt: skip
    taken[i] = kept


@engram.rule
def keep(
    p: Array, x: Array, q: Array, y: Array, learns: Array,
    past_p: Array, past_x: Array, past_q: Array, past_y: Array, past_learns: Array, moment: int,
) -> None:  # fmt: skip
    """Keep spikes and traces of a step, and who learns."""
    for i in range(len(p)):
        past_p[moment, i] = p[i]
        past_x[moment, i] = x[i]
    for j in range(len(q)):
        past_q[moment, j] = q[j]
        past_y[moment, j] = y[j]
        past_learns[moment, j] = learns[j]


@engram.rule
def forget(
    past_p: Array, past_x: Array, past_q: Array, past_y: Array, past_m: Array, past_learning: Array,
    past_learns: Array, kept: int,
) -> None:  # fmt: skip
    """Clear the steps that all rows have taken."""
    clear_rows(past_p, kept)
    clear_rows(past_x, kept)
    clear_rows(past_q, kept)
    clear_rows(past_y, kept)
    clear_rows(past_learns, kept)
    for moment in range(kept):
        past_m[moment] = 0.0
        past_learning[moment] = 0.0


@functools.cache
def lazy(form: Form, traces: Traces, scale: float, *, settles: bool = False) -> Any:
    """Return the procedure of a step.

    Args:
        form: What of the rules is chosen beforehand.
        traces: How traces follow spikes.
        scale: Factor of the weighted sums.
        settles: Take no step, but bring all rows up to date.
    """

    @engram.rule(f"{STATE} {GIVEN} {NUMBERS} {_PAST}")
    def lazy(
        w: Array, z: Array, x: Array, y: Array, mask: Array, learns: Array, learning: float,
        u: Array, p: Array, q: Array, m: float, drive: Array,
        low: Array, high: Array, a_plus: float, a_minus: float, target: float, mu: float,
        eta: float, leak: float, beta: float, pre_remains: float, post_remains: float,
        taken: Array, kept: int, past_p: Array, past_x: Array, past_q: Array, past_y: Array, past_m: Array,
        past_learning: Array, past_learns: Array,
    ) -> None:  # fmt: skip
        if not settles:
            follow(x, p, pre_remains, traces)
            follow(y, q, post_remains, traces)
            clear(drive)
            for i in range(len(p)):
                if form.forward and u[i] != 0:
                    catch_up(
                        w, z, mask, i, taken, kept, past_p, past_x, past_q, past_y, past_m,
                        past_learning, past_learns, low, high, a_plus, a_minus, target, mu,
                        eta, leak, beta, form,
                    )  # fmt: skip
                    add_row(drive, w, mask, i, u[i], form.hidden)
            multiply(drive, scale)
            keep(p, x, q, y, learns, past_p, past_x, past_q, past_y, past_learns, kept)
            past_m[kept] = m
            past_learning[kept] = learning
            kept = kept + 1
        if settles or kept == len(past_m):
            for i in range(len(p)):
                catch_up(
                    w, z, mask, i, taken, kept, past_p, past_x, past_q, past_y, past_m,
                    past_learning, past_learns, low, high, a_plus, a_minus, target, mu, eta, leak, beta, form,
                )  # fmt: skip
                taken[i] = 0
            forget(past_p, past_x, past_q, past_y, past_m, past_learning, past_learns, kept)
            kept = 0

    return lazy
