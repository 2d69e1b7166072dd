"""A larva that feels: it meets patches of food with touch sensors on its body.

larvaworld 2.5.1, its tactile detection experiments. A sensor i touches a patch or does not, c_i in {0, 1};
what is perceived of it is the change of contact, +1, 0 or -1, and the gains that a memory sets let onset and
loss of contact turn the larva. Steps and signals follow each other as in `odor-arena`.
"""

from __future__ import annotations

from typing import Any, Literal

import engram
from engram import Array, Context, Signal, Spec, Stream

from .arena import Arena, Start, placed
from .body import direction
from .larva import Larva, LarvaState, behave, let_through, move
from .sensor import Perception, contact_change, leak, perceive
from .trial import advance, signals
from .turner import activation, oscillate


@engram.parameters
class Patch:
    """A round patch that a larva can feel."""

    x: float = engram.param(default=0.0, unit="m", doc="centre")
    y: float = engram.param(default=0.0, unit="m", doc="centre")
    radius: float = engram.param(default=0.01, gt=0, unit="m", doc="radius")


@engram.parameters
class TouchSensor:
    """A point of the head segment that feels."""

    name: str = engram.param(doc="name of the sensor")
    ahead: float = engram.param(
        default=0.5, ge=0, le=0.5, doc="distance in front of the joint, in body lengths"
    )
    aside: float = engram.param(default=0.0, ge=-0.5, le=0.5, doc="distance to the left, in body lengths")


@engram.rule
def touches(
    x: Array, y: Array, along: Array, across: Array, sensor: TouchSensor, length: float, patch: Patch
) -> Array:
    """Say whether a sensor of a larva of `length` m is within a patch.

    Args:
        x: (batch,) position of the joint in m.
        y: (batch,) position of the joint in m.
        along: (batch,) cosine of the heading.
        across: (batch,) sine of the heading.
        sensor: Where it sits on the head.
        length: Body length in m.
        patch: What it may touch.
    """
    ahead, aside = length * sensor.ahead, length * sensor.aside
    right = x + ahead * along - aside * across - patch.x
    up = y + ahead * across + aside * along - patch.y
    return right * right + up * up <= patch.radius**2


@engram.rule
def contact_of(
    x: Array, y: Array, along: Array, across: Array, sensor: TouchSensor, length: float,
    patches: tuple[Patch, ...],
) -> Array:  # fmt: skip
    """Return the contact c of a sensor, 1 where it touches any of the patches, else 0.

    Args:
        x: (batch,) position of the joint in m.
        y: (batch,) position of the joint in m.
        along: (batch,) cosine of the heading.
        across: (batch,) sine of the heading.
        sensor: Where it sits on the head.
        length: Body length in m.
        patches: What it may touch.
    """
    touch = False
    for patch in patches:
        touch = touch or touches(x, y, along, across, sensor, length, patch)
    return 1.0 if touch else 0.0


@engram.state
class TouchState(LarvaState):
    """A larva, what it touches, and where its trial stands."""

    contact: Array = engram.array("stimulus", doc="1 where the sensor touches a patch", record=True)
    change: Array = engram.array("stimulus", doc="perceived change of contact")
    gain: Array = engram.array("stimulus", doc="gain in use")
    output: Array = engram.array(doc="sensor output A, the input of the turner", record=True)
    touching: Array = engram.array("stimulus", unit="s", doc="duration of the present contact")
    touched: Array = engram.array(
        "stimulus", unit="s", doc="time in contact since the trial started", record=True
    )
    testing: Array = engram.array(dtype="bool", doc="the trial is a test")
    trial: Array = engram.array(dtype="int32", doc="number of the trial")
    remaining: Array = engram.array(dtype="int32", doc="signals that follow in the trial")
    ctx: Context = engram.fixed()
    kept: Array = engram.fixed(per_replica=True)
    lengths: tuple[int, int] = engram.fixed()


@engram.parameters
class TouchArena(engram.Task):
    """Larvae that feel patches of food and learn to stay with them; each sensor is a stimulus."""

    name = "touch-arena"

    patches: tuple[Patch, ...] = engram.param(default=(Patch(),), doc="what can be felt")
    sensors: tuple[TouchSensor, ...] = engram.param(
        default=(TouchSensor(name="front"),), doc="where a larva feels"
    )
    arena: Arena = engram.param(default=Arena(width=0.05, height=0.05), doc="outline and size")
    start: Start = engram.param(
        default=Start(width=0.02, height=0.02), doc="where larvae are put when a trial starts"
    )
    larva: Larva = engram.param(default=Larva(), doc="how larvae move")
    decay: float = engram.param(
        default=0.1, ge=0, unit="1/s", symbol="rho", doc="decay of the sensor output", per_replica=True
    )
    innate_gain: float = engram.param(default=0.0, doc="gain of untrained larvae", per_replica=True)
    trained: bool = engram.param(
        default=True, doc="use the memory's gains; else innate_gain", per_replica=True
    )
    train_trials: int = engram.param(default=5, ge=0, doc="training trials")
    trial_dur: float = engram.param(default=300.0, gt=0, unit="s", doc="length of a training trial")
    test_dur: float = engram.param(
        default=300.0, gt=0, unit="s", doc="length of a test trial; all trials after training are tests"
    )
    semantics: Literal["intended", "larvaworld-2.5"] = engram.param(
        default="intended",
        doc="intended: contact is perceived as +1 and -1, the sensor output held within -1 .. 1",
    )
    perception: Perception = engram.param(default="log", doc="how contact is perceived under larvaworld-2.5")

    def check(self) -> None:
        """There is something to feel, something to feel it with, and room."""
        if not self.patches or not self.sensors:
            raise ValueError("patches and sensors must each hold at least one")
        if len({sensor.name for sensor in self.sensors}) < len(self.sensors):
            raise ValueError("sensors must have different names")
        if not self.start.fits(self.arena, self.larva.body.length / 2):
            raise ValueError("start: the region must lie within the arena, half a body length from its edge")

    @property
    def observation(self) -> Spec:
        """Perceived change of contact of each sensor."""
        return self.action

    @property
    def action(self) -> Spec:
        """Gain of each sensor."""
        names = tuple(sensor.name for sensor in self.sensors)
        return Spec(shape=(len(names),), axes=("stimulus",), labels=names)

    def init(self, ctx: Context) -> TouchState:
        """Return larvae with their rhythms under way; `reset` puts them into the arena."""
        return ctx.state(
            TouchState,
            sizes={"xy": 2, "side": 2, "stimulus": len(self.sensors)},
            ctx=ctx,
            kept=engram.exact.exp(-ctx.dt * ctx.per_replica(self).decay),
            lengths=(signals(self.trial_dur, ctx.dt), signals(self.test_dur, ctx.dt)),
            **self.larva.init(ctx),
        )

    def reset(self, state: TouchState) -> Signal:
        """Start the first trial."""
        state.trial[...], state.remaining[...] = -1, 0
        start, state.trial[...], state.testing[...], state.remaining[...] = advance(
            state.trial, state.remaining, self.train_trials, state.lengths
        )
        self.larva.put(state, self.start)
        for forgotten in (state.output, state.contact, state.change, state.touching, state.touched):
            forgotten[...] = 0
        learn = state.ctx.per_replica(self).trained & ~state.testing
        return state.ctx.signal(state.change.copy(), start=start, learn=learn)

    @engram.scan
    def body(
        self: Any, dt: float, action: Array,
        position: Array, heading: Array, ahead: Array, head: Array, bend: Array, omega: Array,
        e: Array, c: Array, h: Array, phase: Array, stride: Array, bite: Array, mode: Array, left: Array,
        strides: Stream, bouts: Stream, starts: Stream,
        contact: Array, change: Array, gain: Array, output: Array, touching: Array, touched: Array,
        testing: Array, trial: Array, remaining: Array, kept: Array, lengths: tuple[int, int],
        trained: Array, innate_gain: Array,
        observation: Array, reward: Array, start: Array, end: Array, learn: Array,
    ) -> None:  # fmt: skip
        """Feel with the gains of the present signal, move, and say what came of it."""
        larva, drive, felt = self.larva, 0.0, 0.0
        for stimulus, sensor in enumerate(self.sensors):
            now = contact_of(
                position[0], position[1], ahead[0], ahead[1], sensor, larva.body.length, self.patches
            )
            if self.semantics == "intended":
                change[stimulus] = contact_change(now, contact[stimulus])
            else:
                change[stimulus] = perceive(now, contact[stimulus], self.perception)
            contact[stimulus] = now
            touching[stimulus] = (touching[stimulus] + dt) * now
            touched[stimulus] += dt * now
            gain[stimulus] = action[stimulus] if trained else innate_gain
            drive += gain[stimulus] * change[stimulus]
            felt = max(felt, now)
        output = leak(output, drive, kept, dt)
        if self.semantics == "intended":
            output = min(max(output, -1.0), 1.0)

        mode, left, phase, stride, bite, forward = behave(
            mode, left, phase, stride, bite, False, strides, bouts, larva, dt
        )
        e[0], e[1], c[0], c[1], h[0], h[1] = oscillate(
            e[0], e[1], c[0], c[1], h[0], h[1], activation(output, larva.turner), larva.turner, dt
        )
        torque = let_through(e[1] - e[0], mode, phase, larva.crawler)
        position[0], position[1], heading, ahead[0], ahead[1], bend, omega = move(
            position[0], position[1], heading, ahead[0], ahead[1], bend, omega,
            forward, torque, larva, self.arena, dt,
        )  # fmt: skip

        start, trial, testing, remaining = advance(trial, remaining, self.train_trials, lengths)
        if start:
            across, along, turn = starts.uniform(3)
            position[0], position[1], heading = placed(across, along, turn, self.start)
            ahead[0], ahead[1] = direction(heading)
            bend, omega, output, felt = 0.0, 0.0, 0.0, 0.0
            for stimulus in range(len(contact)):
                contact[stimulus], change[stimulus] = 0.0, 0.0
                touching[stimulus], touched[stimulus] = 0.0, 0.0
        head[0] = position[0] + larva.body.length / 2 * ahead[0]
        head[1] = position[1] + larva.body.length / 2 * ahead[1]
        for stimulus in range(len(change)):
            observation[stimulus] = change[stimulus]
        reward = felt
        end = remaining == 0
        learn = trained and not testing
