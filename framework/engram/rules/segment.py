"""Trials found in the flags of a block of steps; all sums are in the order of time.

Flags and rewards are (steps, batch) arrays on the host. What is carried from block to block is (batch,): the
step at which the open trial began (-1 for none), what it has returned, and the number of trials ended.

Starts and ends are few, so that they are looked up rather than counted along all steps. A moment is a number
that grows with the replica first and the step second; a segment lasts from one start to the next. The first
segment of each replica is what was carried, and begins one moment before the block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

Host = np.ndarray[Any, Any]


@attrs.frozen(eq=False)
class Segments:
    """The segments of a block, replica by replica in the order of time.

    Attributes:
        replica: (segment,) whose they are.
        start: (segment,) the moment at which each begins.
        stop: (segment,) the moment after its first end, or else after its last moment.
        ended: (segment,) bool, a trial ended in it.
        began: (segment,) the step at which its trial began, -1 where none was carried.
        last: (batch,) the last segment of each replica.
    """

    replica: Host
    start: Host
    stop: Host
    ended: Host
    began: Host
    last: Host


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
    segments = _segments(seen["start"], seen["end"], carried["started_at"], first)
    returns = _returns(segments, seen["reward"], carried["returned"])
    over = np.flatnonzero(segments.ended)
    replicas = segments.replica[over]
    number = carried["count"][replicas] + np.arange(len(over)) - np.searchsorted(replicas, replicas)
    times = (segments.stop[over] - 2) % (len(seen["end"]) + 1)
    shown = np.lexsort((replicas, times))
    shown = shown[number[shown] % every == 0]
    times, replicas = times[shown], replicas[shown]
    still = (segments.began[segments.last] >= 0) & ~segments.ended[segments.last]
    columns = {
        "replica": replicas.astype(np.int32),
        "number": number[shown].astype(np.int32),
        "start_step": segments.began[over][shown],
        "stop_step": first + times,
        "return_": returns[over][shown],
        "outcome": seen["outcome"][times, replicas],
        "truncated": seen["truncated"][times, replicas],
    }
    return columns, {
        "started_at": np.where(still, segments.began[segments.last], -1),
        "returned": np.where(still, returns[segments.last], 0.0),
        "count": carried["count"] + np.bincount(segments.replica[over], minlength=len(still)),
    }


def _segments(start: Host, end: Host, started_at: Host, first: int) -> Segments:
    width, batch = len(start) + 1, len(started_at)
    heads = np.arange(batch) * width
    starts = np.sort(np.concatenate([heads, _moments(start)]))
    next_start = np.append(starts[1:], batch * width)
    ends = np.append(np.sort(_moments(end)), batch * width)
    first_end = ends[np.searchsorted(ends, starts)]
    began = np.where(starts % width == 0, -1, first - 1 + starts % width)
    began[np.searchsorted(starts, heads)] = started_at
    ended = (began >= 0) & (first_end < next_start)
    stop = np.where(ended, first_end + 1, next_start)
    return Segments(starts // width, starts, stop, ended, began, np.searchsorted(starts, heads + width) - 1)


def _moments(flags: Host) -> Host:
    """Return the moments at which flags (steps, batch) are set."""
    times, replicas = np.divmod(np.flatnonzero(flags), flags.shape[1])
    return replicas * (len(flags) + 1) + times + 1


def _returns(segments: Segments, reward: Host, returned: Host) -> Host:
    """Sum rewards in time order within each segment: `bincount` adds in sequence."""
    by_replica = np.ascontiguousarray(reward.T).reshape(-1)
    found = np.flatnonzero(by_replica)
    moments = found + found // len(reward) + 1
    low, high = (np.searchsorted(moments, bound) for bound in (segments.start, segments.stop))
    count = np.where(segments.began >= 0, high - low, 0)
    places = np.repeat(np.arange(len(count)), count)
    rewards = found[np.arange(len(places)) + (low - np.cumsum(count) + count)[places]]
    places = np.concatenate([np.searchsorted(segments.replica, np.arange(len(returned))), places])
    amounts = np.concatenate([returned, by_replica[rewards]])
    return np.bincount(places, weights=amounts, minlength=len(count))
