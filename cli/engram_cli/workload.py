"""What a rule is given to be timed, and the copy that moves as many bytes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from engram.rules import alignment
from engram.rules.spec import Indexed, Spec


def lengths(spec: Spec, size: tuple[int, ...]) -> tuple[int, ...]:
    """Return lengths of the axes of a rule that make as many elements as `size`.

    The last axis takes the last number, and so on; axes left over have length one, numbers left over are
    multiplied onto the first axis.
    """
    axes = len(spec.axes)
    padded = (1,) * (axes - len(size)) + size
    front = len(padded) - axes + 1
    return math.prod(padded[:front]), *padded[front:]


def arguments(spec: Spec, lengths: tuple[int, ...], xp: Any) -> list[Any]:
    """Make arguments of a rule: float32 arrays as a state has them, and numbers.

    Values are near one, so that a rule that is applied to its own result again and again does not soon come
    to numbers too small to be normal, which some processors are slow at.
    """
    sizes = dict(zip(spec.axes, lengths, strict=True))
    rng = np.random.default_rng(0)

    def one(item: Indexed) -> Any:
        shape = tuple(sizes[axis] for axis in item.axes)
        return alignment.copied(xp, rng.random(shape, dtype=np.float32) + np.float32(0.5)) if shape else 1.0

    return [one(item) for item in spec.arguments]


def traffic(spec: Spec, arguments: list[Any]) -> int:
    """Return the bytes that a call reads and writes: arrays that receive results count twice."""
    pairs = zip(spec.arguments, arguments, strict=True)
    return sum((2 if item.mark else 1) * value.nbytes for item, value in pairs if item.axes)


def copying(nbytes: int, xp: Any) -> Callable[[], None]:
    """Return a copy that reads and writes so many bytes together."""
    source, into = (alignment.zeros(xp, (nbytes // 2,), np.uint8) for _ in range(2))
    # Pages that were never written may all be one and the same.
    source[...] = into[...] = 1
    return lambda: xp.copyto(into, source)
