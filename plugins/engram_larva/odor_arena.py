"""A larva among odours: it climbs or descends their gradients with the gains that its memory gives it.

larvaworld 2.5.1 wires a larva so: sense food; the memory takes the change perceived one step ago and the
present contact with food, and sets the gains; the sensor reads the odours with these gains; the larva moves.
Here a signal is what the memory takes, and a step is what follows its decision:

    signal t   observation dX(t - 1), reward on_food(t)
    step       A(t) from dX(t) with the gains of signal t; move; signal t + 1 holds dX(t), on_food(t + 1)

A trial starts with the larva put back to the start region, nothing perceived and reward 0.
"""

from __future__ import annotations

from typing import Any, Literal

import engram
from engram import Array, Context, Signal, Spec

from .arena import Arena, Start
from .larva import Larva, LarvaState
from .odor import Odor, Sources, concentration, mixed, sources
from .sensor import Perception, leak, perceive
from .trial import advance, signals


@engram.state
class OdorState(LarvaState):
    """A larva, what it smells, and where its trial stands."""

    level: Array = engram.array("stimulus", unit="uM", doc="concentration at the head one step ago")
    change: Array = engram.array("stimulus", doc="perceived change dX")
    gain: Array = engram.array("stimulus", doc="gain in use")
    output: Array = engram.array(doc="sensor output A, the input of the turner", record=True)
    distance: Array = engram.array("source", unit="m", doc="from the head to each source", record=True)
    on_food: Array = engram.array(dtype="bool", doc="the head is on food", record=True)
    testing: Array = engram.array(dtype="bool", doc="the trial is a test", record=True)
    trial: Array = engram.array(dtype="int32", doc="number of the trial")
    remaining: Array = engram.array(dtype="int32", doc="signals that follow in the trial")
    ctx: Context = engram.fixed()
    p: Any = engram.fixed()
    sources: Sources = engram.fixed()
    kept: Array = engram.fixed()
    lengths: tuple[int, int] = engram.fixed()


@engram.parameters
class OdorArena(engram.Task):
    """Larvae in a dish with odours, some with food: chemotaxis, and learning which odour to approach."""

    name = "odor-arena"

    odors: tuple[Odor, ...] = engram.param(
        default=(Odor(name="CS", x=-0.04, food=True),), doc="sources; those of one name are one stimulus"
    )
    arena: Arena = engram.param(default=Arena(), doc="outline and size")
    start: Start = engram.param(default=Start(), doc="where larvae are put when a trial starts")
    larva: Larva = engram.param(default=Larva(), doc="how larvae move")
    perception: Perception = engram.param(default="log", doc="how a change of concentration is perceived")
    decay: float = engram.param(
        default=0.1, ge=0, unit="1/s", symbol="rho", doc="decay of the sensor output", per_replica=True
    )
    innate_gain: float = engram.param(default=0.0, doc="gain of untrained larvae", per_replica=True)
    trained: bool = engram.param(
        default=True, doc="use the memory's gains; else innate_gain", per_replica=True
    )
    rewarded: bool = engram.param(default=True, doc="food is rewarding", per_replica=True)
    train_trials: int = engram.param(default=30, ge=0, doc="training trials, with food and learning")
    trial_dur: float = engram.param(default=60.0, gt=0, unit="s", doc="length of a training trial")
    test_dur: float = engram.param(
        default=180.0, gt=0, unit="s", doc="length of a test trial; all trials after training are tests"
    )
    semantics: Literal["intended", "larvaworld-2.5"] = engram.param(
        default="intended", doc="intended: the sensor output is held within -1 .. 1, as documented"
    )

    def check(self) -> None:
        """Larvae start within the arena; there is something to smell."""
        if not self.odors:
            raise ValueError("odors must name at least one source")
        if not self.start.fits(self.arena, self.larva.body.length / 2):
            raise ValueError("start: the region must lie within the arena, half a body length from its edge")

    @property
    def stimuli(self) -> tuple[str, ...]:
        """Names of the odours, in order of first mention."""
        return tuple(dict.fromkeys(odor.name for odor in self.odors))

    @property
    def observation(self) -> Spec:
        """Perceived change dX of each odour."""
        return Spec(shape=(len(self.stimuli),), axes=("stimulus",), labels=self.stimuli)

    @property
    def action(self) -> Spec:
        """Gain of each odour."""
        return Spec(shape=(len(self.stimuli),), axes=("stimulus",), labels=self.stimuli)

    def init(self, ctx: Context) -> OdorState:
        """Return larvae with their rhythms under way; `reset` puts them into the arena."""
        sizes = {"xy": 2, "side": 2, "stimulus": len(self.stimuli), "source": len(self.odors)}
        p = ctx.per_replica(self)
        return ctx.state(
            OdorState,
            sizes=sizes,
            ctx=ctx,
            p=p,
            sources=sources(self.odors, self.stimuli, ctx),
            kept=ctx.xp.exp(-ctx.dt * p.decay),
            lengths=(signals(self.trial_dur, ctx.dt), signals(self.test_dur, ctx.dt)),
            **self.larva.init(ctx, self.start),
        )

    def reset(self, state: OdorState) -> Signal:
        """Start the first trial."""
        state.trial[...] = -1
        state.remaining[...] = 0
        return self._signal(state)

    def step(self, state: OdorState, action: Array) -> Signal:
        """Sense with the gains `action` (batch, stimulus), move, and say what came of it."""
        self._sense(state, action)
        self.larva.step(state, state.output, state.on_food, self.arena.inside, state.ctx.dt)
        return self._signal(state)

    def _sense(self, state: OdorState, action: Array) -> None:
        xp, p, odor = state.ctx.xp, state.p, state.sources
        level = mixed(concentration(state.distance, odor.intensity, odor.spread), odor.stimulus)
        state.change[...] = perceive(level, state.level, self.perception)
        state.level[...] = level
        state.gain[...] = xp.where(p.trained[:, None], action, p.innate_gain[:, None])
        output = leak(state.output, state.gain, state.change, state.kept, state.ctx.dt)
        if self.semantics == "intended":
            output = xp.minimum(xp.maximum(output, -1), 1)
        state.output[...] = output

    def _signal(self, state: OdorState) -> Signal:
        start = advance(state.trial, state.remaining, state.testing, self.train_trials, state.lengths)
        self.larva.put(state, start)
        self._forget(state, start)
        self._find_food(state)
        rewarded = state.on_food & state.p.rewarded & ~start
        return state.ctx.signal(
            state.change.copy(),
            rewarded.astype(state.ctx.dtype),
            start=start,
            end=state.remaining == 0,
            learn=state.p.trained & ~state.testing,
        )

    def _forget(self, state: OdorState, start: Array) -> None:
        """Where a trial starts, nothing has been perceived."""
        kept = ~start
        state.output *= kept
        state.level *= kept[:, None]
        state.change *= kept[:, None]

    def _find_food(self, state: OdorState) -> None:
        away = state.head[:, None, :] - state.sources.place
        away *= away
        square = away[:, :, 0] + away[:, :, 1]
        state.distance[...] = state.ctx.xp.sqrt(square)
        state.on_food[...] = (square <= state.sources.reach).any(axis=1) & ~state.testing
