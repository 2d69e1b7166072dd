"""A larva that feels: it meets patches of food with touch sensors on its body.

larvaworld 2.5.1, its tactile detection experiments. A sensor i touches a patch or does not, c_i in {0, 1};
what is perceived of it is the change of contact, +1, 0 or -1, and the gains that a memory sets let onset and
loss of contact turn the larva. Steps and signals follow each other as in `odor-arena`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

import engram
from engram import Array, Context, Signal, Spec

from .arena import Arena, Start
from .body import direction
from .larva import Larva, LarvaState
from .sensor import Perception, contact_change, leak, perceive
from .trial import advance, signals


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
    p: Any = engram.fixed()
    patches: tuple[Array, Array] = engram.fixed()
    sensors: Array = engram.fixed()
    kept: Array = engram.fixed()
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
        p = ctx.per_replica(self)
        places = [[(patch.x, patch.y) for patch in self.patches], [patch.radius**2 for patch in self.patches]]
        sensors = [(sensor.ahead, sensor.aside) for sensor in self.sensors]
        arrays = [ctx.xp.asarray(np.asarray(values, dtype=ctx.dtype)) for values in (*places, sensors)]
        return ctx.state(
            TouchState,
            sizes={"xy": 2, "side": 2, "stimulus": len(self.sensors)},
            ctx=ctx,
            p=p,
            patches=(arrays[0], arrays[1]),
            sensors=arrays[2] * self.larva.body.length,
            kept=ctx.xp.exp(-ctx.dt * p.decay),
            lengths=(signals(self.trial_dur, ctx.dt), signals(self.test_dur, ctx.dt)),
            **self.larva.init(ctx, self.start),
        )

    def reset(self, state: TouchState) -> Signal:
        """Start the first trial."""
        state.trial[...] = -1
        state.remaining[...] = 0
        return self._signal(state)

    def step(self, state: TouchState, action: Array) -> Signal:
        """Feel with the gains `action` (batch, stimulus), move, and say what came of it."""
        self._feel(state, action)
        untasted = state.ctx.zeros(dtype="bool")
        self.larva.step(state, state.output, untasted, self.arena.inside, state.ctx.dt)
        return self._signal(state)

    def _feel(self, state: TouchState, action: Array) -> None:
        xp, p = state.ctx.xp, state.p
        contact = self._contact(state)
        if self.semantics == "intended":
            state.change[...] = contact_change(contact, state.contact)
        else:
            state.change[...] = perceive(contact, state.contact, self.perception)
        state.contact[...] = contact
        state.touching[...] = (state.touching + state.ctx.dt) * contact
        state.touched += state.ctx.dt * contact
        state.gain[...] = xp.where(p.trained[:, None], action, p.innate_gain[:, None])
        output = leak(state.output, state.gain, state.change, state.kept, state.ctx.dt)
        if self.semantics == "intended":
            output = xp.minimum(xp.maximum(output, -1), 1)
        state.output[...] = output

    def _contact(self, state: TouchState) -> Array:
        """Return (batch, stimulus) 1 where a sensor is within a patch."""
        xp = state.ctx.xp
        ahead = direction(state.heading)
        left = xp.stack((-ahead[:, 1], ahead[:, 0]), axis=1)
        point = (
            state.position[:, None, :]
            + state.sensors[:, :1] * ahead[:, None, :]
            + state.sensors[:, 1:] * left[:, None, :]
        )
        place, reach = state.patches
        away = point[:, :, None, :] - place
        away *= away
        return (away[..., 0] + away[..., 1] <= reach).any(axis=2).astype(state.ctx.dtype)

    def _signal(self, state: TouchState) -> Signal:
        start = advance(state.trial, state.remaining, state.testing, self.train_trials, state.lengths)
        self.larva.put(state, start)
        kept = ~start
        state.output *= kept
        for array in (state.contact, state.change, state.touching, state.touched):
            array *= kept[:, None]
        return state.ctx.signal(
            state.change.copy(),
            state.contact.max(axis=1) * kept,
            start=start,
            end=state.remaining == 0,
            learn=state.p.trained & ~state.testing,
        )
