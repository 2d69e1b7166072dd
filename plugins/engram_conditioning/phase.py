"""A phase of a schedule: how many trials, of which types, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import engram

_SUM = 1e-6


@engram.parameters
class Phase:
    """Trials that follow each other under one rule."""

    name: str = engram.param(default="", doc="name of the phase")
    trials: int | None = engram.param(
        default=None,
        ge=1,
        doc="number of trials; length of `sequence`, or else `trials` of the task, if absent",
    )
    mix: Any = engram.param(
        default=None, doc='probability of each type, such as {"A+" = 0.5, "B-" = 0.5}; all equal if absent'
    )
    order: Literal["random", "shuffled", "blocked", "given"] = engram.param(
        default="random",
        doc="random: each trial drawn by itself; shuffled: exact numbers in random order; blocked: one type "
        "after the other; given: as in `sequence`",
    )
    sequence: tuple[str, ...] = engram.param(
        default=(), doc="types in order, from the beginning again where trials are more; shuffled on demand"
    )
    learn: bool = engram.param(default=True, doc="False in probes, in which nothing is learnt")
    groups: tuple[int, ...] = engram.param(
        default=(), ge=0, doc="groups that go through this phase; all if absent"
    )

    def check(self) -> None:
        """Probabilities are probabilities, and a sequence has its order."""
        if self.mix is not None:
            _check_mix(self.mix)
        if self.order == "given" and not self.sequence:
            raise ValueError('order = "given" needs a sequence of types')
        if self.sequence and (self.order in ("random", "blocked") or self.mix is not None):
            raise ValueError('a sequence needs order = "given" or "shuffled", and no mix')

    def names(self) -> tuple[str, ...]:
        """Return the types that it names."""
        return (*(self.mix or ()), *self.sequence)

    def length(self, trials: int | None) -> int | None:
        """Return its number of trials, `trials` where it says none itself."""
        return self.trials or len(self.sequence) or trials

    def weights(self, types: Sequence[str]) -> NDArray[np.float64]:
        """Return (type,) the probability of each type."""
        if self.sequence:
            found = np.array([self.sequence.count(name) for name in types], dtype=float)
        elif self.mix is None:
            found = np.ones(len(types))
        else:
            found = np.array([float(self.mix.get(name, 0.0)) for name in types])
        weights: NDArray[np.float64] = found / found.sum()
        return weights

    def probabilities(self, types: Sequence[str], trials: int | None) -> NDArray[np.float64]:
        """Return (trial, type) the probability of each type in each trial; 0 and 1 where it is certain.

        Where the order is shuffled, the trials are still in order of their types.
        """
        n = self.length(trials) or 0
        weights = self.weights(types)
        if self.order == "random":
            return np.tile(weights, (n, 1))
        if self.sequence:
            indices = np.resize([list(types).index(name) for name in self.sequence], n)
        else:
            indices = np.repeat(np.arange(len(types)), _counts(weights, n))
        certain: NDArray[np.float64] = np.eye(len(types))[indices]
        return certain


def _check_mix(mix: Any) -> None:
    if not isinstance(mix, Mapping) or not mix:
        raise ValueError(f'mix must be a table such as {{"A+" = 0.5, "B-" = 0.5}}, not {mix!r}')
    for name, p in mix.items():
        if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
            raise ValueError(f"mix.{name}: must be a probability, not {p!r}")
    if abs(sum(mix.values()) - 1) > _SUM:
        raise ValueError(f"mix must sum to 1, not {sum(mix.values()):g}")


def _counts(weights: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Share `n` trials out by largest remainder."""
    exact = weights * n
    counts: NDArray[np.int64] = np.floor(exact + 1e-9).astype(np.int64)
    rest = np.argsort(counts - exact, kind="stable")[: n - counts.sum()]
    counts[rest] += 1
    return counts
