"""How weights begin: a distribution, and which entries of the matrix are kept.

The initialisers of ngclearn 3.2, with its mistakes put right: the log-normal one works, rows can be kept in
matrices that are not square, and both fan-in ones take the number of presynaptic units.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import engram
from engram import Array, Context, exact


@engram.parameters
class Initialiser:
    """A distribution of initial weights."""

    distribution: Literal[
        "constant", "uniform", "normal", "log-normal", "diagonal", "fan-in-uniform", "fan-in-normal"
    ] = engram.param(default="uniform", doc="what each weight is drawn from")
    value: float = engram.param(
        default=1.0, gt=-math.inf, lt=math.inf, doc="of constant, and of the diagonal where it is diagonal"
    )
    elsewhere: float = engram.param(
        default=0.0, gt=-math.inf, lt=math.inf, doc="of what lies off the diagonal"
    )
    low: float = engram.param(default=0.025, doc="lower end of uniform")
    high: float = engram.param(default=0.8, doc="upper end of uniform")
    mean: float = engram.param(
        default=0.0, gt=-math.inf, lt=math.inf, doc="of normal; of the logarithm where it is log-normal"
    )
    deviation: float = engram.param(
        default=1.0, ge=0, lt=math.inf, symbol="sigma", doc="standard deviation of normal and log-normal"
    )
    smallest: float | None = engram.param(default=None, symbol="amin", doc="what is less is set to this")
    largest: float | None = engram.param(default=None, symbol="amax", doc="what is more is set to this")
    triangle: Literal["lower", "upper"] | None = engram.param(
        default=None, doc="keep this triangle and the diagonal; the rest is 0"
    )
    diagonal: Literal["kept", "none", "only"] = engram.param(
        default="kept", symbol="hollow, eye", doc="none: the diagonal is 0; only: all else is 0"
    )
    rows: int | tuple[int, ...] | None = engram.param(
        default=None, ge=0, symbol="row_mask", doc="keep so many inputs, drawn, or those listed; others are 0"
    )
    columns: int | tuple[int, ...] | None = engram.param(
        default=None, ge=0, symbol="col_mask", doc="keep so many outputs, drawn, or those listed"
    )
    zeros: tuple[tuple[int, int], ...] = engram.param(
        default=(), doc="pairs [input, output] whose weight begins at 0"
    )

    def check(self) -> None:
        """Ends are in order."""
        if self.distribution == "uniform" and not -math.inf < self.low <= self.high < math.inf:
            raise ValueError(f"low = {self.low:g} must be at most high = {self.high:g}, both finite")
        if self.smallest is not None and self.largest is not None and self.smallest > self.largest:
            raise ValueError(f"smallest = {self.smallest:g} must be at most largest = {self.largest:g}")

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest weight that are drawn, nan where the distribution has no ends."""
        least, greatest = {
            "constant": (self.value, self.value),
            "uniform": (self.low, self.high),
            "diagonal": (min(self.value, self.elsewhere), max(self.value, self.elsewhere)),
        }.get(self.distribution, (-math.inf, math.inf))
        smallest = -math.inf if self.smallest is None else self.smallest
        largest = math.inf if self.largest is None else self.largest
        ends = (min(max(end, smallest), largest) for end in (least, greatest))
        least, greatest = (end if math.isfinite(end) else math.nan for end in ends)
        return least, greatest


def drawn(ctx: Context, given: Initialiser, n_pre: int, n_post: int) -> Array:
    """Return initial weights.

    Args:
        ctx: Of the synapse; its stream "weights" is drawn from, and "rows" and "columns" where some are kept.
        given: What the recipe says.
        n_pre: Presynaptic units, the rows.
        n_post: Postsynaptic units, the columns.

    Returns:
        (batch, n_pre, n_post).

    Raises:
        RecipeError: A row, column or pair is listed that is none.
    """
    xp = ctx.xp
    w = _drawn(ctx, given, n_pre, n_post)
    if given.smallest is not None or given.largest is not None:
        w = xp.clip(w, given.smallest, given.largest)
    row, column = xp.arange(n_pre)[:, None], xp.arange(n_post)
    keep = {"lower": column <= row, "upper": column >= row}.get(given.triangle or "", row == row)
    keep = keep & {"kept": row == row, "none": row != column, "only": row == column}[given.diagonal]
    w = w * keep
    if given.rows is not None:
        w = w * _kept(ctx, "rows", given.rows, n_pre)[:, :, None]
    if given.columns is not None:
        w = w * _kept(ctx, "columns", given.columns, n_post)[:, None, :]
    for pre, post in given.zeros:
        if not (0 <= pre < n_pre and 0 <= post < n_post):
            raise engram.RecipeError(
                f"{ctx.path}.initial.zeros: [{pre}, {post}] is no pair of {n_pre} inputs and {n_post} outputs"
            )
        w = w * ((row != pre) | (column != post))
    return w


def _drawn(ctx: Context, given: Initialiser, n_pre: int, n_post: int) -> Array:
    kind, shape, near = given.distribution, (n_pre, n_post), 1 / math.sqrt(max(n_pre, 1))
    if kind == "constant":
        return ctx.zeros(*shape) + given.value
    if kind == "diagonal":
        same = ctx.xp.arange(n_pre)[:, None] == ctx.xp.arange(n_post)
        return ctx.zeros(*shape) + ctx.xp.where(same, given.value, given.elsewhere)
    stream = ctx.random("weights")
    if kind in ("uniform", "fan-in-uniform"):
        low, high = (given.low, given.high) if kind == "uniform" else (-near, near)
        return low + (high - low) * stream.uniform(*shape)
    mean, deviation = (0.0, near) if kind == "fan-in-normal" else (given.mean, given.deviation)
    normal = mean + deviation * stream.normal(*shape)
    return exact.exp(normal) if kind == "log-normal" else normal


def _kept(ctx: Context, name: str, wanted: int | tuple[int, ...], n: int) -> Any:
    """Return (batch, n) bool, True where a row or a column is kept."""
    if isinstance(wanted, int):
        return ctx.random(name).uniform(n).argsort(axis=1).argsort(axis=1) < wanted
    if strange := [index for index in wanted if index >= n]:
        raise engram.RecipeError(f"{ctx.path}.initial.{name}: {strange[0]} is none of 0 to {n - 1}")
    return ctx.array([index in wanted for index in range(n)], dtype="bool")
