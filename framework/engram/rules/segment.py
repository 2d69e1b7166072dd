"""Trials found in the flags of a block of steps; all sums are in the order of time.

Flags and rewards are (steps, batch) arrays on the host. What is carried from block to block is (batch,): the
step at which the open trial began (-1 for none), what it has returned, and the number of trials ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Host = np.ndarray[Any, Any]


def trials(
    seen: Mapping[str, Host], carried: Mapping[str, Host], first: int, every: int
) -> tuple[dict[str, Host], dict[str, Host]]:
    """Return the columns of the trials that ended, by end and replica, and what is carried on.

    Args:
        seen: "start", "end", "truncated", "reward" and "outcome", each (steps, batch).
        carried: "started_at", "returned" and "count", each (batch,).
        first: The block's first step.
        every: Only every so many trials of a replica are returned.
    """
    start, end = seen["start"], seen["end"]
    starts = np.cumsum(start, axis=0)
    began = _began(carried["started_at"], start, first)
    is_open = began > _ended_before(end, first)
    over = end & is_open
    ended = np.cumsum(over, axis=0)
    returns = _returns(carried["returned"], starts, np.where(is_open, seen["reward"], 0))
    times, replicas = np.nonzero(over)
    number = carried["count"][replicas] + ended[times, replicas] - 1
    kept = number % every == 0
    times, replicas = times[kept], replicas[kept]
    columns = {
        "replica": replicas.astype(np.int32),
        "number": number[kept].astype(np.int32),
        "start_step": began[times, replicas],
        "stop_step": first + times.astype(np.int64),
        "return_": returns[starts[times, replicas], replicas],
        "outcome": seen["outcome"][times, replicas],
        "truncated": seen["truncated"][times, replicas],
    }
    still = is_open[-1] & ~end[-1]
    return columns, {
        "started_at": np.where(still, began[-1], -1),
        "returned": np.where(still, returns[starts[-1], np.arange(len(still))], 0.0),
        "count": carried["count"] + ended[-1],
    }


def _returns(returned: Host, segment: Host, reward: Host) -> Host:
    """Sum rewards in time order within each (segment, replica): `bincount` adds in sequence."""
    batch = reward.shape[1]
    where = segment * batch + np.arange(batch)
    places = np.concatenate([np.arange(batch), where.reshape(-1)])
    amounts = np.concatenate([returned, reward.reshape(-1).astype(np.float64)])
    size = (int(segment[-1].max()) + 1) * batch
    return np.bincount(places, weights=amounts, minlength=size).reshape(-1, batch)


def _began(started_at: Host, start: Host, first: int) -> Host:
    """Return (steps, batch) the step at which the trial of each step began, -1 before any."""
    return np.maximum.accumulate(np.concatenate([started_at[None], _when(start, first)]))[1:]


def _when(flags: Host, first: int) -> Host:
    """Return (steps, batch) the step where a flag is set, -1 elsewhere."""
    return np.where(flags, first + np.arange(len(flags), dtype=np.int64)[:, None], np.int64(-1))


def _ended_before(end: Host, first: int) -> Host:
    """Return (steps, batch) the last step before each at which a trial ended, -1 where none did."""
    before = np.roll(_when(end, first), 1, axis=0)
    before[0] = -1
    return np.maximum.accumulate(before)
