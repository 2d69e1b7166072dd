"""Features: what a memory sees of the stimuli, worked out once for each step of each type of trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from .timeline import Cue, Timeline


@attrs.frozen(eq=False)
class Features:
    """The features that are not 0, one entry each.

    Attributes:
        labels: Name of each feature.
        rows: (types, steps) how many rows the table has.
        row: (entry,) int64 type x steps + step; `index` (entry,) int64 the feature; `value` (entry,).
    """

    labels: tuple[str, ...]
    rows: tuple[int, int]
    row: NDArray[np.int64]
    index: NDArray[np.int64]
    value: NDArray[np.float64]

    @property
    def active(self) -> int:
        """The most features that are not 0 at once."""
        places = np.unique(np.stack([self.row, self.index]), axis=1)[0]
        return max(1, int(np.bincount(places).max())) if len(places) else 1

    def dense(self) -> NDArray[np.float64]:
        """Return (row + 1, feature) the features, overlapping ones added; the last row is all 0."""
        table = np.zeros((self.rows[0] * self.rows[1] + 1, len(self.labels)))
        np.add.at(table, (self.row, self.index), self.value)
        return table

    def indices(self) -> NDArray[np.int32]:
        """Return (row + 1, slot) int32 the features that are not 0, in rising order, then -1."""
        table = np.full((self.rows[0] * self.rows[1] + 1, self.active), -1, dtype=np.int32)
        row, index = np.unique(np.stack([self.row, self.index]), axis=1)
        first = np.concatenate([[0], np.flatnonzero(np.diff(row)) + 1]) if len(row) else np.zeros(0, int)
        slot = np.arange(len(row)) - np.repeat(first, np.diff([*first, len(row)]))
        table[row, slot] = index
        return table


Entry = tuple[int, int, int, float]


def gathered(timeline: Timeline, labels: Iterable[str], entries: Iterable[Entry]) -> Features:
    """Return the features of entries (type, step, feature, value)."""
    rows = (len(timeline.cues), timeline.steps)
    columns = np.array(list(entries), dtype=np.float64).reshape(-1, 4)
    kind, step, index = columns[:, :3].astype(np.int64).T
    return Features(tuple(labels), rows, kind * rows[1] + step, index, columns[:, 3])


def block(
    timeline: Timeline, private: bool, suffixes: Callable[[Cue], list[str]]
) -> tuple[dict[tuple[int, int], int], list[str]]:
    """Lay the features of stimuli side by side.

    Args:
        timeline: Where stimuli are.
        private: Whether each type of trial has features of its own.
        suffixes: What follows the stimulus in the label of each feature that a cue needs.

    Returns:
        Index of the first feature by (type or -1, stimulus), and the label of each feature.
    """
    needed: dict[tuple[int, int], list[str]] = {}
    for kind, cues in enumerate(timeline.cues):
        for cue in cues:
            key = (kind if private else -1, cue.stimulus)
            needed[key] = max(needed.get(key, []), suffixes(cue), key=len)
    offsets: dict[tuple[int, int], int] = {}
    labels: list[str] = []
    for key in sorted(needed):
        offsets[key] = len(labels)
        labels += [_name(timeline, *key) + suffix for suffix in needed[key]]
    return offsets, labels


def _name(timeline: Timeline, kind: int, stimulus: int) -> str:
    name = timeline.protocol.stimuli[stimulus].name
    return name if kind < 0 else f"{timeline.protocol.types[kind].name}: {name}"


def places(
    timeline: Timeline, private: bool, offsets: dict[tuple[int, int], int]
) -> Iterator[tuple[int, Cue, int, float]]:
    """Yield (type, cue, its first feature, its salience) of all cues of all types."""
    for kind, cues in enumerate(timeline.cues):
        for cue in cues:
            offset = offsets[kind if private else -1, cue.stimulus]
            yield kind, cue, offset, timeline.protocol.stimuli[cue.stimulus].salience
