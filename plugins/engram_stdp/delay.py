"""Axonal delays: each input unit reaches the weights a whole number of steps later."""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Context


@engram.rule("history[b,d,n,i]& x[b,n,i] cursor[b] place[d] lag[b,i] delayed[b,n,i]+; longest")
def delayed(
    history: float, x: float, cursor: int, place: int, lag: int, longest: float
) -> tuple[float, float]:
    """Read the input of `lag` steps ago from a ring of `longest` steps, then put this one in its place."""
    steps = int(longest)
    then = history if place == (cursor - lag + steps) % steps else 0.0
    return (x if place == cursor else history), then


def lags(ctx: Context, given: int | tuple[int, ...], n_pre: int) -> Array:
    """Return (batch, n_pre) int32 steps: those listed, or drawn from 1 to `given`; 0 without delays.

    Args:
        ctx: Of the synapse; the stream "delays" is drawn from.
        given: What the recipe says.
        n_pre: Presynaptic units.

    Raises:
        RecipeError: The list is not as long as there are units, or holds a 0.
    """
    if isinstance(given, tuple):
        if len(given) != n_pre:
            raise engram.RecipeError(
                f"{ctx.path}.delay_steps: lists {len(given)} delays for {n_pre} inputs; give one each"
            )
        if 0 in given:
            raise engram.RecipeError(
                f"{ctx.path}.delay_steps: a listed delay is 1 or more; leave them out for no delay"
            )
        return ctx.array(given, dtype="int32")
    if not given:
        return ctx.zeros(n_pre, dtype="int32")
    return (1 + ctx.random("delays").integers(given, n_pre)).astype("int32")


def after_delay(state: Any, pre: Array) -> Array:
    """Return the input that reaches the weights now, (batch, sample, pre), and take in the present one."""
    longest = state.history.shape[1]
    if not longest:
        return pre
    out = engram.array_module(pre).zeros_like(pre, dtype=state.w.dtype)
    delayed(state.history, pre, state.cursor, state.place, state.lag, out, float(longest))
    state.cursor[...] = (state.cursor + 1) % longest
    return out
