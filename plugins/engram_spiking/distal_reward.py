"""Reward for two cells that fired one after the other, seconds after they did.

Izhikevich 2007, Cerebral Cortex 17:2443: whenever the cell `post` fires within 20 ms after the cell `pre`, a
reward follows 1 to 3 s later, when all cells have fired since. Only the connection between the two is
credited each time, which a slow eligibility and dopamine bring to light.

There is nothing to see, and one trial goes on for ever.
"""

from __future__ import annotations

import engram
from engram import Array, Context, RecipeError, Signal, Spec, Stream


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
        if round(self.earliest / ctx.dt) < 1:
            raise RecipeError(f"{ctx.path}.earliest: {self.earliest:g} s is less than a step; lengthen it")
        return ctx.state(
            DistalState,
            sizes={"moment": round(self.latest / ctx.dt) + 1},
            since=ctx.zeros(dtype="int32") + round(self.window / ctx.dt),
            luck=ctx.random("delay"),
            rows=ctx.xp.arange(ctx.batch),
            ctx=ctx,
        )

    def reset(self, state: DistalState) -> Signal:
        """Begin the only trial."""
        return state.ctx.signal(state.ctx.zeros(1), start=~state.ctx.zeros(dtype="bool"))

    def step(self, state: DistalState, action: Array | None) -> Signal:
        """Send a reward on its way where the two cells fired in turn, and pay what is due."""
        assert action is not None
        window = round(self.window / state.ctx.dt)
        met = (action[:, self.post] > 0) & (state.since < window)
        state.since[...] = state.ctx.xp.where(action[:, self.pre] > 0, 0, state.since + 1).clip(max=window)
        due = (state.cursor + self._delay(state)) % state.coming.shape[1]
        state.coming[state.rows, due] += met
        state.cursor += 1
        place = state.cursor % state.coming.shape[1]
        paid = state.coming[state.rows, place]
        state.coming[state.rows, place] = 0
        state.rewards += paid
        return state.ctx.signal(state.ctx.zeros(1), (self.size * paid).astype(state.ctx.dtype))

    def _delay(self, state: DistalState) -> Array:
        """Return (batch,) steps until the reward that is now earned."""
        shortest, longest = (round(time / state.ctx.dt) for time in (self.earliest, self.latest))
        return shortest + state.luck.integers(longest - shortest + 1)
