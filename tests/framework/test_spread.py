"""Loops of a body that array code takes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, Spec, exact
from engram.rules import body as bodies
from engram.testing import Case, parametrize_with_checks, play


@engram.state
class LayerState:
    """Activity and weights of a small layer."""

    w: Array = engram.array("pre", "post", doc="weights", record=True)
    x: Array = engram.array("pre", doc="input")
    y: Array = engram.array("post", doc="output", record=True)
    k: Array = engram.array("post", doc="times above the threshold", dtype="int16", record=True)
    total: Array = engram.array(doc="sum of the output", record=True)


@engram.parameters
class Layer(engram.Memory):
    """A layer that learns by Hebb's rule: loops side by side, one in another, sums, and one in order."""

    name = "layer"

    eta: float = engram.param(default=0.1, doc="learning rate", per_replica=True)

    def init(self, ctx: Context) -> LayerState:
        return ctx.state(LayerState, sizes={"pre": 3, "post": 4})

    @engram.scan
    def body(w, x, y, k, total, eta, observation, reward, learn, action):  # type: ignore[no-untyped-def]
        """Propagate, learn, and wander along the diagonal."""
        for i in range(len(x)):
            x[i] = observation[i] * 2 + reward
        for j in range(len(y)):
            s = 0.5
            for i in range(len(x)):
                s += w[i, j] * x[i]
            y[j] = exact.tanh(s)
            k[j] += j + (s > 0.2)
            if s > 0.2:
                y[j] = y[j] + eta
        if learn:
            for i in range(len(x)):
                for j in range(len(y)):
                    w[i, j] += eta * x[i] * y[j] + 0.01 * (i - j)
        total = 0.0
        for j in range(len(y)):
            total += y[j] * k[j]
        best = exact.argmax(y)
        w[best % 3, best] = w[best % 3, best] * 0.9
        for i in range(len(x)):
            w[i, i] = w[i, i + 1] - w[i, i]
        action = best


LAYER = Case(Layer(), observation=Spec(shape=(3,)), action=Choice(4))


@parametrize_with_checks([LAYER])
def test_loops_taken_at_once_pass(check: Callable[[], None]) -> None:
    check()


def as_array_code(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """The array code of another body of the layer."""
    written: list[str] = []
    compiled = bodies.compiled

    def seen(name: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
        written.extend(lines)
        return compiled(name, lines, names)

    monkeypatch.setattr(bodies, "compiled", seen)
    monkeypatch.setattr(Layer, "body", engram.scan(function))
    inputs = {"observation": np.ones((1, 1, 3)), "reward": np.ones((1, 1))}
    play(Layer(), inputs, action=Choice(4))
    return "\n".join(written)


def each_its_own(y, k, action):  # type: ignore[no-untyped-def]
    for j in range(len(y)):
        held = y[j]
        y[j] = held + k[j]


def sums(y, total, action):  # type: ignore[no-untyped-def]
    for j in range(len(y)):
        total += y[j]


@pytest.mark.parametrize("body", [each_its_own, sums])
def test_turns_that_do_not_depend_on_each_other_are_taken_at_once(
    body: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "for " not in as_array_code(body, monkeypatch)


def a_neighbour_is_read(y, action):  # type: ignore[no-untyped-def]
    for j in range(3):
        y[j] = y[(j + 1) % 4]


def one_place_is_written(y, k, action):  # type: ignore[no-untyped-def]
    for j in range(len(y)):
        y[0] = y[0] + k[j]


def a_sum_is_read(y, total, action):  # type: ignore[no-untyped-def]
    for j in range(len(y)):
        total += y[j]
        y[j] = total


def a_product(y, total, action):  # type: ignore[no-untyped-def]
    for j in range(len(y)):
        total *= y[j]


def a_sum_of_some(y, total, action):  # type: ignore[no-untyped-def]
    for j in range(len(y)):
        if y[j] > 0:
            total += y[j]


def across(w, action):  # type: ignore[no-untyped-def]
    for j in range(3):
        w[0, j] = w[j, 0] + 1


@pytest.mark.parametrize(
    "body", [a_neighbour_is_read, one_place_is_written, a_sum_is_read, a_product, a_sum_of_some, across]
)
def test_turns_that_depend_on_each_other_are_taken_in_order(
    body: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "for " in as_array_code(body, monkeypatch)
