"""A bandit with so many arms, each of which pays by chance around a mean of its own."""

from __future__ import annotations

import math
from typing import Any

import engram
from engram import Array, Choice, Context, Signal, Spec, Stream


@engram.state
class ArmedBanditState:
    """Where the trial stands."""

    pull: Array = engram.array(dtype="int32", doc="pulls done in the trial")
    arm: Array = engram.array(dtype="int32", doc="arm that was pulled last", record=True)
    luck: Stream = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class ArmedBandit(engram.Task):
    """A bandit with k arms: an action is the number of an arm, which pays its mean plus noise.

    What is shown is always 1.
    """

    name = "armed-bandit"

    arms: tuple[float, ...] = engram.param(
        default=(0.2, 0.5, 0.8), gt=-math.inf, lt=math.inf, unit="reward", doc="mean reward of each arm"
    )
    pulls: int = engram.param(default=1, ge=1, doc="pulls in a trial")
    noise: float = engram.param(
        default=0.1, ge=0, lt=math.inf, unit="reward", doc="standard deviation of the reward",
        per_replica=True,
    )  # fmt: skip

    def check(self) -> None:
        """There is a choice."""
        if len(self.arms) < 2:
            raise ValueError(f"arms: {len(self.arms)} leave no choice; give at least two")

    @property
    def observation(self) -> Spec:
        """Always 1."""
        return Spec(shape=(1,), low=1.0, high=1.0, axes=("stimulus",))

    @property
    def action(self) -> Choice:
        """The arm that is pulled."""
        return Choice(len(self.arms))

    def trial_steps(self, dt: float) -> tuple[int, int]:
        """Return the signals of a trial, all being as long: the start and one for each pull."""
        return self.pulls + 1, self.pulls + 1

    def init(self, ctx: Context) -> ArmedBanditState:
        """Return the state before the first trial."""
        return ctx.state(ArmedBanditState, ctx=ctx, luck=ctx.random("luck"))

    def reset(self, state: ArmedBanditState) -> Signal:
        """Begin the first trial."""
        state.pull[...] = 0
        return state.ctx.signal(state.ctx.zeros(1) + 1, start=~state.ctx.zeros(dtype="bool"))

    @engram.scan
    def body(
        self: Any, action: Array, pull: Array, arm: Array, luck: Stream, noise: Array,
        observation: Array, reward: Array, start: Array, end: Array,
    ) -> None:  # fmt: skip
        """Pay for the pull."""
        if pull == self.pulls:
            pull = 0
            start = True
        else:
            pull = pull + 1
            arm = action
            reward = self.arms[action] + noise * luck.normal()
            end = pull == self.pulls
        observation[0] = 0.0 if end else 1.0
