"""Classical conditioning: stimuli, outcomes and trials as a recipe declares them, for any number of replicas.

Step j of a trial carries the observation x_j and the reward r_j that arrives at step j, so that the error of
temporal-difference learning at this step is

    delta_j = r_j + gamma V(x_j) - V(x_{j-1})                                                  (1)

An event at time t s of its trial stands at step round(t / dt). A trial of `trial` s has round(trial / dt) + 1
steps, both ends included, and those of the interval after it. `start` is set at step 0, `end` at the last
step of the interval. What is left to chance is drawn once, before the first step.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

import engram
from engram import Context, RecipeError, Signal, Spec

from .belief import Belief, Filter, MicroStates, beliefs, filter_of, micro_states
from .boxcar import boxcar
from .design import expanded
from .distribution import Distribution
from .event import TrialType
from .feature import Features
from .microstimuli import Microstimuli, microstimuli
from .outcome import Outcome
from .phase import Phase
from .place import Place, ahead, rewards
from .preset import preset
from .protocol import Protocol, Semantics
from .serial_compound import serial_compound
from .session import drawn
from .stimulus import Stimulus
from .timeline import Timeline, compiled

_PROTOCOL = (
    "dt", "trial", "interval", "trials", "stimuli", "outcomes", "types", "phases", "semantics",
)  # fmt: skip
_DESIGN = ("design", "cue_at", "cue_duration", "outcome_at")
_VIEW = ("features", "private", "microstimuli", "belief", "episodic")
_SCHEDULE = ("design", "stimuli", "outcomes", "types", "phases")


@engram.parameters
class Conditioning(engram.Task):
    """Classical conditioning: stimuli and outcomes in trials, phases and groups."""

    name = "conditioning"

    preset: str | None = engram.param(
        default=None, doc='schedule of the literature, such as "blocking", that fills in what is not given'
    )
    dt: float | None = engram.param(
        default=None, gt=0, lt=math.inf, unit="s", doc="length of a step, the same as run.dt; 1.0 if absent"
    )
    trial: float | None = engram.param(
        default=None, gt=0, unit="s", doc="length of a trial, from its first step to its last"
    )
    interval: Distribution | float | None = engram.param(
        default=None, unit="s", doc="time between a trial and the next, part of the former; none if absent"
    )
    trials: int | None = engram.param(default=None, ge=1, doc="trials of phases that do not say")
    stimuli: tuple[Stimulus, ...] | None = engram.param(default=None, doc="what can be shown")
    outcomes: tuple[Outcome, ...] | None = engram.param(default=None, doc="what can happen")
    types: tuple[TrialType, ...] | None = engram.param(default=None, doc="types of trial")
    phases: tuple[Phase, ...] | None = engram.param(
        default=None, doc="phases in order; if absent, one with all types equally likely"
    )
    design: tuple[str, ...] | str | None = engram.param(
        default=None, doc='types and phases in short, such as "10A(US)/10AB"; a list has one for each group'
    )
    cue_at: float | None = engram.param(
        default=None, ge=0, unit="s", doc="time of the stimuli of a design; 0 if absent"
    )
    cue_duration: float | None = engram.param(
        default=None, gt=0, unit="s", doc="how long the stimuli of a design last; one step if absent"
    )
    outcome_at: float | None = engram.param(
        default=None, ge=0, unit="s", doc="time of the outcome of a design"
    )
    features: Literal["serial-compound", "microstimuli", "boxcar", "belief"] | None = engram.param(
        default=None, doc="what is seen of stimuli; serial-compound if absent"
    )
    code: Literal["dense", "active"] = engram.param(
        default="dense", doc="observation: the value of each feature, or the indices of those that are 1"
    )
    private: bool | None = engram.param(
        default=None, doc="each type of trial has features of its own; false if absent"
    )
    microstimuli: Microstimuli | None = engram.param(default=None, doc="how traces become microstimuli")
    belief: Belief | None = engram.param(default=None, doc="what belief features know of the interval")
    episodic: bool | None = engram.param(
        default=None, doc="nothing follows the end of a trial; if false it is truncated; true if absent"
    )
    group: int = engram.param(default=0, ge=0, doc="whose phases a replica goes through", per_replica=True)
    semantics: Semantics | None = engram.param(
        default=None,
        doc="drl_sim: stimuli a step early, outcomes of one step do not add; intended if absent",
    )

    def check(self) -> None:
        """The protocol fits its trials, and the code its features."""
        timeline = self.timeline
        groups = timeline.protocol.groups
        if self.group >= groups:
            raise ValueError(f"group: no phase has group {self.group}; the last is {groups - 1}")
        kind = self._chosen("features", "serial-compound")
        if self.code == "active" and kind not in ("serial-compound", "boxcar"):
            raise ValueError(f'code: {kind} features are no indices; use code = "dense"')
        if self.code == "active" and any(item.salience != 1 for item in timeline.protocol.stimuli):
            raise ValueError('code: indices have no salience; leave it at 1, or use code = "dense"')
        if not any(timeline.cues):
            raise ValueError("types: no type has a stimulus, so that nothing can be seen; add one")
        if kind == "belief":
            self._micro_states(timeline)

    def _settings(self) -> dict[str, Any]:
        """What is given, and what the preset gives of the rest."""
        names = (*_PROTOCOL, *_DESIGN, *_VIEW)
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if "design" in given and "types" in given:
            raise ValueError("design: cannot be given together with types; leave one out")
        filled = {} if self.preset is None else preset(self.preset)
        replaced = _SCHEDULE if {"design", "types"} & given.keys() else ()
        return {name: value for name, value in filled.items() if name not in replaced} | given

    def _chosen(self, name: str, otherwise: Any) -> Any:
        return self._settings().get(name, otherwise)

    @property
    def protocol(self) -> Protocol:
        """What preset, design and the other keys make together."""
        settings = self._settings()
        if "trial" not in settings:
            raise ValueError("trial: is required, the length of a trial in s; or name a preset")
        if "design" in settings:
            written = settings["design"]
            designs = (written,) if isinstance(written, str) else tuple(written)
            timing = (settings.get("cue_at", 0.0), settings.get("cue_duration"), settings.get("outcome_at"))
            settings = expanded(designs, *timing) | settings
        try:
            return Protocol(**{name: settings[name] for name in _PROTOCOL if name in settings})
        except engram.InvalidParameters as error:
            lines = (f"{path}: {text}" if path else text for path, text in error.problems)
            raise ValueError("; ".join(lines)) from None

    @property
    def timeline(self) -> Timeline:
        """The protocol in steps."""
        return compiled(self.protocol)

    def _features(self, timeline: Timeline) -> Features:
        private = bool(self._chosen("private", False))
        kind = self._chosen("features", "serial-compound")
        if kind == "microstimuli":
            given = self._chosen("microstimuli", {})
            return microstimuli(
                timeline, private, given if isinstance(given, Microstimuli) else Microstimuli(**given)
            )
        return (boxcar if kind == "boxcar" else serial_compound)(timeline, private)

    def _micro_states(self, timeline: Timeline) -> MicroStates:
        given = self._chosen("belief", {})
        return micro_states(timeline, given if isinstance(given, Belief) else Belief(**given))

    def trial_steps(self, dt: float) -> tuple[int, int]:
        """Return the steps of the shortest and the longest trial, their intervals included.

        Args:
            dt: Length of a step in s.
        """
        timeline = self.timeline
        shortest, longest = (
            round((timeline.steps + interval - 1) * timeline.dt / dt) + 1 for interval in timeline.intervals
        )
        return shortest, longest

    @property
    def observation(self) -> Spec:
        """The value of each feature; or the indices of those that are 1 in rising order, then -1."""
        timeline = self.timeline
        if self._chosen("features", "") == "belief":
            labels = self._micro_states(timeline).labels
            return Spec(shape=(len(labels),), low=0.0, high=1.0, axes=("feature",), labels=labels)
        features = self._features(timeline)
        n = len(features.labels)
        if self.code == "active":
            return Spec(shape=(features.active,), dtype="int32", low=-1, high=n - 1, axes=("slot",))
        high = float(features.value.max())
        return Spec(shape=(n,), low=0.0, high=high, axes=("feature",), labels=features.labels)

    @property
    def action(self) -> None:
        """Nothing that is done changes what comes."""
        return None

    def init(self, ctx: Context) -> Place:
        """Draw the sessions of all replicas."""
        timeline = self.timeline
        if abs(ctx.dt - timeline.dt) > 1e-9 * timeline.dt:
            raise RecipeError(
                f"{ctx.path}.dt: is {timeline.dt:g} s, but run.dt is {ctx.dt:g} s; give both the same value"
            )
        start = {
            "elapsed": ctx.array(-1, dtype="int32"),
            "session": drawn(ctx, timeline, ctx.values(self, "group")),
            "steps": timeline.steps,
            "adds": self._chosen("semantics", "intended") == "intended",
            "episodic": self._chosen("episodic", True),
            "ctx": ctx,
        }
        if self._chosen("features", "") == "belief":
            return filter_of(ctx, self._micro_states(timeline), start)
        features = self._features(timeline)
        table = features.indices() if self.code == "active" else features.dense().astype(ctx.dtype)
        return ctx.state(Place, table=ctx.xp.asarray(table), **start)

    def schedule(self, state: Place, steps: int) -> Signal:
        """Return the next signals; after a replica's last trial they are silent."""
        passage = ahead(state, steps)
        kind, elapsed, session = passage.kind, passage.elapsed, state.session
        on = kind >= 0
        end = on & (elapsed == session.length.ravel()[passage.entry] - 1)
        seen = beliefs(state, passage) if isinstance(state, Filter) else state.table[passage.row]
        state.trial[...], state.elapsed[...], state.kind[...] = passage.trial[-1], elapsed[-1], kind[-1]
        return Signal(
            observation=seen,
            reward=rewards(state, passage),
            start=on & (elapsed == 0),
            end=end,
            truncated=end & (not state.episodic),
            learn=session.learn.ravel()[passage.entry],
            outcome=state.ctx.xp.where(end, kind, np.int8(-1)),
        )
