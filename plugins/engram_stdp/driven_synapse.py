"""One connection whose pre- and postsynaptic spikes the task gives."""

from __future__ import annotations

from typing import Any

import engram
from engram import Array, Choice, Context, RecipeError, Signal


@engram.state
class Driven:
    """The spikes of the last step, and the connection."""

    spikes: Array = engram.array("unit", doc="spikes of the last step")
    drive: Array = engram.array("output", doc="weighted input of each postsynaptic unit")
    synapse: Any = engram.child()


@engram.parameters
class DrivenSynapse(engram.Memory):
    """Lets one connection learn from spikes that it is shown, and from the reward that follows them.

    The first units of the observation are presynaptic, the last `outputs` postsynaptic. Where nothing may be
    learnt, spikes pass and leave traces, and weights and eligibility stay.
    """

    name = "driven-synapse"

    outputs: int = engram.param(default=1, ge=1, doc="postsynaptic units, the last of the observation")
    synapse: engram.Synapse = engram.component("synapse", default="mstdp-et", doc="the connection")

    def init(self, ctx: Context) -> Driven:
        """There were no spikes.

        Raises:
            RecipeError: The observation is no row of presynaptic and postsynaptic units, or the synapse wants
                several samples.
        """
        space = ctx.observation
        if space is None or isinstance(space, Choice) or len(space.shape) != 1:
            raise RecipeError(f"{ctx.path}: takes a row of spikes, (unit,)")
        inputs = space.shape[0] - self.outputs
        if inputs < 1:
            raise RecipeError(
                f"{ctx.path}.outputs: {self.outputs} of {space.shape[0]} units leave no presynaptic ones"
            )
        if getattr(self.synapse, "samples", 1) != 1:
            raise RecipeError(f"{ctx.path}.synapse.samples: a replica is shown one sample; leave it at 1")
        return ctx.state(
            Driven,
            sizes={"unit": space.shape[0], "output": self.outputs},
            synapse=self.synapse.init(ctx.child("synapse"), inputs, self.outputs),
        )

    def step(self, state: Driven, signal: Signal) -> None:
        """Learn from the spikes of the last step and their reward, then pass the present ones on."""
        spikes = state.spikes * ~signal.start[:, None]
        pre, post = spikes[:, : -self.outputs], spikes[:, -self.outputs :]
        if hasattr(state.synapse, "learning_mask"):
            state.synapse.learning_mask[...] = signal.learn
        self.synapse.learn(state.synapse, pre, post, signal.reward * (signal.learn & ~signal.start))
        state.drive[...] = self.synapse.propagate(state.synapse, signal.observation[:, : -self.outputs])
        state.spikes[...] = signal.observation
