"""Activation functions f, and their slopes f' written in terms of f, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import engram
from engram import Array, exact

Activation: TypeAlias = Literal["identity", "tanh", "sigmoid", "relu"]


@engram.rule
def identity(x: Array) -> Array:
    """Return x."""
    return x


@engram.rule
def rectified(x: Array) -> Array:
    """Return x where it is positive, else 0."""
    return max(x, 0.0)


@engram.rule
def identity_slope(value: Array) -> Array:
    """Return 1 for every value."""
    return value * 0.0 + 1.0


@engram.rule
def tanh_slope(value: Array) -> Array:
    """Return the slope of tanh where tanh is `value`."""
    return 1.0 - value * value


@engram.rule
def sigmoid_slope(value: Array) -> Array:
    """Return the slope of the logistic function where that is `value`."""
    return value * (1.0 - value)


@engram.rule
def rectified_slope(value: Array) -> Array:
    """Return 1 where `value` is positive, else 0."""
    return 1.0 if value > 0.0 else 0.0


ACTIVATIONS: dict[Activation, Callable[[Array], Array]] = {
    "identity": identity, "tanh": exact.tanh, "sigmoid": exact.sigmoid, "relu": rectified,
}  # fmt: skip
SLOPES: dict[Activation, Callable[[Array], Array]] = {
    "identity": identity_slope, "tanh": tanh_slope, "sigmoid": sigmoid_slope, "relu": rectified_slope,
}  # fmt: skip
