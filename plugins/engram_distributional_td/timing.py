"""Where the recorded rows of a run stand in its trials."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from engram import EngramError

Host = NDArray[Any]
_COLUMNS = ("replica", "number", "start_step", "stop_step", "outcome")


@attrs.frozen(eq=False)
class Timing:
    """Rows of a variable within the trials that some replicas have in common.

    Attributes:
        replica: (replica,) indices along the batch.
        row: (row,) indices of the recorded rows that lie in a trial.
        trial: (row,) number of the trial, from 0.
        moment: (row,) steps since the trial began.
        trials: (trial,) numbers of all trials that are known, whether rows of them were recorded or not.
    """

    replica: Host
    row: Host
    trial: Host
    moment: Host
    trials: Host


def timings(run: Any, path: str, replicas: Host, outcome: int | None = None) -> list[Timing]:
    """Place the rows of a variable in trials, for each set of replicas whose trials are alike.

    Args:
        run: An opened run file.
        path: The variable, such as "memory.value".
        replicas: (replica,) those wanted.
        outcome: Take only trials with this outcome code.

    Raises:
        EngramError: The file has no trials of this kind.
    """
    table = _table(run)
    step = run.step(path)
    alike: dict[bytes, list[int]] = {}
    known = {}
    for replica in replicas:
        own = table["replica"] == replica
        own &= (table["outcome"] == outcome) if outcome is not None else True
        trials = np.stack([table[name][own].astype(np.int64) for name in _COLUMNS[1:4]])
        if trials.size:
            alike.setdefault(trials.tobytes(), []).append(int(replica))
            known[trials.tobytes()] = trials
    if not alike:
        kind = "" if outcome is None else f" with the outcome {outcome}"
        raise EngramError(f"no trial{kind} is complete; let the run take longer")
    return [_placed(step, known[key], np.array(members)) for key, members in alike.items()]


def _table(run: Any) -> dict[str, Host]:
    tables = run.tables()
    if "trials" not in tables:
        raise EngramError("holds no table of trials; record it with record.trials = true")
    return {name: tables["trials"].read(name) for name in _COLUMNS}


def _placed(step: Host, trials: Host, replicas: Host) -> Timing:
    number, start, stop = trials[:, np.argsort(trials[1])]
    at = np.searchsorted(start, step, side="right") - 1
    row = np.flatnonzero((at >= 0) & (step <= stop[at]))
    at = at[row]
    return Timing(replicas, row, number[at], step[row] - start[at], number)
