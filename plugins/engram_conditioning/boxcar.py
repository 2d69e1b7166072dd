"""The boxcar: a stimulus has one feature, which is on as long as the stimulus is.

Presence, as in Rescorla and Wagner 1972 and, in real time, Sutton and Barto 1990. What a boxcar cannot tell
is when in the stimulus, or after it, an outcome will come.
"""

from __future__ import annotations

from collections.abc import Iterator

from .feature import Entry, Features, block, gathered, places
from .timeline import Timeline


def boxcar(timeline: Timeline, private: bool) -> Features:
    """Return one feature for each stimulus; with `private`, for each stimulus of each type of trial."""
    offsets, labels = block(timeline, private, lambda cue: [""])
    return gathered(timeline, labels, _entries(timeline, private, offsets))


def _entries(timeline: Timeline, private: bool, offsets: dict[tuple[int, int], int]) -> Iterator[Entry]:
    for kind, cue, offset, salience in places(timeline, private, offsets):
        for step in range(cue.onset, cue.onset + cue.length):
            yield kind, step, offset, salience
