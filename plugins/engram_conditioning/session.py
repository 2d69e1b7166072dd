"""The session of each replica: what was drawn for each of its trials."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from engram import Array, Context

from .distribution import Distribution
from .phase import Phase
from .timeline import Arrival, Timeline

_NEVER = np.iinfo(np.int32).max


@attrs.frozen(eq=False)
class Session:
    """Tables of the trials of all replicas.

    Attributes:
        trials: Number of trials of the longest group; `types` number of types of trial.
        kind: (batch, trials + 1) int8 index of the type of trial, -1 after a replica's last.
        begin: (batch, trials + 2) int32 step at which each trial begins.
        length: (batch, trials + 1) int32 steps of each trial, its interval included.
        learn: (batch, trials + 1) bool.
        row: (slot, batch, trials + 1) int32 step of its trial at which an outcome comes, -1 for never.
        reward: (slot, batch, trials + 1) what it is worth.
    """

    trials: int
    types: int
    kind: Array
    begin: Array
    length: Array
    learn: Array
    row: Array
    reward: Array


def drawn(ctx: Context, timeline: Timeline, group: np.ndarray[Any, Any]) -> Session:
    """Draw the sessions of all replicas.

    Args:
        ctx: The task's context, in `init`.
        timeline: What can happen.
        group: (batch,) the group of each replica.
    """
    xp, protocol = ctx.xp, timeline.protocol
    plans = [protocol.phases_of(index) for index in range(protocol.groups)]
    counts = [sum(protocol.counts_of(index)) for index in range(protocol.groups)]
    n = max(counts)
    own = xp.asarray(group)
    trials = xp.asarray(np.array(counts, dtype=np.int32))[own]
    kind = _kinds(ctx, timeline, plans, n, own)
    begin = _begins(ctx, timeline, n, trials)
    learn = _learns(ctx, timeline, plans, n, own, kind)
    row, reward = _outcomes(ctx, timeline, kind)
    return Session(n, len(protocol.types), kind, begin, begin[:, 1:] - begin[:, :-1], learn, row, reward)


def _kinds(ctx: Context, timeline: Timeline, plans: list[list[Phase]], n: int, own: Array) -> Array:
    """Draw the type of each trial: that within whose share of [0, 1) its number falls; then shuffle."""
    xp = ctx.xp
    edges = np.stack([_edges(plan, timeline, n) for plan in plans]).astype(ctx.dtype)
    u = ctx.random("order").uniform(n + 1)
    kind = xp.zeros((ctx.batch, n + 1), dtype=np.int8)
    for index in range(edges.shape[2] - 1):
        kind += u >= xp.asarray(np.ascontiguousarray(edges[:, :, index]))[own]
    for group, plan in enumerate(plans):
        end = 0
        for phase, count in zip(plan, timeline.protocol.counts_of(group), strict=True):
            first, end = end, end + count
            if phase.order == "shuffled":
                mixed = _shuffled(kind[:, first:end], u[:, first:end], xp)
                kind[:, first:end] = xp.where((own == group)[:, None], mixed, kind[:, first:end])
        over = (own == group)[:, None] & (xp.arange(n + 1) >= end)
        kind = xp.where(over, np.int8(-1), kind)
    return kind


def _edges(plan: list[Phase], timeline: Timeline, n: int) -> np.ndarray[Any, Any]:
    """Return (n + 1, type) the upper edge of each type's share in each trial of a group."""
    names = [kind.name for kind in timeline.protocol.types]
    shares = np.concatenate([phase.probabilities(names, timeline.protocol.trials) for phase in plan])
    return np.pad(shares.cumsum(axis=1), ((0, n + 1 - len(shares)), (0, 0)))


def _shuffled(kind: Array, u: Array, xp: Any) -> Array:
    order = xp.argsort(u, axis=1, kind="stable")
    return xp.take_along_axis(kind, order, axis=1)


def _begins(ctx: Context, timeline: Timeline, n: int, trials: Array) -> Array:
    """Draw the intervals; what begins after a replica's last trial never ends."""
    xp, interval = ctx.xp, timeline.protocol.interval
    if isinstance(interval, Distribution):
        u = ctx.random("interval").uniform(n + 1)
        gaps = xp.rint(interval.sample(u) / timeline.dt).astype(np.int32)
    else:
        gaps = xp.full((ctx.batch, n + 1), timeline.interval, dtype=np.int32)
    begin = xp.zeros((ctx.batch, n + 2), dtype=np.int32)
    begin[:, 1:] = xp.cumsum(gaps + np.int32(timeline.steps), axis=1, dtype=np.int32)
    return xp.where(xp.arange(n + 2) <= trials[:, None], begin, np.int32(_NEVER))


def _learns(
    ctx: Context, timeline: Timeline, plans: list[list[Phase]], n: int, own: Array, kind: Array
) -> Array:
    """Where anything may be learnt: not in probes, not after the last trial."""
    xp, trials = ctx.xp, timeline.protocol.trials
    phases = np.zeros((len(plans), n + 1), dtype=bool)
    for index, plan in enumerate(plans):
        flags = np.concatenate([np.full(phase.length(trials) or 0, phase.learn) for phase in plan])
        phases[index, : len(flags)] = flags
    kinds = np.array([*(item.learn for item in timeline.protocol.types), False])
    return xp.asarray(phases)[own] & xp.asarray(kinds)[kind.astype(np.int32)]


def _outcomes(ctx: Context, timeline: Timeline, kind: Array) -> tuple[Array, Array]:
    """Draw when each outcome comes, and its size; one slot for each outcome that a trial can have."""
    xp = ctx.xp
    row = xp.full((timeline.slots, *kind.shape), -1, dtype=np.int32)
    reward = xp.zeros(row.shape, dtype=ctx.dtype)
    for slot in range(timeline.slots):
        has = {i: found[slot] for i, found in enumerate(timeline.arrivals) if slot < len(found)}
        draws = _Draws(ctx, slot, kind.shape[1])
        for index, arrival in has.items():
            here = (kind == index) & _comes(arrival, draws, kind.shape[1], xp)
            row[slot] = xp.where(here, _steps(arrival, draws), row[slot])
            reward[slot] = xp.where(here, _worth(arrival, draws, kind.shape[1], ctx), reward[slot])
    return row, reward


@attrs.define(eq=False)
class _Draws:
    """The uniform numbers of one slot, drawn when they are first wanted."""

    ctx: Context
    slot: int
    trials: int
    _made: dict[str, Array] = attrs.field(factory=dict)

    def of(self, name: str) -> Array:
        """Return (batch, trial) numbers in [0, 1)."""
        if name not in self._made:
            self._made[name] = self.ctx.random(f"{name}.{self.slot}").uniform(self.trials)
        return self._made[name]


def _comes(arrival: Arrival, draws: _Draws, n: int, xp: Any) -> Any:
    """Where the outcome is neither omitted nor left out by chance."""
    kept = np.ones(n, dtype=bool)
    kept[[trial for trial in arrival.event.omit if trial < n]] = False
    if arrival.event.probability == 1:
        return xp.asarray(kept)
    return xp.asarray(kept) & (draws.of("delivery") < arrival.event.probability)


def _steps(arrival: Arrival, draws: _Draws) -> Any:
    if not isinstance(arrival.time, Distribution):
        return np.int32(arrival.low)
    return arrival.steps(draws.of("delay"))


def _worth(arrival: Arrival, draws: _Draws, n: int, ctx: Context) -> Any:
    size = arrival.event.size
    if isinstance(size, tuple):
        listed = np.pad(np.array(size[:n], dtype=ctx.dtype), (0, max(0, n - len(size))))
        return ctx.xp.asarray(listed * ctx.dtype.type(arrival.value))
    if isinstance(size, Distribution):
        return size.sample(draws.of("size")) * ctx.dtype.type(arrival.value)
    return ctx.dtype.type(size * arrival.value)
