"""A bandit whose arms are all real numbers.

Each pull y of a trial earns -(y - c)^2, c being the target of the stimulus that was shown, plus noise.
Stimuli are drawn uniformly, one a pull; with one target there is one stimulus: a plain bandit.
"""

from __future__ import annotations

import math
from typing import Any

import engram
from engram import Array, Context, Signal, Spec, Stream


@engram.state
class BanditState:
    """Which stimulus is shown, and where the trial stands."""

    stimulus: Array = engram.array(dtype="int32", doc="number of the stimulus shown", record=True)
    pull: Array = engram.array(dtype="int32", doc="pulls done in the trial")
    shown: Stream = engram.fixed()
    luck: Stream = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class Bandit(engram.Task):
    """A continuous bandit: the nearer an action is to the target of what is shown, the more it earns."""

    name = "bandit"

    targets: tuple[float, ...] = engram.param(
        default=(0.8,), gt=-math.inf, lt=math.inf, symbol="c", doc="best action for each stimulus"
    )
    pulls: int = engram.param(default=1, ge=1, doc="pulls in a trial")
    noise: float = engram.param(
        default=0.0,
        ge=0,
        lt=math.inf,
        unit="reward",
        doc="standard deviation of the reward",
        per_replica=True,
    )

    def check(self) -> None:
        """There is a target."""
        if not self.targets:
            raise ValueError("targets must hold at least one number")

    @property
    def observation(self) -> Spec:
        """1 for the stimulus that is shown, 0 for the others."""
        return Spec(shape=(len(self.targets),), low=0.0, high=1.0, axes=("stimulus",))

    @property
    def action(self) -> Spec:
        """The arm that is pulled."""
        return Spec(shape=(1,), axes=("arm",))

    def trial_steps(self, dt: float) -> tuple[int, int]:
        """Return the signals of a trial, all being as long: the start and one for each pull."""
        return self.pulls + 1, self.pulls + 1

    def init(self, ctx: Context) -> BanditState:
        """Return the state before the first trial."""
        return ctx.state(BanditState, ctx=ctx, shown=ctx.random("shown"), luck=ctx.random("luck"))

    def reset(self, state: BanditState) -> Signal:
        """Show the first stimuli."""
        state.pull[...] = 0
        state.stimulus[...] = state.shown.integers(len(self.targets))
        seen = state.ctx.zeros(len(self.targets))
        for number in range(len(self.targets)):
            seen[:, number] = state.stimulus == number
        return state.ctx.signal(seen, start=~state.ctx.zeros(dtype="bool"))

    @engram.scan
    def body(
        self: Any, action: Array, stimulus: Array, pull: Array, shown: Stream, luck: Stream, noise: Array,
        observation: Array, reward: Array, start: Array, end: Array,
    ) -> None:  # fmt: skip
        """Pay for the pull, and show the next stimulus."""
        if pull == self.pulls:
            pull = 0
            start = True
        else:
            miss = action[0] - self.targets[stimulus]
            pull = pull + 1
            reward = noise * luck.normal() - miss * miss
            end = pull == self.pulls
        stimulus = shown.integers(len(self.targets))
        if not end:
            for number in range(len(self.targets)):
                observation[number] = 1.0 if stimulus == number else 0.0
