"""In what the predictors of a run differ."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs
import numpy as np

from engram import EngramError

from .schedule import Host

Parameter: TypeAlias = Literal["alpha_plus", "alpha_minus", "asymmetry", "gamma", "lam"]
_FIRST = ("asymmetry", "gamma", "lam", "alpha_plus", "alpha_minus")
_SAME = 1e-5


@attrs.frozen(eq=False)
class Predictors:
    """The predictors that were recorded, (predictor,) each.

    Attributes:
        index: Place in the whole population.
        alpha_plus: Learning rate for positive errors; `alpha_minus` for negative ones.
        asymmetry: alpha_plus / (alpha_plus + alpha_minus).
        gamma: Discount; `lam` the trace.
        up: alpha_plus for each step; `down` alpha_minus, `discount` gamma.
    """

    index: Host
    alpha_plus: Host
    alpha_minus: Host
    asymmetry: Host
    gamma: Host
    lam: Host
    up: Host
    down: Host
    discount: Host

    @property
    def tau(self) -> Host:
        """Asymmetry of what is done in a step; with semantics "drl_sim" not that of the rates as given."""
        total = self.up + self.down
        tau: Host = np.divide(self.up, total, out=np.full_like(total, 0.5), where=total > 0)
        return tau

    def of(self, places: Host) -> Predictors:
        """Return some of them."""
        return attrs.evolve(self, **{name: getattr(self, name)[places] for name in _NAMES})

    def differing(self) -> str | None:
        """Return the first parameter in which they differ, None where they are alike."""
        return next((name for name in _FIRST if len(levels(getattr(self, name))) > 1), None)


_NAMES = tuple(field.name for field in attrs.fields(Predictors))


def predictors(run: Any, path: str, replicas: Host) -> Predictors:
    """Return the predictors of which a variable was recorded.

    Args:
        run: An opened run file.
        path: The variable, such as "memory.value".
        replicas: (replica,) whose predictors.

    Raises:
        EngramError: The replicas do not have the same predictors.
    """
    index = run.entries(path, "predictor")
    found = {}
    for name in _NAMES[1:]:
        values = run.final(f"memory.{'tau' if name == 'asymmetry' else name}")[replicas][:, index]
        if np.ptp(values, axis=0).max() > _SAME:
            raise EngramError("the predictors of its replicas differ; choose a replica, such as -o replica=0")
        found[name] = values[0].astype(float)
    return Predictors(index=index, **found)


def chosen(every: Predictors, wanted: int | tuple[int, ...]) -> Host:
    """Return places of the predictors wanted, by index, or so many evenly spaced.

    Raises:
        EngramError: One of them was not recorded, or none is wanted.
    """
    if not wanted:
        raise EngramError("predictors: names none; give indices, or how many from 1")
    if isinstance(wanted, int):
        return np.unique(np.linspace(0, len(every.index) - 1, wanted).round().astype(int))
    missing = [number for number in wanted if number not in every.index]
    if missing:
        raise EngramError(f"predictors: {missing[0]} was not recorded; record it with record.entries")
    return np.searchsorted(every.index, wanted)


def levels(values: Host) -> Host:
    """Return the values that differ by more than rounding, increasing."""
    every = np.unique(values)
    known: Host = every[np.append(True, np.diff(every) > _SAME)]
    return known


def level_of(values: Host, known: Host) -> Host:
    """Return for each value the index of the nearest level."""
    nearest: Host = np.abs(values[:, None] - known).argmin(axis=1)
    return nearest
