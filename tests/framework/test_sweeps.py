"""Sweeps over lists, seeds, and values that must fit each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engram
from engram import Array, Context, Signal
from engram.errors import RecipeError
from engram.plugins import Registry
from engram.recipe import Recipe

Make = Callable[..., Recipe]


@engram.state
class BankState:
    trace: Array = engram.array("filter", doc="sums", record=True)
    p: Any = engram.fixed()


@engram.parameters
class Bank(engram.Memory):
    """Sums its rates, one for each filter."""

    name = "bank"
    rates: tuple[float, ...] = engram.param(default=(1.0, 2.0), doc="rates", per_replica=True)
    low: float = engram.param(default=0.0, doc="lowest", per_replica=True)
    high: float = engram.param(default=1.0, doc="highest")

    def check(self) -> None:
        if self.low >= self.high:
            raise ValueError("low must be less than high")

    def init(self, ctx: Context) -> BankState:
        return ctx.state(BankState, sizes={"filter": len(self.rates)}, p=ctx.per_replica(self))

    def step(self, state: BankState, signal: Signal) -> Array:
        state.trace += state.p.rates
        return state.trace.argmax(axis=1)


class BankPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Bank]


@pytest.fixture
def bank(make: Make, plugins: Registry) -> Callable[[dict[str, Any]], Recipe]:
    """Resolve a recipe of the bank of filters with these sweep axes."""
    plugins.register(BankPlugin(), "bank")
    return lambda sweep: make("run.steps=1", memory={"use": "bank"}, record={"every": 1}, sweep=sweep)


def test_a_sweep_over_lists_of_one_length_is_one_launch(
    bank: Callable[[dict[str, Any]], Recipe], tmp_path: Path
) -> None:
    (path,) = engram.run(bank({"memory.rates": [[1, 2], [3, 4]]}), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        assert run["memory.trace"][0, ::3].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("lists", [[[1, 2, 3], [4, 5, 6]], [[1, 2], [3]], [[5], [6]]])
def test_a_sweep_over_lists_that_change_a_shape_is_one_launch_a_point(
    bank: Callable[[dict[str, Any]], Recipe], tmp_path: Path, lists: list[list[float]]
) -> None:
    paths = engram.run(bank({"memory.rates": lists}), out=tmp_path / "run.h5")
    found = []
    for path in paths:
        with engram.open(path) as run:
            found.append(run["memory.trace"][0, 0].tolist())
    assert found == lists


def test_checks_between_parameters_hold_at_every_point(bank: Callable[[dict[str, Any]], Recipe]) -> None:
    with pytest.raises(RecipeError) as caught:
        bank({"memory.low": [0.5, 2.0], "memory.high": [1.0, 3.0]})
    assert caught.value.problems == [
        "recipe: sweep: memory: low must be less than high (at low = 2.0, high = 1.0)"
    ]
    bank({"memory.low": [0.5, 2.0], "memory.high": [3.0, 4.0]})


def test_a_seed_that_cannot_be_swept_is_named_where_it_stands(make: Make) -> None:
    with pytest.raises(RecipeError) as caught:
        make(sweep={"run.seed": [1, -2]})
    assert caught.value.problems == ['recipe: sweep."run.seed": must be >= 0, not -2']
    with pytest.raises(RecipeError, match=r'sweep."run.seed": must be an integer, not 0.5'):
        make(sweep={"run.seed": [0.5]})
