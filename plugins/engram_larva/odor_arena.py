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
from engram import Array, Context, Signal, Spec, Stream

from .arena import Arena, Start, placed
from .body import direction
from .larva import Larva, LarvaState, behave, let_through, move
from .odor import Odor, concentration, square_distance
from .sensor import Perception, leak, perceive
from .trial import advance, signals
from .turner import activation, oscillate


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
    kept: Array = engram.fixed(per_replica=True)
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
        return ctx.state(
            OdorState,
            sizes=sizes,
            ctx=ctx,
            kept=engram.exact.exp(-ctx.dt * ctx.per_replica(self).decay),
            lengths=(signals(self.trial_dur, ctx.dt), signals(self.test_dur, ctx.dt)),
            **self.larva.init(ctx),
        )

    def reset(self, state: OdorState) -> Signal:
        """Start the first trial."""
        state.trial[...], state.remaining[...] = -1, 0
        start, state.trial[...], state.testing[...], state.remaining[...] = advance(
            state.trial, state.remaining, self.train_trials, state.lengths
        )
        self.larva.put(state, self.start)
        for forgotten in (state.output, state.level, state.change, state.on_food):
            forgotten[...] = 0
        for source, odor in enumerate(self.odors):
            square = square_distance(*state.head.T, odor)
            state.distance[:, source] = engram.exact.sqrt(square)
            state.on_food |= (square <= odor.radius**2) & odor.food & ~state.testing
        learn = state.ctx.per_replica(self).trained & ~state.testing
        return state.ctx.signal(state.change.copy(), start=start, learn=learn)

    @engram.scan
    def body(
        self: Any, dt: float, action: Array,
        position: Array, heading: Array, ahead: Array, head: Array, bend: Array, omega: Array,
        e: Array, c: Array, h: Array, phase: Array, stride: Array, bite: Array, mode: Array, left: Array,
        strides: Stream, bouts: Stream, starts: Stream,
        level: Array, change: Array, gain: Array, output: Array, distance: Array, on_food: Array,
        testing: Array, trial: Array, remaining: Array, kept: Array, lengths: tuple[int, int],
        trained: Array, innate_gain: Array, rewarded: Array,
        observation: Array, reward: Array, start: Array, end: Array, learn: Array,
    ) -> None:  # fmt: skip
        """Sense with the gains of the present signal, move, and say what came of it."""
        drive = 0.0
        for stimulus, name in enumerate(self.stimuli):
            smell = 0.0
            for odor in self.odors:
                if odor.name == name:
                    square = square_distance(head[0], head[1], odor)
                    smell += concentration(square, odor.intensity, odor.spread)
            change[stimulus] = perceive(smell, level[stimulus], self.perception)
            level[stimulus] = smell
            gain[stimulus] = action[stimulus] if trained else innate_gain
            drive += gain[stimulus] * change[stimulus]
        output = leak(output, drive, kept, dt)
        if self.semantics == "intended":
            output = min(max(output, -1.0), 1.0)

        mode, left, phase, stride, bite, forward = behave(
            mode, left, phase, stride, bite, on_food, strides, bouts, self.larva, dt
        )
        e[0], e[1], c[0], c[1], h[0], h[1] = oscillate(
            e[0], e[1], c[0], c[1], h[0], h[1], activation(output, self.larva.turner), self.larva.turner, dt
        )
        torque = let_through(e[1] - e[0], mode, phase, self.larva.crawler)
        position[0], position[1], heading, ahead[0], ahead[1], bend, omega = move(
            position[0], position[1], heading, ahead[0], ahead[1], bend, omega,
            forward, torque, self.larva, self.arena, dt,
        )  # fmt: skip

        start, trial, testing, remaining = advance(trial, remaining, self.train_trials, lengths)
        if start:
            across, along, turn = starts.uniform(3)
            position[0], position[1], heading = placed(across, along, turn, self.start)
            ahead[0], ahead[1] = direction(heading)
            bend, omega, output = 0.0, 0.0, 0.0
            for stimulus in range(len(level)):
                level[stimulus], change[stimulus] = 0.0, 0.0
        head[0] = position[0] + self.larva.body.length / 2 * ahead[0]
        head[1] = position[1] + self.larva.body.length / 2 * ahead[1]
        on_food = False
        for source, odor in enumerate(self.odors):
            square = square_distance(head[0], head[1], odor)
            distance[source] = engram.exact.sqrt(square)
            if odor.food:
                on_food = on_food or (square <= odor.radius**2 and not testing)
        for stimulus in range(len(change)):
            observation[stimulus] = change[stimulus]
        reward = 1.0 if on_food and rewarded and not start else 0.0
        end = remaining == 0
        learn = trained and not testing
