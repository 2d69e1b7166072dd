"""A plugin for the tests of the command line: a task that ticks, a memory that counts."""

import time
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np

import engram


@engram.state
class Ticks:
    level: engram.Array = engram.array(doc="what is shown", record=True)


@engram.parameters
class Ticking(engram.Task):
    """A constant observation that nobody can change."""

    name = "ticking"
    height: float = engram.param(default=1.0, unit="mV", doc="what is shown")

    @property
    def observation(self):
        return engram.Spec()

    @property
    def action(self):
        return None

    def init(self, ctx: engram.Context) -> Ticks:
        return ctx.state(Ticks, level=ctx.array(self.height))

    def schedule(self, state, steps):
        shape = (steps, *state.level.shape)
        false = np.zeros(shape, dtype=bool)
        shown = np.broadcast_to(state.level, shape)
        silent = np.full(shape, -1, dtype=np.int8)
        return engram.Signal(shown, np.zeros(shape, dtype=shown.dtype), false, false, false, ~false, silent)


@engram.state
class Sum:
    total: engram.Array = engram.array(doc="sum of what was seen", unit="mV", record=True)
    ring: engram.Array = engram.array("place", doc="nothing")
    rate: engram.Array = engram.fixed()
    seen: list = engram.fixed()


@engram.parameters
class Counting(engram.Memory):
    """A leaky sum.

    Equation (1): total += rate * observation.
    """

    name = "counting"
    rate: float = engram.param(
        default=0.5, ge=0, le=1, unit="1/step", symbol="r", per_replica=True, doc="weight of an observation"
    )
    places: int = engram.param(default=2, ge=1, doc="length of the ring")
    mode: str = engram.param(default="plain", choices=("plain", "odd"), doc="way of counting")
    pause: float = engram.param(default=0.0, ge=0, unit="s", doc="time that a step takes")
    fails_at: int | None = engram.param(default=None, doc="step at which it breaks")

    def init(self, ctx: engram.Context) -> Sum:
        return ctx.state(Sum, sizes={"place": self.places}, rate=ctx.per_replica(self).rate, seen=[])

    def step(self, state, signal):
        if len(state.seen) == self.fails_at:
            raise ZeroDivisionError("the sum is tired")
        state.seen.append(0)
        time.sleep(self.pause)
        state.total += state.rate * signal.observation


def last_total(run):
    """The total at the last recorded step, of each replica (batch,)."""
    return {"total": run["memory.counting.total" if "memory.counting.total" in run else "memory.total"][-1]}


def bars(result, figure):
    figure.subplots().bar(range(len(result["total"])), result["total"])


@engram.parameters
class Scale:
    """How totals are shown."""

    factor: float = engram.param(default=1.0, ge=0, unit="1/mV", doc="what totals are multiplied by")
    kind: Literal["plain", "odd"] = engram.param(default="plain", doc="which of two")


def scaled(run, settings):
    """The totals (time, batch), multiplied."""
    return {"total": settings.factor * run["memory.total"], "kind": np.array(settings.kind)}


def dots(result, figure):
    figure.subplots().plot(result["total"][:, 0], "o")


def moving(result, figure):
    axes = figure.subplots()
    (line,) = axes.plot(result["total"][:, 0])
    for row in range(len(result["total"])):
        line.set_data(range(row + 1), result["total"][: row + 1, 0])
        yield


def breaking(result, figure):
    figure.subplots()
    yield
    raise ValueError("the film tore")


def tired(run):
    raise ValueError("no idea")


def picky(run):
    raise engram.EngramError("nothing here is blue")


@engram.hookimpl
def register_memories():
    return [Counting]


@engram.hookimpl
def register_tasks():
    return [Ticking]


@engram.hookimpl
def register_recipes():
    return sorted(Path(str(resources.files(__name__) / "recipes")).glob("*.toml"))


@engram.hookimpl
def register_analyses():
    return [
        engram.Analysis("last-total", "The total at the end.", last_total, bars),
        engram.Analysis("needy", "Needs what is not there.", lambda run: {"x": run["memory.absent"]}),
        engram.Analysis("scaled", "Totals multiplied.", scaled, dots, settings=Scale, animation=moving),
        engram.Analysis("tired", "Fails.", tired),
        engram.Analysis("torn", "Stops moving.", last_total, bars, animation=breaking),
        engram.Analysis("picky", "Takes other files.", picky),
    ]
