"""Which steps of a run are taken and leave a row, and which entries of an array are in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from ..errors import EngramError, RecipeError

if TYPE_CHECKING:
    from ..recipe import RecordSettings

Host = np.ndarray[Any, Any]
_BLOCK = 1 << 20
_ROUNDING = 1e-6


@attrs.frozen(eq=False)
class Selection:
    """The steps that leave a row; whether one does depends on its number alone, so chunks carry nothing.

    Attributes:
        every: Rows lie at multiples of this.
        every_trial: Only every so many trials leave rows.
        inside: (steps of a trial,) bool, the places in a trial that leave rows; None where trials do not
            matter.
    """

    every: int
    every_trial: int = 1
    inside: Host | None = None

    def steps(self, first: int, n: int) -> Host:
        """Return those of the `n` steps from `first` on that leave a row, increasing."""
        steps: Host = np.arange(-(-first // self.every) * self.every, first + n, self.every, dtype=np.int64)
        if self.inside is None:
            return steps
        trial, place = np.divmod(steps, len(self.inside))
        kept: Host = steps[self.inside[place] & (trial % self.every_trial == 0)]
        return kept

    def count(self, stop: int) -> int:
        """Return how many steps before `stop` leave a row."""
        return sum(len(self.steps(first, min(_BLOCK, stop - first))) for first in range(0, stop, _BLOCK))

    def most(self, n: int) -> int:
        """Return how many rows `n` successive steps may leave, wherever they begin; never too few."""
        rows = -(-n // self.every)
        if self.inside is None:
            return rows
        length = len(self.inside)
        touched = (n + length - 2) // (length * self.every_trial) + 1
        return min(rows, touched * int(self.inside.sum()))

    def check_starts(self, first: int, start: Any, to_host: Callable[[Any], Host]) -> None:
        """Refuse trials of another length.

        Args:
            first: The first step.
            start: (steps, batch) bool, the trials that start from there on.
            to_host: Brings it to the host.

        Raises:
            EngramError: A trial starts though the one before it has another length.
        """
        if self.inside is None:
            return
        begun = first + np.flatnonzero(to_host(start).any(axis=1))
        if (begun % len(self.inside)).any():
            step, steps = begun[begun % len(self.inside) != 0][0], len(self.inside)
            raise EngramError(
                f"step {step}: a trial starts, but the task says that each has {steps} steps; "
                "leave out record.window and record.every_trial"
            )


def steps_of(trials: int | None, lengths: tuple[int, int] | None) -> int | None:
    """Return the steps of so many trials, None where these are not given or not all as long.

    Args:
        trials: Their number.
        lengths: Steps of the shortest and the longest trial, None where that is not known.
    """
    if trials is None or lengths is None or lengths[0] != lengths[1]:
        return None
    return trials * lengths[1]


def select(record: RecordSettings, dt: float, lengths: tuple[int, int] | None) -> Selection:
    """Return the selection of steps that a recipe asks for.

    Args:
        record: The table.
        dt: Length of a step in s.
        lengths: Steps of the shortest and the longest trial, None where that is not known.

    Raises:
        RecipeError: The length of a trial is not known, or a window holds no step of it.
    """
    if record.window is None and record.every_trial == 1:
        return Selection(record.every)
    name = "every_trial" if record.window is None else "window"
    if lengths is None or lengths[0] < 1:
        raise RecipeError(f"record.{name}: the task does not say how long its trials are; leave it out")
    shortest, trial_steps = lengths
    if shortest != trial_steps:
        differ = f"trials have {shortest} to {trial_steps} steps, not all as many"
        raise RecipeError(f"record.{name}: {differ}; leave it out")
    inside = np.full(trial_steps, record.window is None)
    problems = [] if record.window != () else ["record.window: is empty; give [from, to], or leave it out"]
    for low, high in record.window or ():
        if not 0 <= low <= high < (trial_steps + 0.5) * dt or not inside[span(low, high, dt)].size:
            lie = f"they lie {dt:g} s apart from 0 to {(trial_steps - 1) * dt:g} s"
            problems.append(f"record.window: [{low:g}, {high:g}] must hold steps of a trial alone; {lie}")
        else:
            inside[span(low, high, dt)] = True
    if problems:
        raise RecipeError(problems)
    return Selection(record.every, record.every_trial, inside)


def entries(path: str, wanted: int | tuple[int, ...], size: int) -> tuple[int, ...]:
    """Return the indices wanted along an axis of `size`: those given, or so many, evenly spaced.

    Raises:
        RecipeError: There are none, they do not increase, or one lies outside; `path` names the axis.
    """
    kept = evenly(wanted, size) if isinstance(wanted, int) else wanted
    if not kept or list(kept) != sorted(set(kept)) or kept[0] < 0 or kept[-1] >= size:
        raise RecipeError(
            f'record.entries."{path}": give increasing indices from 0 to {size - 1}, or how many'
        )
    return kept


def span(low: float, high: float, dt: float) -> slice:
    """Return the steps of `dt` s from `low` to `high` s, both included, to a millionth of a step."""
    return slice(math.ceil(low / dt - _ROUNDING), math.floor(high / dt + _ROUNDING) + 1)


def evenly(n: int, size: int) -> tuple[int, ...]:
    """Return `n` indices along an axis of `size`, from its first to its last; all where it has no more."""
    n = min(n, size)
    return tuple(index * (size - 1) // max(n - 1, 1) for index in range(n))


def places(shape: tuple[int, ...], kept: Sequence[Sequence[int]]) -> Host | None:
    """Return where entries lie in an array of this shape, flattened; None where they are all there are.

    Args:
        shape: Lengths of the axes.
        kept: Indices along each of them.
    """
    if tuple(map(len, kept)) == shape:
        return None
    return np.ravel_multi_index(np.ix_(*kept), shape).reshape(-1)
