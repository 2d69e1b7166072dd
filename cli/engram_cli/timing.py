"""Times calls in turns, on the host and on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

_ROUND = 0.005
"""Seconds that the calls of one round take, about."""
_ROUNDS = 3


def timed(
    call: Callable[[], object], xp: Any, n: int = 1, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the seconds that `n` calls take by a clock; on a GPU, by events before and after them."""
    if xp is np:
        begun = clock()
        for _ in range(n):
            call()
        return clock() - begun
    before, after = xp.cuda.Event(), xp.cuda.Event()
    before.record()
    for _ in range(n):
        call()
    after.record()
    after.synchronize()
    return 1e-3 * float(xp.cuda.get_elapsed_time(before, after))


def shortest(
    calls: list[Callable[[], object]],
    xp: Any,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Return the seconds of one call of each, the shortest of `rounds`, which says what is given."""
    return [min(times) for times in zip(*rounds(calls, xp, seconds, clock), strict=True)]


def rounds(
    calls: list[Callable[[], object]],
    xp: Any,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[list[float]]:
    """Return the seconds of one call of each, round by round, in which they take turns.

    Args:
        calls: What is compared; each is called once before, in case the first call compiles.
        xp: The array module.
        seconds: Time for all rounds, as a clock on the wall has it; three are done in any case.
        clock: What counts on the host, such as `time.process_time` where others use the machine.
    """
    for call in calls:
        timed(call, xp)
    ends = time.perf_counter() + seconds
    counts = [max(1, int(_ROUND / max(timed(call, xp), 1e-9))) for call in calls]
    found: list[list[float]] = []
    while len(found) < _ROUNDS or time.perf_counter() < ends:
        found.append([timed(call, xp, n, clock) / n for call, n in zip(calls, counts, strict=True)])
    return found
