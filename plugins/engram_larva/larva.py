"""A larva: how turner, crawler, bouts and body make it move.

The order of a step is that of larvaworld 2.5.1: bite, stride, bout, turner, body. Each oscillation and its
equations stand in the module of its name.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Context, Stream

from .arena import Arena, Start, inside, placed
from .body import Body, direction, follow, turning, wrapped
from .bout import FEED, PAUSE, RUN, Bouts, alternate, count_down, draw
from .crawler import CYCLE, Crawler, coupling, speed, stride_length, turned
from .turner import Turner, cycle


@engram.state
class LarvaState:
    """What moves a larva, and where it is; an arena adds what the larva meets there."""

    position: Array = engram.array("xy", unit="m", doc="joint of the two segments", record=True)
    heading: Array = engram.array(unit="rad", doc="direction of the head")
    ahead: Array = engram.array("xy", doc="the same as a unit vector")
    head: Array = engram.array("xy", unit="m", doc="front end of the head")
    bend: Array = engram.array(unit="rad", doc="angle from tail to head")
    omega: Array = engram.array(unit="rad/s", doc="angular velocity of the head")
    e: Array = engram.array("side", unit="Hz", doc="excitatory rates of the turner")
    c: Array = engram.array("side", unit="Hz", doc="inhibitory rates of the turner")
    h: Array = engram.array("side", unit="Hz", doc="adaptation of the turner")
    phase: Array = engram.array(unit="rad", doc="phase of the stride")
    stride: Array = engram.array(doc="length of the present stride, in body lengths")
    bite: Array = engram.array(unit="rad", doc="phase of the bite")
    mode: Array = engram.array(dtype="int8", doc="0 run, 1 pause, 2 feed")
    left: Array = engram.array(dtype="int32", doc="strides or steps left of the run or pause")
    strides: Stream = engram.fixed()
    bouts: Stream = engram.fixed()
    starts: Stream = engram.fixed()


@engram.parameters
class Larva:
    """How a larva moves: body, crawler, turner, bouts."""

    body: Body = engram.param(default=Body(), doc="size and mechanics")
    crawler: Crawler = engram.param(default=Crawler(), doc="strides")
    turner: Turner = engram.param(default=Turner(), doc="the neural oscillator")
    bouts: Bouts = engram.param(default=Bouts(), doc="runs, pauses and feeding")

    def init(self, ctx: Context) -> dict[str, Any]:
        """Return the fields of `LarvaState` that do not start as zeros.

        A turner without input only cycles, so that a random moment of one warm-up serves every larva.

        Raises:
            RecipeError: A step is too long for an oscillator.
        """
        self._check_step(ctx.dt)
        table = ctx.xp.asarray(cycle(self.turner, ctx.dt).astype(ctx.dtype))
        warm = table[ctx.random("warm").integers(len(table))]
        strides, bouts = ctx.random("stride"), ctx.random("bout")
        return {
            "e": warm[:, 0].copy(), "c": warm[:, 1].copy(), "h": warm[:, 2].copy(),
            "phase": CYCLE * ctx.random("phase").uniform(),
            "stride": stride_length(strides.normal(), self.crawler),
            "left": draw(self.bouts.strides(), 1, bouts.uniform(2)[:, 0]).astype("int32"),
            "strides": strides, "bouts": bouts, "starts": ctx.random("start", clock="trial"),
        }  # fmt: skip

    def _check_step(self, dt: float) -> None:
        """Refuse steps in which the turner's rates overshoot, or a phase goes round more than once."""
        limits = {
            "turner.tau": self.turner.tau,
            "crawler.frequency": 1 / self.crawler.frequency,
            "bouts.bite_frequency": 1 / self.bouts.bite_frequency,
        }
        path = min(limits, key=lambda name: limits[name])
        if dt > limits[path]:
            raise engram.RecipeError(
                f"run.dt: must be at most {limits[path]:g} s, by task.larva.{path}, not {dt:g} s"
            )

    def put(self, state: LarvaState, start: Start) -> None:
        """Put all larvae into the start region, straight and at rest."""
        x, y, state.heading[...] = placed(*state.starts.uniform(3).T, start)
        for axis, (place, ahead) in enumerate(zip((x, y), direction(state.heading), strict=True)):
            state.position[:, axis] = place
            state.ahead[:, axis] = ahead
            state.head[:, axis] = place + self.body.length / 2 * ahead
        state.bend[...] = 0
        state.omega[...] = 0


@engram.rule
def behave(
    mode: Array, left: Array, phase: Array, stride: Array, bite: Array, on_food: Array,
    strides: Stream, bouts: Stream, larva: Larva, dt: float,
) -> tuple[Array, ...]:  # fmt: skip
    """Bite, stride, bout: what a larva does next, and how fast it crawls meanwhile.

    Numbers are drawn only where a stride is completed, or a bout may begin.

    Args:
        mode: (batch,) RUN, PAUSE or FEED.
        left: (batch,) strides or steps left of the run or pause.
        phase: (batch,) of the stride in rad.
        stride: (batch,) length of the present stride, in body lengths.
        bite: (batch,) phase of the bite in rad.
        on_food: (batch,) bool.
        strides: Lengths of strides.
        bouts: Lengths of bouts, and decisions to feed.
        larva: Parameters.
        dt: Length of a step in s.

    Returns:
        The first five after the step, and the speed in m/s.
    """
    running, feeding = mode == RUN, mode == FEED
    phase, strode = turned(phase, running, CYCLE * dt * larva.crawler.frequency)
    if strode:
        stride = stride_length(strides.normal(), larva.crawler)
    forward = 0.0
    if running:
        forward = speed(phase, stride, larva.body.length, larva.crawler)
    bite, bitten = turned(bite, feeding, CYCLE * dt * larva.bouts.bite_frequency)
    left, over = count_down(mode, left, strode)
    if over or feeding or on_food:
        length, appetite = bouts.uniform(2)
        mode, runs, pauses = alternate(mode, over, bitten, on_food and appetite < larva.bouts.appetite)
        if runs or pauses:
            fewest = larva.bouts.fewest(dt) if pauses else 1
            left = draw(larva.bouts.lengths(dt)[PAUSE if pauses else RUN], fewest, length)
    return mode, left, phase, stride, bite, forward


@engram.rule
def let_through(torque: Array, mode: Array, phase: Array, crawler: Crawler) -> Array:
    """Return what crawling leaves of the turner's output (batch,) in Hz."""
    share = 1.0
    if mode == RUN:
        share = coupling(phase, crawler)
    return torque * share


@engram.rule
def move(
    x: Array, y: Array, heading: Array, along: Array, across: Array, bend: Array, omega: Array,
    forward: Array, output: Array, larva: Larva, arena: Arena, dt: float,
) -> tuple[Array, ...]:  # fmt: skip
    """Turn, then advance; what would take the head out of the arena is left undone.

    Args:
        x: (batch,) position in m.
        y: (batch,) position in m.
        heading: (batch,) in rad.
        along: (batch,) cosine of the heading.
        across: (batch,) sine of the heading.
        bend: (batch,) in rad.
        omega: (batch,) angular velocity in rad/s.
        forward: (batch,) speed in m/s.
        output: (batch,) of the turner in Hz.
        larva: Parameters.
        arena: What holds the larva.
        dt: Length of a step in s.

    Returns:
        The first seven after the step.
    """
    half = larva.body.length / 2
    omega = turning(omega, bend, output, larva.body, dt)
    goal = heading + omega * dt
    goal_x, goal_y = direction(goal)
    stays = inside(x + half * goal_x, y + half * goal_y, arena)
    omega = omega if stays else 0.0
    heading, along, across = (wrapped(goal), goal_x, goal_y) if stays else (heading, along, across)
    advance = forward * dt
    stays = inside(x + advance * along + half * along, y + advance * across + half * across, arena)
    advance = advance if stays else 0.0
    bend = follow(bend, omega * dt, advance, larva.body)
    return x + advance * along, y + advance * across, heading, along, across, bend, omega
