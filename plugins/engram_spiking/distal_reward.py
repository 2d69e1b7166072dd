"""Reward for two cells that fired one after the other, seconds after they did.

Izhikevich 2007, Cerebral Cortex 17:2443: whenever the cell `post` fires within 20 ms after the cell `pre`, a
reward follows 1 to 3 s later, when all cells have fired since. Only the connection between the two is
credited each time, which a slow eligibility and dopamine bring to light.

There is nothing to see, and one trial goes on for ever.
"""

from __future__ import annotations

from typing import Any

import attrs

import engram
from engram import Array, Context, RecipeError, Signal, Spec, Stream


@engram.rule(
    "since[b]& cursor[b]& met[b]+ due[b]+ place[b]+ pre[b] post[b] delay[b]; window shortest moments"
)
def met(
    since: int, cursor: int, pre: float, post: float, delay: int,
    window: float, shortest: float, moments: float,
) -> Any:  # fmt: skip
    """Whether the cells fired in turn, where in the ring that is rewarded, and where what is due now is."""
    now = cursor + 1
    pair = post > 0.0 and since < int(window)
    since = 0 if pre > 0.0 else min(since + 1, int(window))
    due = (cursor + int(shortest) + delay) % int(moments)
    return since, now, (1 if pair else 0), due, now % int(moments)


@engram.state
class DistalState:
    """Which rewards are on their way."""

    since: Array = engram.array(unit="step", dtype="int32", doc="steps since pre fired")
    coming: Array = engram.array(
        "moment", dtype="int32", doc="rewards under way, as a ring of the steps to come"
    )
    cursor: Array = engram.array(unit="step", dtype="int32", doc="steps since the task began")
    rewards: Array = engram.array(dtype="int32", doc="rewards so far", record=True)
    luck: Stream = engram.fixed()
    delays: tuple[int, int, int] = engram.fixed()
    quiet: Signal = engram.fixed()
    rows: Array = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class DistalReward(engram.Task):
    """Reward, seconds later, for the cell `post` that fires soon after the cell `pre`."""

    name = "distal-reward"

    units: int = engram.param(default=800, ge=2, doc="cells whose spikes are the action")
    pre: int = engram.param(default=0, ge=0, doc="cell that has to fire first")
    post: int = engram.param(default=1, ge=0, doc="cell that has to fire after it")
    window: float = engram.param(default=0.02, gt=0, unit="s", doc="how soon after")
    earliest: float = engram.param(default=1.0, gt=0, unit="s", doc="shortest delay of the reward")
    latest: float = engram.param(default=3.0, gt=0, unit="s", doc="longest delay, all between equally likely")
    size: float = engram.param(default=0.5, unit="reward", doc="size of a reward")

    def check(self) -> None:
        """The two cells exist and differ; delays are in order."""
        if self.pre == self.post or max(self.pre, self.post) >= self.units:
            raise ValueError(f"pre and post must be two of the {self.units} cells")
        if self.latest < self.earliest:
            raise ValueError("latest must not be less than earliest")

    @property
    def observation(self) -> Spec:
        """Nothing: always 0."""
        return Spec(shape=(1,), axes=("nothing",), low=0.0, high=0.0)

    @property
    def action(self) -> Spec:
        """1 where a cell fires."""
        return Spec(shape=(self.units,), axes=("cell",), low=0.0, high=1.0)

    def init(self, ctx: Context) -> DistalState:
        """Return a task in which nothing fired yet.

        Raises:
            RecipeError: The shortest delay is less than a step.
        """
        window, shortest, longest = (
            round(time / ctx.dt) for time in (self.window, self.earliest, self.latest)
        )
        if shortest < 1:
            raise RecipeError(f"{ctx.path}.earliest: {self.earliest:g} s is less than a step; lengthen it")
        return ctx.state(
            DistalState,
            sizes={"moment": longest + 1},
            since=ctx.zeros(dtype="int32") + window,
            luck=ctx.random("delay"),
            delays=(window, shortest, longest + 1),
            quiet=ctx.signal(ctx.zeros(1)),
            rows=ctx.xp.arange(ctx.batch),
            ctx=ctx,
        )

    def reset(self, state: DistalState) -> Signal:
        """Begin the only trial."""
        return attrs.evolve(state.quiet, start=~state.ctx.zeros(dtype="bool"))

    def step(self, state: DistalState, action: Array | None) -> Signal:
        """Send a reward on its way where the two cells fired in turn, and pay what is due."""
        assert action is not None
        _, shortest, moments = state.delays
        rows, delay = state.rows, state.luck.integers(moments - shortest)
        earned, due, place = (state.ctx.xp.empty_like(state.since) for _ in range(3))
        spikes = action[:, self.pre], action[:, self.post]
        met(state.since, state.cursor, earned, due, place, *spikes, delay, *state.delays)
        state.coming[rows, due] += earned
        paid = state.coming[rows, place]
        state.coming[rows, place] = 0
        state.rewards += paid
        return attrs.evolve(state.quiet, reward=(self.size * paid).astype(state.ctx.dtype))
