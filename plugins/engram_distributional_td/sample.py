"""Which replicas and trials of a run an analysis looks at, and their mean, trial by trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

import engram
from engram import EngramError

from .timing import Host, Timing, timings

VALUE, DELTA, REWARD = "memory.value", "memory.delta", "task.reward"
_BLOCK = 1 << 25
_TINY = 1e-6
_LAST = 10


@engram.parameters
class Sample:
    """What every analysis may be asked for: the final settings add their own."""

    replica: int | None = engram.param(default=None, ge=0, doc="replica; the mean over all if absent")
    point: int | None = engram.param(
        default=None, ge=0, doc="sweep point, over whose replicas the mean is taken"
    )
    outcome: int | None = engram.param(
        default=None, doc="only trials with this outcome code, such as the index of their type"
    )

    def replicas(self, run: Any) -> Host:
        """Return (replica,) the indices of the replicas that are looked at.

        Raises:
            EngramError: There is no such replica or point, or a point has to be chosen.
        """
        every = np.arange(run.batch)
        if self.replica is not None:
            if self.replica >= run.batch:
                raise EngramError(f"replica: is {self.replica}, but the last is {run.batch - 1}")
            return every[self.replica :][:1]
        point = run.columns.get("point", np.zeros(run.batch, dtype=int))
        if self.point is None and point.max() > 0:
            raise EngramError(f"has {point.max() + 1} sweep points; choose one, such as -o point=0")
        if self.point is not None and self.point not in point:
            raise EngramError(f"point: is {self.point}, but the last is {point.max()}")
        return every[point == (self.point or 0)]

    def timings(self, run: Any, path: str) -> list[Timing]:
        """Return where the rows of a variable stand in the trials that are looked at."""
        return timings(run, path, self.replicas(run), self.outcome)


@engram.parameters
class Moment(Sample):
    """What analyses of one moment of the trial may be asked for: mostly that of the cue."""

    time: float | None = engram.param(
        default=None, ge=0, unit="s", doc="time within the trial; the first at which anything has a value if absent"
    )
    last: float = engram.param(
        default=0.25, gt=0, le=1, doc="share of the trials over which the mean is taken, the last ones"
    )

    def moment(self, run: Any) -> int:
        """Return the steps from the start of a trial to this time.

        Raises:
            EngramError: Nothing ever has a value, so that the cue is not known.
        """
        if self.time is not None:
            return round(self.time / step_of(run))
        found = self.timings(run, VALUE)
        value = np.abs(aligned(run, VALUE, found, trials=numbers(found)[-_LAST:]).mean).max(axis=(0, 2))
        if not np.nanmax(value, initial=0.0) > 0:
            raise EngramError("no predictor has a value in the last trials; say when, such as -o time=2.0")
        moments = aligned(run, VALUE, found, trials=numbers(found)[-_LAST:]).moment
        return int(moments[value > _TINY * np.nanmax(value)][0])

    def settled(self, run: Any, path: str, moment: int) -> Host:
        """Return (predictor,) the mean of a variable at a moment over the last trials.

        Raises:
            EngramError: No row was recorded at this moment.
        """
        found = self.timings(run, path)
        values = aligned(run, path, found, trials=self.late(found), moments=np.array([moment])).mean
        mean: Host = np.nanmean(values[:, 0], axis=0)
        return mean

    def late(self, found: list[Timing]) -> Host:
        """Return (trial,) the numbers of the last trials of which rows were recorded."""
        every = numbers(found)
        return every[-max(1, round(self.last * len(every))) :]


@attrs.frozen(eq=False)
class Aligned:
    """A variable trial by trial, the mean over replicas.

    Attributes:
        trial: (trial,) numbers.
        moment: (moment,) steps since a trial began.
        mean: (trial, moment, entry); nan where no replica has a row.
    """

    trial: Host
    moment: Host
    mean: Host


def step_of(run: Any) -> float:
    """Return the length of a step in s."""
    return float(run.recipe["run"]["dt"])


def numbers(found: list[Timing]) -> Host:
    """Return (trial,) the numbers of the trials of which rows were recorded."""
    return np.unique(np.concatenate([timing.trial for timing in found]))


def moments(run: Any, found: list[Timing], start: float | None = None, stop: float | None = None) -> Host:
    """Return (moment,) the moments recorded from `start` to `stop`, times within the trial in s."""
    every = np.unique(np.concatenate([timing.moment for timing in found]))
    time = every * step_of(run)
    half = step_of(run) / 2
    low, high = (-np.inf if start is None else start - half), (np.inf if stop is None else stop + half)
    return every[(time > low) & (time < high)]


def spaced(values: Host, number: int) -> Host:
    """Return at most so many of `values`, evenly spaced from the first to the last."""
    if len(values) <= number:
        return values
    return values[np.unique(np.linspace(0, len(values) - 1, number).round().astype(int))]


def aligned(
    run: Any,
    path: str,
    found: list[Timing],
    *,
    trials: Host | None = None,
    moments: Host | None = None,
    groups: Host | None = None,
) -> Aligned:
    """Read a variable trial by trial.

    Args:
        run: An opened run file.
        path: The variable, (time, batch) or (time, batch, entry).
        found: Where its rows stand.
        trials: (trial,) numbers of those wanted; all if absent.
        moments: (moment,) steps wanted; all that were recorded if absent.
        groups: (entry, group) weights by which entries are added up; each by itself if absent.

    Raises:
        EngramError: None of these rows was recorded.
    """
    trials = numbers(found) if trials is None else trials
    moments = np.unique(np.concatenate([timing.moment for timing in found])) if moments is None else moments
    total, count = np.zeros(0), np.zeros((len(trials), len(moments)))
    for timing in found:
        kept = np.flatnonzero(np.isin(timing.trial, trials) & np.isin(timing.moment, moments))
        for part, values in blocks(run, path, timing.row[kept]):
            values = _grouped(values[:, timing.replica], groups)
            total = total if total.size else np.zeros((*count.shape, values.shape[-1]))
            place = np.searchsorted(trials, timing.trial[kept[part]]), np.searchsorted(moments, timing.moment[kept[part]])
            total[place] += values.sum(axis=1)
            count[place] += len(timing.replica)
    if not count.any():
        raise EngramError(_absent(run, path, found, moments))
    with np.errstate(invalid="ignore"):
        return Aligned(trials, moments, total / count[:, :, None])


def _grouped(values: Host, groups: Host | None) -> Host:
    """Return (row, replica, group) in double precision."""
    values = values.reshape(*values.shape[:2], -1).astype(float)
    return values if groups is None else values @ groups


def _absent(run: Any, path: str, found: list[Timing], wanted: Host) -> str:
    every = np.unique(np.concatenate([timing.moment for timing in found])) * step_of(run)
    times = ", ".join(f"{moment * step_of(run):g}" for moment in wanted[:3])
    return f"has no row of {path} at {times} s of a trial; recorded are {every[0]:g} to {every[-1]:g} s"


def blocks(run: Any, path: str, rows: Host) -> Iterator[tuple[Host, Host]]:
    """Yield rows of a variable in parts that fit in memory: (their places in `rows`, values (row, batch, ...)).

    Args:
        run: An opened run file.
        path: The variable.
        rows: (row,) indices, increasing.
    """
    if not len(rows):
        return
    size = run.part(path, slice(0, 1)).nbytes
    length = max(1, _BLOCK // max(size, 1))
    number = rows // length
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(number)) + 1):
        first, last = int(rows[part[0]]), int(rows[part[-1]])
        yield part, run.part(path, slice(first, last + 1))[rows[part] - first]
