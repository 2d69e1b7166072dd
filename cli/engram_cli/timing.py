"""Times calls in turns, on the host and on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

_ROUND = 0.005
"""Seconds that the calls of one round take, about."""
_ROUNDS = 3


def timed(call: Callable[[], object], xp: Any, n: int = 1) -> float:
    """Return the seconds that `n` calls take; on a GPU, by events before and after them."""
    if xp is np:
        begun = time.perf_counter()
        for _ in range(n):
            call()
        return time.perf_counter() - begun
    before, after = xp.cuda.Event(), xp.cuda.Event()
    before.record()
    for _ in range(n):
        call()
    after.record()
    after.synchronize()
    return 1e-3 * float(xp.cuda.get_elapsed_time(before, after))


def shortest(calls: list[Callable[[], object]], xp: Any, seconds: float) -> list[float]:
    """Return the seconds of one call of each, the shortest of rounds in which they take turns.

    Args:
        calls: What is compared; each is called once before, in case the first call compiles.
        xp: The array module.
        seconds: Time for all rounds; three are done in any case.
    """
    for call in calls:
        timed(call, xp)
    ends = time.perf_counter() + seconds
    counts = [max(1, int(_ROUND / max(timed(call, xp), 1e-9))) for call in calls]
    rounds: list[list[float]] = []
    while len(rounds) < _ROUNDS or time.perf_counter() < ends:
        rounds.append([timed(call, xp, n) / n for call, n in zip(calls, counts, strict=True)])
    return [min(times) for times in zip(*rounds, strict=True)]
