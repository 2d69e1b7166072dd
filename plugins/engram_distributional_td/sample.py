"""Which replicas and trials of a run an analysis looks at, where their rows stand, and their mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

import engram
from engram import EngramError

from .schedule import Host, codes_of, span_of, step_of, trials_of

VALUE, DELTA, REWARD = "memory.value", "memory.delta", "task.reward"
_BLOCK = 1 << 25
_TINY = 1e-6
_LAST = 10


@attrs.frozen(eq=False)
class Timing:
    """Where the recorded rows of a variable stand in the trials that are looked at.

    Attributes:
        replica: (replica,) indices along the batch.
        trial: (row, replica) number of the trial, -1 in none of these trials.
        moment: (row, replica) steps since the trial began.
    """

    replica: Host
    trial: Host
    moment: Host

    @property
    def trials(self) -> Host:
        """(trial,) numbers of the trials of which rows were recorded."""
        return np.unique(self.trial[self.trial >= 0])

    @property
    def moments(self) -> Host:
        """(moment,) moments of which rows were recorded."""
        return np.unique(self.moment[self.trial >= 0])

    def at_edge(self, number: int, *, first: bool = False) -> Timing:
        """Return the last, or the first, so many trials of each replica."""
        trial = self.trial.copy()
        for own in trial.T:
            known = np.unique(own[own >= 0])
            own[~np.isin(own, known[:number] if first else known[-number:])] = -1
        return attrs.evolve(self, trial=trial)


def timing(step: Host, trials: dict[str, Host], replicas: Host) -> Timing:
    """Place rows in trials.

    Args:
        step: (row,) steps of the run, increasing.
        trials: The table of those trials that are looked at.
        replicas: (replica,) those wanted.
    """
    trial = np.full((len(step), len(replicas)), -1, dtype=np.int32)
    moment = np.zeros_like(trial)
    for column, replica in enumerate(replicas):
        own = np.flatnonzero(trials["replica"] == replica)
        own = own[np.argsort(trials["start_step"][own])]
        at = np.searchsorted(trials["start_step"][own], step, side="right") - 1
        row = np.flatnonzero(at >= 0)
        row = row[step[row] <= trials["stop_step"][own[at[row]]]]
        trial[row, column] = trials["number"][own[at[row]]]
        moment[row, column] = step[row] - trials["start_step"][own[at[row]]]
    return Timing(replicas, trial, moment)


@engram.parameters
class Sample:
    """What every analysis may be asked for: the final settings add their own."""

    replica: int | None = engram.param(default=None, ge=0, doc="replica; the mean over all if absent")
    point: int | None = engram.param(
        default=None, ge=0, doc="sweep point, over whose replicas the mean is taken"
    )
    types: tuple[int | str, ...] | None = engram.param(
        default=None, doc="only trials of these types, by name or outcome code"
    )
    phase: int | str | None = engram.param(default=None, doc="only trials of this phase, by name or index")

    def of_type(self, code: int) -> Sample:
        """Return the same, of trials with one outcome code only."""
        return Sample(replica=self.replica, point=self.point, types=(code,), phase=self.phase)

    def replicas(self, run: Any) -> Host:
        """Return (replica,) the indices of the replicas that are looked at.

        Raises:
            EngramError: There is no such replica or point, or a point has to be chosen.
        """
        if self.replica is not None:
            if self.replica >= run.batch:
                raise EngramError(f"replica: is {self.replica}, but the last is {run.batch - 1}")
            return np.array([self.replica])
        point = run.columns.get("point", np.zeros(run.batch, dtype=int))
        if self.point is None and point.max() > 0:
            raise EngramError(f"has {point.max() + 1} sweep points; choose one, such as -o point=0")
        if self.point is not None and self.point not in point:
            raise EngramError(f"point: is {self.point}, but the last is {point.max()}")
        return np.flatnonzero(point == (self.point or 0))

    def table(self, run: Any) -> dict[str, Host]:
        """Return the rows of the table of trials that are looked at.

        Raises:
            EngramError: There is none.
        """
        trials = trials_of(run)
        kept = np.isin(trials["replica"], self.replicas(run))
        if self.types is not None:
            kept &= np.isin(trials["outcome"], codes_of(run, self.types))
        if self.phase is not None:
            start, stop = span_of(run, self.phase, self.replicas(run))
            own = trials["replica"]
            kept &= (start[own] <= trials["number"]) & (trials["number"] < stop[own])
        if not kept.any():
            raise EngramError("no trial of this kind is complete; let the run take longer, or take others")
        return {name: item[kept] for name, item in trials.items()}

    def timing(self, run: Any, path: str) -> Timing:
        """Return where the rows of a variable stand in the trials that are looked at.

        Raises:
            EngramError: The file has no trials of this kind, or none of their rows.
        """
        found = timing(run.step(path), self.table(run), self.replicas(run))
        if not (found.trial >= 0).any():
            raise EngramError(f"has no row of {path} in these trials; record more, see [record]")
        return found


@engram.parameters
class Moment(Sample):
    """What analyses of one moment of the trial may be asked for: mostly that of the cue."""

    time: float | None = engram.param(
        default=None,
        ge=0,
        lt=math.inf,
        unit="s",
        doc="time within the trial; the first at which anything has a value if absent",
    )
    last: float = engram.param(
        default=0.25, gt=0, le=1, doc="share of the trials over which the mean is taken, the last ones"
    )

    def moment(self, run: Any) -> int:
        """Return the steps from the start of a trial to this time.

        Raises:
            EngramError: Nothing ever has a value, so that the cue is not known, or values are not finite.
        """
        if self.time is not None:
            return round(self.time / step_of(run))
        seen = aligned(run, VALUE, self.timing(run, VALUE).at_edge(_LAST))
        _check_finite(seen.total, VALUE)
        value = np.nanmax(np.abs(seen.mean), axis=(0, 2), initial=0.0)
        if not value.max() > 0:
            raise EngramError("no predictor has a value in the last trials; say when, such as -o time=2.0")
        return int(seen.moment[value > _TINY * value.max()][0])

    def settled(self, run: Any, path: str, moment: int) -> Host:
        """Return (predictor,) the mean of a variable at a moment over the last trials.

        Raises:
            EngramError: No row was recorded at this moment, or its values are not finite.
        """
        late = self.late(self.timing(run, path))
        mean: Host = aligned(run, path, late, moments=np.array([moment])).overall[0]
        _check_finite(mean, path)
        return mean

    def late(self, found: Timing) -> Timing:
        """Return the last trials of which rows were recorded."""
        return found.at_edge(max(1, round(self.last * len(found.trials))))


def _check_finite(values: Host, path: str) -> None:
    if not np.isfinite(values).all():
        raise EngramError(f"{path} is not finite in the last trials; lower the learning rates")


@attrs.frozen(eq=False)
class Aligned:
    """A variable trial by trial, summed over replicas.

    Attributes:
        trial: (trial,) numbers.
        moment: (moment,) steps since a trial began.
        total: (trial, moment, entry).
        count: (trial, moment, 1) replicas that have a row.
    """

    trial: Host
    moment: Host
    total: Host
    count: Host

    @property
    def mean(self) -> Host:
        """(trial, moment, entry) mean over replicas; nan where none has a row."""
        return _ratio(self.total, self.count)

    @property
    def overall(self) -> Host:
        """(moment, entry) mean over replicas and trials; nan where none has a row."""
        return _ratio(self.total.sum(axis=0), self.count.sum(axis=0))


def _ratio(total: Host, count: Host) -> Host:
    ratio: Host = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return ratio


def between(run: Any, moments: Host, start: float | None, stop: float | None) -> Host:
    """Return the moments from `start` to `stop`, times within the trial in s.

    Raises:
        EngramError: There is none.
    """
    time, half = moments * step_of(run), step_of(run) / 2
    low, high = (-np.inf if start is None else start - half), (np.inf if stop is None else stop + half)
    kept: Host = moments[(time > low) & (time < high)]
    if not len(kept):
        raise EngramError(f"has no row from start to stop; recorded are {time[0]:g} to {time[-1]:g} s")
    return kept


def spaced(values: Host, number: int) -> Host:
    """Return at most so many of `values`, evenly spaced from the first to the last."""
    if len(values) <= number:
        return values
    kept: Host = values[np.unique(np.linspace(0, len(values) - 1, number).round().astype(int))]
    return kept


def aligned(
    run: Any,
    path: str,
    found: Timing,
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
    trials = found.trials if trials is None else trials
    moments = found.moments if moments is None else moments
    trial, moment = _index(trials, found.trial), _index(moments, found.moment)
    cell = np.where((found.trial >= 0) & (trial >= 0) & (moment >= 0), trial * len(moments) + moment, -1)
    total, count = np.zeros((0, 0)), np.zeros((len(trials) * len(moments), 1))
    for rows, block in blocks(run, path, np.flatnonzero((cell >= 0).any(axis=1))):
        values = _grouped(block[:, found.replica], groups)
        total = total if total.size else np.zeros((len(count), values.shape[-1]))
        for column, own in enumerate(cell[rows].T):
            total[own[own >= 0]] += values[own >= 0, column]
            count[own[own >= 0]] += 1
    if not count.any():
        raise EngramError(_absent(run, path, found, moments))
    shape = (len(trials), len(moments), -1)
    return Aligned(trials, moments, total.reshape(shape), count.reshape(shape))


def _index(known: Host, values: Host) -> Host:
    """Return the place of each value among `known`, which increase; -1 where it is not there."""
    place = np.searchsorted(known, values).clip(max=len(known) - 1)
    return np.where(known[place] == values, place, -1)


def _grouped(values: Host, groups: Host | None) -> Host:
    """Return (row, replica, group) in double precision."""
    values = values.reshape(*values.shape[:2], -1).astype(float)
    return values if groups is None else values @ groups


def _absent(run: Any, path: str, found: Timing, wanted: Host) -> str:
    every = found.moments * step_of(run)
    times = ", ".join(f"{moment * step_of(run):g}" for moment in wanted[:3])
    return f"has no row of {path} at {times} s of a trial; recorded are {every[0]:g} to {every[-1]:g} s"


def blocks(run: Any, path: str, rows: Host) -> Iterator[tuple[Host, Host]]:
    """Yield rows of a variable in parts that fit in memory: (rows, values (row, batch, ...)).

    Args:
        run: An opened run file.
        path: The variable.
        rows: (row,) indices, increasing.
    """
    if not len(rows):
        return
    length = max(1, _BLOCK // max(run.part(path, slice(0, 1)).nbytes, 1))
    for part in np.split(rows, np.flatnonzero(np.diff(rows // length)) + 1):
        yield part, run.part(path, slice(int(part[0]), int(part[-1]) + 1))[part - part[0]]


@attrs.frozen(eq=False)
class Outcomes:
    """What followed outcomes.

    Attributes:
        trial: (outcome,) number of the trial.
        moment: (outcome,) steps since it began.
        size: (outcome,) reward.
        error: (outcome, predictor) TD error at it.
    """

    trial: Host
    moment: Host
    size: Host
    error: Host


def outcomes(run: Any, found: Timing, moment: int | None = None) -> Outcomes:
    """Read reward and TD error at every outcome of all replicas.

    Args:
        run: An opened run file.
        found: Where the rows of the TD error stand.
        moment: Where an outcome is due, whether it comes or not; wherever there is a reward if absent.
    """
    steps, every, parts = run.step(REWARD), run[REWARD], []
    for rows, values in blocks(run, DELTA, np.flatnonzero((found.trial >= 0).any(axis=1))):
        place = _index(steps, run.step(DELTA)[rows])
        size = np.where(place[:, None] < 0, 0, every[place])[:, found.replica]
        here = (found.trial[rows] >= 0) & (size != 0 if moment is None else found.moment[rows] == moment)
        parts.append(
            (found.trial[rows][here], found.moment[rows][here], size[here], values[:, found.replica][here])
        )
    trial, when, sizes, error = (np.concatenate(item) for item in zip(*parts, strict=True))
    return Outcomes(trial, when, sizes.astype(float), error.astype(float))


def returns(run: Any, found: Timing, moment: int, gamma: float | None) -> Host:
    """Return (trial,) the discounted sum of rewards after a moment, of every trial of every replica.

    Args:
        run: An opened run file.
        found: Where the rows of the reward stand.
        moment: Steps since the trial began.
        gamma: Discount; None if rewards must follow at once.

    Raises:
        EngramError: There is no discount, but rewards come later.
    """
    reward = np.where(found.moment > moment, run[REWARD][:, found.replica], 0.0)
    away = found.moment - moment - 1
    if gamma is None and (away[(reward != 0) & (found.trial >= 0)] > 0).any():
        raise EngramError("predictors have different discounts; take the step before the reward, -o time=")
    worth = reward * (1.0 if gamma is None else gamma) ** np.maximum(away, 0)
    trials = found.trials
    total, count = np.zeros((2, len(trials), len(found.replica)))
    for column, own in enumerate(found.trial.T):
        place = np.searchsorted(trials, own[own >= 0])
        np.add.at(total[:, column], place, worth[own >= 0, column])
        np.add.at(count[:, column], place, 1)
    return total[count > 0]
