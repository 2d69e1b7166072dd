"""A layer of a spiking network: cells of one kind, or an input layer that sees the task."""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Context, RecipeError, Signal, Spec

from .activity import activity, note
from .encoder import Encoding, InputState, encode
from .integrate_and_fire import IntegrateAndFire
from .izhikevich import Izhikevich
from .lif import LIF

Cells = LIF | IntegrateAndFire | Izhikevich


@engram.parameters
class Layer:
    """One layer: either `encoder`, or one kind of cells."""

    units: int | None = engram.param(
        default=None, ge=1, doc="number of cells; an input layer has one for each entry that it sees"
    )
    encoder: Encoding | None = engram.param(
        default=None, doc="how an input layer turns the observation into spikes"
    )
    sees: tuple[int, int] | None = engram.param(
        default=None,
        ge=0,
        doc="entries of the observation that an input layer sees: first, one past the last",
    )
    window: float = engram.param(default=0.1, gt=0, unit="s", doc="longest latency of that encoder")
    lif: LIF | None = engram.param(default=None, doc="leaky integrate-and-fire cells")
    integrate_and_fire: IntegrateAndFire | None = engram.param(default=None, doc="cells without leak")
    izhikevich: Izhikevich | None = engram.param(default=None, doc="cells of Izhikevich 2003")

    def check(self) -> None:
        """A layer is of one kind."""
        kinds = [self.encoder, self.lif, self.integrate_and_fire, self.izhikevich]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a layer has one of encoder, lif, integrate_and_fire, izhikevich")
        if (self.units is None) == (self.encoder is None):
            raise ValueError("cells need units, and an input layer takes none: it has what it sees")

    @property
    def cells(self) -> Cells | None:
        """The kind of cells; None of an input layer."""
        return self.lif or self.integrate_and_fire or self.izhikevich

    def init(self, ctx: Context, tau: float) -> Any:
        """Return the state of the layer, whose rates forget with `tau` s."""
        if self.cells is not None and self.units is not None:
            return self.cells.init(ctx, self.units, tau)
        return activity(ctx, InputState, self._entries(ctx), tau, luck=ctx.random("spikes"), dt=ctx.dt)

    def _entries(self, ctx: Context) -> int:
        space = ctx.observation
        if not isinstance(space, Spec) or len(space.shape) != 1:
            raise RecipeError(
                f"{ctx.path}: an input layer sees a row of numbers, which this task does not show"
            )
        first, stop = self.sees or (0, space.shape[0])
        if not first < stop <= space.shape[0]:
            raise RecipeError(
                f"{ctx.path}.sees: {first} to {stop} is no range of the {space.shape[0]} entries shown"
            )
        return stop - first

    def step(self, state: Any, current: Array, signal: Signal) -> None:
        """Take the input (batch, unit) of one step, or what the task shows."""
        if self.cells is not None:
            self.cells.step(state, current)
        else:
            assert self.encoder is not None
            seen = signal.observation if self.sees is None else signal.observation[:, slice(*self.sees)]
            encode(state, self.encoder, self.window, seen, signal)
        note(state)
