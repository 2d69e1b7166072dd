"""A policy that draws continuous actions from Gaussians and learns them from reward.

Where the task offers a choice, a number is drawn for each alternative and the largest wins, so that the
probability of an alternative is that of its number to be the largest.

The synapse draws the action for what is observed; with the next signal comes its reward, and the synapse
learns before it draws again. The first signal of a trial brings no reward, and none is learnt from.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Choice, Context, RecipeError, Signal, Spec


@engram.state
class PolicyState:
    """The synapse, and what it was last asked."""

    synapse: Any = engram.child()
    seen: Array = engram.array("pre", doc="what was observed")
    drawn: Array = engram.array("post", doc="the action that was drawn")
    chooses: bool = engram.fixed()


@engram.parameters
class GaussianPolicy(engram.Memory):
    """A policy: a synapse from what is observed to units that draw a continuous action, or a choice.

    It holds a synapse whose class says `draws_actions = True`: `propagate` draws, `learn` takes the reward of
    the last draw, and where `learning_mask` (batch,) of its state is False nothing is learnt.
    """

    name = "gaussian-policy"

    synapse: engram.Synapse = engram.component(
        "synapse", default="reinforce", doc="draws actions and learns from their rewards"
    )
    bias: bool = engram.param(default=False, doc="give the synapse one more input, which is always 1")

    def init(self, ctx: Context) -> PolicyState:
        """Return the synapse's initial state; nothing was done yet.

        Raises:
            RecipeError: The task shows or takes no row of numbers, or the synapse draws no action or several.
        """
        if not getattr(self.synapse, "draws_actions", False):
            raise RecipeError(
                f"{ctx.path}.synapse: {type(self.synapse).name!r} draws no actions; use 'reinforce'"
            )
        if getattr(self.synapse, "samples", 1) != 1:
            raise RecipeError(
                f"{ctx.path}.synapse.samples: a policy takes one action at a time; leave it at 1"
            )
        pre = _width(ctx, "observation") + self.bias
        chooses = isinstance(ctx.action, Choice)
        post = ctx.action.n if isinstance(ctx.action, Choice) else _width(ctx, "action")
        synapse = self.synapse.init(ctx.child("synapse"), pre, post)
        sizes = {"pre": pre, "post": post}
        return ctx.state(PolicyState, sizes=sizes, synapse=synapse, chooses=chooses)

    def step(self, state: PolicyState, signal: Signal) -> Array:
        """Learn from the reward of the last action, then draw the next one."""
        state.synapse.learning_mask[...] = signal.learn & ~signal.start
        self.synapse.learn(state.synapse, state.seen, state.drawn, signal.reward)
        state.seen[:, : signal.observation.shape[1]] = signal.observation
        if self.bias:
            state.seen[:, -1] = 1
        state.drawn[...] = self.synapse.propagate(state.synapse, state.seen)
        return state.drawn.argmax(axis=1) if state.chooses else state.drawn.copy()


def _width(ctx: Context, name: str) -> int:
    """Return the length of the row of numbers that the task shows or takes."""
    space = getattr(ctx, name)
    if not isinstance(space, Spec) or len(space.shape) != 1 or space.dtype != "float":
        raise RecipeError(f"{ctx.path}: takes a task whose {name} is a row of numbers, such as 'bandit'")
    return space.shape[0]
