"""Classical conditioning: stimuli, outcomes and trials as a recipe declares them, for any number of replicas.

Step j of a trial carries the observation x_j and the reward r_j that arrives at step j, so that the error of
temporal-difference learning at this step is

    delta_j = r_j + gamma V(x_j) - V(x_{j-1})                                                  (1)

An event at time t s of its trial stands at step round(t / dt). A trial of `trial` s has round(trial / dt) + 1
steps, both ends included, and those of the interval after it. `start` is set at step 0, `end` at the last
step of the interval. What is left to chance is drawn once, before the first step.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

import engram
from engram import Array, Context, EngramError, Signal, Spec

from .distribution import Distribution
from .event import TrialType
from .feature import Features
from .outcome import Outcome
from .phase import Phase
from .protocol import Protocol, Semantics
from .serial_compound import serial_compound
from .session import Session, drawn
from .stimulus import Stimulus
from .timeline import Timeline, compiled

_PROTOCOL = (
    "dt", "trial", "interval", "trials", "stimuli", "outcomes", "types", "phases", "semantics",
)  # fmt: skip


@engram.state
class ConditioningState:
    """Where each replica stands in its session."""

    trial: Array = engram.array(dtype="int32", doc="number of the trial, from 0")
    elapsed: Array = engram.array(dtype="int32", unit="step", doc="steps since the trial began")
    kind: Array = engram.array(dtype="int8", doc="index of the type of the trial, -1 after the last trial")
    session: Session = engram.fixed()
    table: Array = engram.fixed()
    steps: int = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class Conditioning(engram.Task):
    """Stimuli and outcomes in trials, phases and groups; see the README of the plugin for examples."""

    name = "conditioning"

    dt: float | None = engram.param(
        default=None, gt=0, unit="s", doc="length of a step, as run.dt; 1.0 if absent"
    )
    trial: float | None = engram.param(
        default=None, gt=0, unit="s", doc="length of a trial, from its first step to its last"
    )
    interval: Distribution | float | None = engram.param(
        default=None,
        unit="s",
        doc="time between a trial and the next, part of the trial before; none if absent",
    )
    trials: int | None = engram.param(default=None, ge=1, doc="trials of phases that do not say")
    stimuli: tuple[Stimulus, ...] | None = engram.param(default=None, doc="what can be shown")
    outcomes: tuple[Outcome, ...] | None = engram.param(default=None, doc="what can happen")
    types: tuple[TrialType, ...] | None = engram.param(default=None, doc="types of trial")
    phases: tuple[Phase, ...] | None = engram.param(
        default=None, doc="phases in order; if absent, one with all types equally likely"
    )
    features: Literal["serial-compound"] | None = engram.param(
        default=None, doc="what is seen of stimuli; serial-compound if absent"
    )
    private: bool | None = engram.param(
        default=None, doc="each type of trial has features of its own; false if absent"
    )
    code: Literal["dense", "active"] = engram.param(
        default="dense", doc="observation: the value of each feature, or the indices of those that are 1"
    )
    episodic: bool | None = engram.param(
        default=None, doc="nothing follows the end of a trial; if false it is truncated; true if absent"
    )
    group: int = engram.param(default=0, ge=0, doc="whose phases a replica goes through", per_replica=True)
    semantics: Semantics | None = engram.param(
        default=None, doc="drl_sim: stimuli a step early, outcomes of one step do not add; intended if absent"
    )

    def check(self) -> None:
        """The protocol fits its trials, and the code its features."""
        groups = self.timeline.protocol.groups
        if self.group >= groups:
            raise ValueError(f"group: no phase has group {self.group}; the last is {groups - 1}")

    @property
    def protocol(self) -> Protocol:
        """What the keys make together."""
        given = {name: getattr(self, name) for name in _PROTOCOL}
        try:
            return Protocol(**{name: value for name, value in given.items() if value is not None})
        except engram.InvalidParameters as error:
            lines = (f"{path}: {text}" if path else text for path, text in error.problems)
            raise ValueError("; ".join(lines)) from None

    @property
    def timeline(self) -> Timeline:
        """The protocol in steps."""
        return compiled(self.protocol)

    @property
    def encoded(self) -> Features:
        """The features of all types of trial."""
        return serial_compound(self.timeline, bool(self.private))

    def trial_steps(self, dt: float) -> int:
        """Return the steps of the longest trial, its interval included.

        Args:
            dt: Length of a step in s.
        """
        timeline = self.timeline
        return round((timeline.steps + timeline.interval - 1) * timeline.dt / dt) + 1

    @property
    def observation(self) -> Spec:
        """The features: their values, or the indices of those that are 1, then -1."""
        features = self.encoded
        n = len(features.labels)
        if self.code == "active":
            return Spec(shape=(features.active,), dtype="int32", low=-1, high=n - 1, axes=("slot",))
        high = float(features.dense().max())
        return Spec(shape=(n,), low=0.0, high=high, axes=("feature",), labels=features.labels)

    @property
    def action(self) -> None:
        """Nothing that is done changes what comes."""
        return None

    def init(self, ctx: Context) -> ConditioningState:
        """Draw the sessions of all replicas."""
        timeline, features = self.timeline, self.encoded
        if abs(ctx.dt - timeline.dt) > 1e-9 * timeline.dt:
            raise EngramError(
                f"{ctx.path}.dt: is {timeline.dt:g} s, but run.dt is {ctx.dt:g} s; give both the same value"
            )
        active = self.code == "active"
        table = features.indices() if active else features.dense().astype(ctx.dtype)
        return ctx.state(
            ConditioningState,
            elapsed=ctx.array(-1, dtype="int32"),
            session=drawn(ctx, timeline, ctx.values(self, "group")),
            table=ctx.xp.asarray(table),
            steps=timeline.steps,
            ctx=ctx,
        )

    def schedule(self, state: ConditioningState, steps: int) -> Signal:
        """Return the next signals; after a replica's last trial they are silent."""
        session, xp = state.session, state.ctx.xp
        trial, elapsed = _places(state, steps)
        here = trial + xp.arange(state.ctx.batch) * (session.trials + 1)
        kind = session.kind.ravel()[here]
        on = kind >= 0
        end = on & (elapsed == session.length.ravel()[here] - 1)
        state.trial[...], state.elapsed[...], state.kind[...] = trial[-1], elapsed[-1], kind[-1]
        seen = on & (elapsed < state.steps)
        row = xp.where(seen, kind.astype(np.int32) * state.steps + elapsed, len(state.table) - 1)
        return Signal(
            observation=state.table[row],
            reward=self._reward(session, here, elapsed, xp, state.ctx),
            start=on & (elapsed == 0),
            end=end,
            truncated=end & self._cut,
            learn=session.learn.ravel()[here],
            outcome=xp.where(end, kind, np.int8(-1)),
        )

    @property
    def _cut(self) -> bool:
        return self.episodic is False

    def _reward(self, session: Session, here: Array, elapsed: Array, xp: Any, ctx: Context) -> Array:
        """Outcomes of one step add; under drl_sim the one declared last stands."""
        total = xp.zeros(elapsed.shape, dtype=ctx.dtype)
        for row, reward in zip(session.row, session.reward, strict=True):
            comes, worth = row.ravel()[here] == elapsed, reward.ravel()[here]
            if self.semantics == "drl_sim":
                total = xp.where(comes, worth, total)
            else:
                total += xp.where(comes, worth, worth.dtype.type(0))
        return total


def _places(state: ConditioningState, steps: int) -> tuple[Array, Array]:
    """Return (time, batch) the trial of each of the next steps, and the steps since it began."""
    session, xp = state.session, state.ctx.xp
    replica = xp.arange(state.ctx.batch)
    width = session.trials + 2
    begin = session.begin.ravel()
    origin = begin[replica * width + state.trial] + state.elapsed + np.int32(1)
    ahead = xp.arange(1, steps // state.steps + 2)[:, None]
    later = xp.minimum(state.trial + ahead, width - 1)
    marks = xp.zeros((steps + 1, state.ctx.batch), dtype=np.int32)
    marks[xp.minimum(begin[replica * width + later] - origin, steps), replica] = 1
    trial = state.trial + xp.cumsum(marks[:steps], axis=0, dtype=np.int32)
    return trial, origin + xp.arange(steps, dtype=np.int32)[:, None] - begin[replica * width + trial]
