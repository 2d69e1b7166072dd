"""How a parameter differs between the predictors of a population."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import engram
from engram import Array, Context, exact

_HALVINGS = 60
_TERMS = 120
# The series of the beta distribution has terms in proportion.
_STEEPEST = 100.0


@engram.parameters
class Spread:
    """A distribution over predictors; one of its parameters is given."""

    grid: tuple[float, float] | None = engram.param(
        default=None, doc="first and last of evenly spaced values"
    )
    uniform: tuple[float, float] | None = engram.param(default=None, doc="bounds of a uniform distribution")
    normal: tuple[float, float] | None = engram.param(
        default=None,
        doc="mean and standard deviation; what lies outside the parameter's range is moved to its end",
    )
    beta: tuple[float, float] | None = engram.param(
        default=None, gt=0, le=_STEEPEST, doc="a and b of a beta distribution"
    )
    choice: tuple[float, ...] | None = engram.param(default=None, doc="values of equal probability")

    def check(self) -> None:
        """Exactly one distribution is named."""
        if len(self.named) != 1 or self.choice == ():
            raise ValueError(
                "name one of grid, uniform, normal, beta or choice, such as {uniform = [0.1, 0.9]}"
            )
        if self.normal is not None and not 0 <= self.normal[1] < math.inf:
            raise ValueError(
                f"normal: the standard deviation must be >= 0 and finite, not {self.normal[1]:g}"
            )

    @property
    def named(self) -> dict[str, tuple[float, ...]]:
        """The distributions that are given, by name."""
        names = ("grid", "uniform", "normal", "beta", "choice")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


Values: TypeAlias = float | tuple[float, ...] | Spread
"""One number for all predictors, a number for each, or a distribution."""


def bounds(values: Values) -> tuple[float, float]:
    """The smallest and largest value that is given or can be drawn, but for the tails of a normal one."""
    if not isinstance(values, Spread):
        listed = values if isinstance(values, tuple) else (values,)
        return min(listed, default=0.0), max(listed, default=0.0)
    ((name, numbers),) = values.named.items()
    return {"normal": (numbers[0], numbers[0]), "beta": (0.0, 1.0)}.get(name, (min(numbers), max(numbers)))


def drawn(ctx: Context, name: str, values: Values, n: int, highest: float = math.inf) -> Array:
    """Give each predictor its value.

    Args:
        ctx: Of the population; what is random is drawn from its stream `name`.
        name: Of the parameter.
        values: What the recipe says.
        n: Number of predictors.
        highest: Largest value allowed; the smallest is 0.

    Returns:
        (batch, n).
    """
    if isinstance(values, Spread):
        ((kind, numbers),) = values.named.items()
        return ctx.xp.clip(_spread(ctx, name, kind, numbers, n), 0, highest).astype(ctx.dtype)
    listed = values if isinstance(values, tuple) else (values,) * n
    return ctx.array(listed)


def _spread(ctx: Context, name: str, kind: str, numbers: tuple[float, ...], n: int) -> Any:
    if kind == "grid":
        first, last = numbers
        return ctx.array([first + (last - first) * p / max(n - 1, 1) for p in range(n)])
    stream = ctx.random(name)
    if kind == "normal":
        return numbers[0] + numbers[1] * stream.normal(n)
    if kind == "choice":
        return ctx.xp.asarray(numbers, dtype=ctx.dtype)[stream.integers(len(numbers), n)]
    u = stream.uniform(n)
    return numbers[0] + (numbers[1] - numbers[0]) * u if kind == "uniform" else beta_quantile(u, *numbers)


def beta_quantile(u: Array, a: float, b: float) -> Array:
    """Quantile of the beta distribution, by halving.

    Args:
        u: Probabilities, any shape.
        a: First shape parameter.
        b: Second shape parameter.
    """
    low, high = u * 0, u * 0 + 1
    for _ in range(_HALVINGS):
        x = (low + high) / 2
        below = beta_cumulative(x, a, b) < u
        low, high = low + below * (x - low), high + ~below * (x - high)
    return (low + high) / 2


def beta_cumulative(x: Array, a: float, b: float) -> Array:
    """Regularised incomplete beta function I_x(a, b), by the series DLMF 8.17.8 of the smaller tail.

    Args:
        x: In [0, 1], any shape.
        a: First shape parameter.
        b: Second shape parameter.
    """
    flipped = x > (a + 1) / (a + b + 2)
    y = x + flipped * (1 - 2 * x)
    first = a + flipped * (b - a)
    term = total = y * 0 + 1
    for n in range(_TERMS + int(10 * (a + b))):
        term = term * ((a + b + n) / (first + 1 + n)) * y
        total = total + term
    size = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    tiny = 1e-30
    logs = first * exact.log(y + tiny) + (a + b - first) * exact.log(1 - y + tiny)
    tail = exact.exp(logs + size) * total / first
    return tail + flipped * (1 - 2 * tail)
