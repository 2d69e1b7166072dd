"""What a finished replica keeps while the others go on: arithmetic with the flags of who is finished."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
import numpy as np

from ..backend import array_module

S = TypeVar("S")


def where(done: Any, kept: Any, other: Any) -> Any:
    """What is kept (array or number) for finished replicas, the other array (batch, ...) for the rest."""
    flags = done.reshape(-1, *(1,) * (other.ndim - 1))
    return array_module(other).where(flags, kept, other)


def release(held: list[tuple[Any, Any]], done: Any) -> None:
    """Put back what arrays held before a step, for finished replicas."""
    # On the host it costs nothing to look whether there are any; a device would have to be waited for.
    if type(done) is np.ndarray and not done.any():
        return
    for array, copy in held:
        array[...] = where(done, copy, array)


def silenced(signal: S, done: Any) -> S:
    """A signal that tells finished replicas nothing."""
    awake = ~done
    given: Any = signal
    evolved: S = attrs.evolve(
        given,
        reward=given.reward * awake,
        start=given.start & awake,
        end=given.end & awake,
        truncated=given.truncated & awake,
        learn=given.learn & awake,
        outcome=where(done, np.int8(-1), given.outcome),
    )
    return evolved


def still(action: Any, done: Any) -> Any:
    """An action (None where the task takes none) that is zero for finished replicas."""
    return None if action is None else where(done, action.dtype.type(0), action)
