"""A larva: how turner, crawler, bouts and body make it move.

The order of a step is that of larvaworld 2.5.1: bite, stride, bout, turner, body. Each oscillation and its
equations stand in the module of its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import engram
from engram import Array, Context, Stream

from .arena import Start
from .body import Body, direction, turning, wrapped
from .bout import FEED, RUN, Bouts, alternate, draw
from .crawler import CYCLE, Crawler, coupling, speed, turned
from .turner import Turner, activation, cycle, oscillate


@engram.state
class LarvaState:
    """What moves a larva, and where it is; an arena adds what the larva meets there."""

    position: Array = engram.array("xy", unit="m", doc="joint of the two segments", record=True)
    heading: Array = engram.array(unit="rad", doc="direction of the head")
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
    stride_table: Array = engram.fixed()
    pause_table: Array = engram.fixed()
    starts: Stream = engram.fixed()
    region: Array = engram.fixed()


@engram.parameters
class Larva:
    """How a larva moves: body, crawler, turner, bouts."""

    body: Body = engram.param(default=Body(), doc="size and mechanics")
    crawler: Crawler = engram.param(default=Crawler(), doc="strides")
    turner: Turner = engram.param(default=Turner(), doc="the neural oscillator")
    bouts: Bouts = engram.param(default=Bouts(), doc="runs, pauses and feeding")

    def init(self, ctx: Context, start: Start) -> dict[str, Any]:
        """Return the fields of `LarvaState` that do not start as zeros.

        A turner without input only cycles, so that a random moment of one warm-up serves every larva.

        Raises:
            RecipeError: A step is too long for an oscillator.
        """
        self._check_step(ctx.dt)
        table = ctx.xp.asarray(cycle(self.turner, ctx.dt).astype(ctx.dtype))
        warm = table[ctx.random("warm").integers(len(table))]
        strides, bouts = ctx.random("stride"), ctx.random("bout")
        runs = ctx.xp.asarray(self.bouts.strides().astype(ctx.dtype))
        pauses = ctx.xp.asarray(self.bouts.pauses(ctx.dt).astype(ctx.dtype))
        return {
            "e": warm[:, 0].copy(), "c": warm[:, 1].copy(), "h": warm[:, 2].copy(),
            "phase": CYCLE * ctx.random("phase").uniform(),
            "stride": self._stride(strides.normal()),
            "left": draw(runs, 1, bouts.uniform(2)[:, 0]),
            "strides": strides, "bouts": bouts, "stride_table": runs, "pause_table": pauses,
            "starts": ctx.random("start", clock="trial"),
            "region": ctx.xp.asarray(np.asarray([start.low(), start.size()], dtype=ctx.dtype)),
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

    def put(self, state: LarvaState, start: Array) -> None:
        """Put the larvae with `start` (batch,) into the start region, straight and at rest."""
        xp = engram.array_module(start)
        pose = state.region[0] + state.region[1] * state.starts.uniform(3)
        kept = ~start
        state.position[...] = xp.where(start[:, None], pose[:, :2], state.position)
        state.heading[...] = xp.where(start, pose[:, 2], state.heading)
        state.head[...] = state.position + self.body.length / 2 * direction(state.heading)
        state.bend *= kept
        state.omega *= kept

    def _stride(self, number: Array) -> Array:
        drawn = self.crawler.stride + self.crawler.stride_sd * number
        return engram.array_module(number).maximum(drawn, 0)

    def step(
        self, state: LarvaState, drive: Array, on_food: Array, inside: Callable[[Array], Array], dt: float
    ) -> None:
        """Take one step.

        Args:
            state: Updated in place.
            drive: (batch,) sensory input to the turner.
            on_food: (batch,) bool.
            inside: Says which points (batch, 2) are in the arena.
            dt: Length of a step in s.
        """
        xp = engram.array_module(drive)
        forward, strode = self._crawl(state, dt)
        self._alternate(state, strode, on_food, dt)
        output = oscillate(state.e, state.c, state.h, activation(drive, self.turner), self.turner, dt)
        output *= xp.where(state.mode == RUN, coupling(state.phase, self.crawler), 1)
        self._move(state, forward, output, inside, dt)

    def _crawl(self, state: LarvaState, dt: float) -> tuple[Array, Array]:
        """Return (batch,) speed in m/s and whether a stride was completed."""
        xp = engram.array_module(state.phase)
        running = state.mode == RUN
        strode = turned(state.phase, running, CYCLE * dt * self.crawler.frequency)
        state.stride[...] = xp.where(strode, self._stride(state.strides.normal()), state.stride)
        return speed(state.phase, state.stride, self.body.length, self.crawler) * running, strode

    def _alternate(self, state: LarvaState, strode: Array, on_food: Array, dt: float) -> None:
        bitten = turned(state.bite, state.mode == FEED, CYCLE * dt * self.bouts.bite_frequency)
        numbers = state.bouts.uniform(2)
        length, eats = numbers[:, 0], numbers[:, 1] < self.bouts.appetite
        runs, pauses = alternate(state.mode, state.left, strode, bitten, eats, on_food)
        pause = draw(state.pause_table, self.bouts.fewest(dt), length)
        run = draw(state.stride_table, 1, length)
        xp = engram.array_module(length)
        state.left[...] = xp.where(runs, run, xp.where(pauses, pause, state.left))

    def _move(
        self, state: LarvaState, forward: Array, output: Array, inside: Callable[[Array], Array], dt: float
    ) -> None:
        """Turn, then advance; what would take the head out of the arena is left undone."""
        half = self.body.length / 2
        omega = turning(state.omega, state.bend, output, self.body, dt)
        omega *= inside(state.position + half * direction(wrapped(state.heading + omega * dt)))
        state.omega[...] = omega
        turn = omega * dt
        state.heading[...] = wrapped(state.heading + turn)
        ahead = direction(state.heading)
        reach = half * ahead
        forward = forward * dt
        forward *= inside(state.position + forward[:, None] * ahead + reach)
        state.position += forward[:, None] * ahead
        xp = engram.array_module(turn)
        follow = xp.minimum(forward * (2 / self.body.length), 1)
        state.bend[...] = wrapped(state.bend * (1 - follow) + turn)
