"""The complete serial compound: a unit for each step since a stimulus came on.

Sutton and Barto 1990, in Gabriel and Moore (eds), Learning and Computational Neuroscience, 497:

    x_{s,k}(t) = 1 where stimulus s came on k steps before t, else 0

so that time since a stimulus is known exactly, however long ago it was. The chain lasts to the end of the
trial; the interval after it has no features.
"""

from __future__ import annotations

from collections.abc import Iterator

from .feature import Entry, Features, block, gathered, places
from .timeline import Timeline


def serial_compound(timeline: Timeline, private: bool) -> Features:
    """Return the units of all stimuli; with `private`, each type of trial has its own."""
    offsets, labels = block(
        timeline, private, lambda cue: [f" {step}" for step in range(timeline.steps - cue.onset)]
    )
    return gathered(timeline, labels, _entries(timeline, private, offsets))


def _entries(timeline: Timeline, private: bool, offsets: dict[tuple[int, int], int]) -> Iterator[Entry]:
    for kind, cue, offset, salience in places(timeline, private, offsets):
        for step in range(cue.onset, timeline.steps):
            yield kind, step, offset + step - cue.onset, salience
