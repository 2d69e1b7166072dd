"""The complete serial compound: a unit for each step since a stimulus came on.

Sutton and Barto 1990, in Gabriel and Moore (eds), Learning and Computational Neuroscience, 497:

    x_{s,k}(t) = 1 where stimulus s came on k steps before t, else 0

so that time since a stimulus is known exactly, however long ago it was. The chain lasts to the end of the
trial; the interval after it has no features.
"""

from __future__ import annotations

from collections.abc import Iterator

from .feature import Entry, Features, gathered
from .timeline import Timeline


def serial_compound(timeline: Timeline, private: bool) -> Features:
    """Return the units of all stimuli; with `private`, each type of trial has its own."""
    sizes: dict[tuple[int, int], int] = {}
    for kind, cues in enumerate(timeline.cues):
        for cue in cues:
            key = (kind if private else -1, cue.stimulus)
            sizes[key] = max(sizes.get(key, 0), timeline.steps - cue.onset)
    offsets: dict[tuple[int, int], int] = {}
    labels: list[str] = []
    for key in sorted(sizes):
        offsets[key] = len(labels)
        labels += [f"{_name(timeline, *key)} {step}" for step in range(sizes[key])]
    return gathered(timeline, labels, _units(timeline, private, offsets))


def _units(timeline: Timeline, private: bool, offsets: dict[tuple[int, int], int]) -> Iterator[Entry]:
    for kind, cues in enumerate(timeline.cues):
        for cue in cues:
            offset = offsets[kind if private else -1, cue.stimulus]
            salience = timeline.protocol.stimuli[cue.stimulus].salience
            for step in range(cue.onset, timeline.steps):
                yield kind, step, offset + step - cue.onset, salience


def _name(timeline: Timeline, kind: int, stimulus: int) -> str:
    name = timeline.protocol.stimuli[stimulus].name
    return name if kind < 0 else f"{timeline.protocol.types[kind].name}: {name}"
