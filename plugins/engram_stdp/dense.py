"""What all synapses of this plugin share: a matrix of weights that delayed activity goes through."""

from __future__ import annotations

import math
from typing import Any

import engram
from engram import Array, Context, EngramError

from .delay import after_delay, lags
from .initialiser import Initialiser, drawn


@engram.rule("x[b,n,i] w[b,i,j] drive[b,n,j]+")
def forward(x: float, w: float) -> float:
    """Sum the weighted inputs of each unit, in the order of the inputs."""
    return x * w


@engram.rule("x[b,n,i] w[b,i,j] mask[b,i,j] drive[b,n,j]+")
def forward_hidden(x: float, w: float, mask: bool) -> float:
    """Sum the weighted inputs where the mask is True."""
    return x * (w if mask else 0.0)


@engram.state
class Weights:
    """State of a dense connection."""

    w: Array = engram.array("pre", "post", doc="weight")
    mask: Array = engram.array("pre", "post", dtype="bool", doc="the synapse exists")
    lag: Array = engram.array("pre", unit="step", dtype="int32", doc="delay of an input unit")
    history: Array = engram.array("delay", "sample", "pre", doc="activity of the last steps, as a ring")
    cursor: Array = engram.array(unit="step", dtype="int32", doc="place of the present step in the ring")
    place: Array = engram.fixed()
    hidden: bool = engram.fixed()


@engram.parameters
class Dense(engram.Synapse):
    """Abstract: how weights begin and what they pass on; a final class says how they learn."""

    initial: Initialiser = engram.param(default=Initialiser(), symbol="weight_init", doc="initial weights")
    scale: float = engram.param(
        default=1.0, gt=-math.inf, lt=math.inf, symbol="g_conduct_factor, resist_scale",
        doc="factor of what is passed on",
    )  # fmt: skip
    connection_probability: float = engram.param(
        default=1.0, ge=0, le=1, symbol="p_conn", doc="probability that a synapse exists"
    )
    delay_steps: int | tuple[int, ...] = engram.param(
        default=0, ge=0, unit="step", symbol="max_delay_steps",
        doc="longest delay, each input's drawn from 1 to it; or the delay of each input, from 1",
    )  # fmt: skip
    samples: int = engram.param(
        default=1, ge=1, doc="samples that share the weights of a replica, where activity has such an axis"
    )

    @property
    def longest(self) -> int:
        """Steps that the ring of past activity holds."""
        given = self.delay_steps
        return max(given, default=0) if isinstance(given, tuple) else given

    def connection(self, ctx: Context, n_pre: int, n_post: int, *, hides: bool = False) -> dict[str, Any]:
        """Return sizes and fields of `Weights`, for `ctx.state`.

        Args:
            ctx: Of the synapse.
            n_pre: Presynaptic units.
            n_post: Postsynaptic units.
            hides: Whether the mask hides weights from the sum and lets them be, in place of making them 0.
        """
        w = drawn(ctx, self.initial, n_pre, n_post)
        mask = ctx.xp.ones(w.shape, dtype="bool")
        sparse = self.connection_probability < 1
        if sparse:
            mask = ctx.random("connections").uniform(n_pre, n_post) < self.connection_probability
        sizes = {"pre": n_pre, "post": n_post, "delay": self.longest, "sample": self.samples}
        return {
            "sizes": sizes,
            "w": in_lines(ctx, w if hides else w * mask),
            "mask": mask,
            "lag": lags(ctx, self.delay_steps, n_pre),
            "place": ctx.xp.arange(self.longest),
            "hidden": sparse and hides,
        }

    def drive(self, state: Any, pre: Array) -> Array:
        """Return the weighted sum (batch, [sample,] post) of what arrives of `pre` (batch, [sample,] pre)."""
        arriving = after_delay(state, self.by_sample(pre))
        xp, shape = engram.array_module(pre), (*arriving.shape[:2], state.w.shape[2])
        drive = xp.zeros(shape, dtype=state.w.dtype)
        if state.hidden:
            forward_hidden(arriving, state.w, state.mask, drive)
        else:
            forward(arriving, state.w, drive)
        drive = drive * self.scale
        return drive if pre.ndim == 3 else drive[:, 0]

    def by_sample(self, activity: Array) -> Array:
        """Return activity as (batch, sample, unit).

        Raises:
            EngramError: It has not `samples` samples.
        """
        found = activity if activity.ndim == 3 else activity[:, None]
        if found.shape[1] != self.samples:
            raise EngramError(
                f"{type(self).name}: activity of shape {activity.shape} is not "
                f"(batch, {self.samples}, unit); set samples"
            )
        return found


def in_lines(ctx: Context, values: Array) -> Array:
    """Return a copy (batch, ...) that begins at a line of the cache, in the run's precision."""
    own = ctx.zeros(*values.shape[1:])
    own[...] = values
    return own
