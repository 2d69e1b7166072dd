"""The place of each replica in its session, and what it meets on the next steps."""

from __future__ import annotations

import attrs
import numpy as np

import engram
from engram import Array, Context

from .session import Session


@engram.state
class Place:
    """Where each replica stands in its session."""

    trial: Array = engram.array(dtype="int32", doc="number of the trial, from 0")
    elapsed: Array = engram.array(dtype="int32", unit="step", doc="steps since the trial began")
    kind: Array = engram.array(dtype="int8", doc="index of the type of the trial, -1 after the last trial")
    session: Session = engram.fixed()
    table: Array = engram.fixed()
    steps: int = engram.fixed()
    adds: bool = engram.fixed()
    episodic: bool = engram.fixed()
    ctx: Context = engram.fixed()


@attrs.frozen(eq=False)
class Passage:
    """The next steps of all replicas, (time, batch) each.

    Attributes:
        trial: Number of the trial.
        elapsed: Steps since it began.
        entry: Index of the trial in the flattened tables of the session.
        kind: Type of the trial, -1 after the last.
        row: Row of the tables of features: type x steps + step, or the last where nothing is shown.
    """

    trial: Array
    elapsed: Array
    entry: Array
    kind: Array
    row: Array


def ahead(state: Place, steps: int) -> Passage:
    """Return the next steps, from where the replicas stand."""
    session, xp = state.session, state.ctx.xp
    trial, elapsed = _trials(state, steps)
    entry = trial + xp.arange(state.ctx.batch) * (session.trials + 1)
    kind = session.kind.ravel()[entry]
    shown = (kind >= 0) & (elapsed < state.steps)
    last = session.types * state.steps
    row = xp.where(shown, kind.astype(np.int32) * state.steps + elapsed, last)
    return Passage(trial, elapsed, entry, kind, row)


def _trials(state: Place, steps: int) -> tuple[Array, Array]:
    """Return the trial of each of the next steps, and the steps since it began.

    A mark is set where a trial begins; summed over time, marks count trials.
    """
    session, xp = state.session, state.ctx.xp
    replica = xp.arange(state.ctx.batch)
    width = session.trials + 2
    begin = session.begin.ravel()
    now = begin[replica * width + state.trial] + state.elapsed + np.int32(1)
    following = state.trial + xp.arange(1, steps // state.steps + 2)[:, None]
    begins = begin[replica * width + xp.minimum(following, width - 1)] - now
    marks = xp.zeros((steps + 1, state.ctx.batch), dtype=np.int32)
    marks[xp.minimum(begins, steps), replica] = 1
    trial = state.trial + xp.cumsum(marks[:steps], axis=0, dtype=np.int32)
    time = xp.arange(steps, dtype=np.int32)[:, None]
    return trial, now + time - begin[replica * width + trial]


def rewards(state: Place, passage: Passage) -> Array:
    """Return (time, batch) the reward that arrives; outcomes of one step add, unless only the last counts."""
    session, xp = state.session, state.ctx.xp
    total = xp.zeros(passage.elapsed.shape, dtype=state.ctx.dtype)
    for row, reward in zip(session.row, session.reward, strict=True):
        comes = row.ravel()[passage.entry] == passage.elapsed
        worth = reward.ravel()[passage.entry]
        total = xp.where(comes, total + worth if state.adds else worth, total)
    return total


def comes(state: Place, passage: Passage) -> Array:
    """Return (time, batch) whether any outcome arrives."""
    session, xp = state.session, state.ctx.xp
    found = xp.zeros(passage.elapsed.shape, dtype=bool)
    for row in session.row:
        found |= row.ravel()[passage.entry] == passage.elapsed
    return found
