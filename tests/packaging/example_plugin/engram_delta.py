"""The delta rule, and a lottery to learn from: w <- w + alpha (r - w.x) x (Widrow and Hoff 1960)."""

import engram
from engram import Array, Context, Signal, Spec


@engram.state
class Weights:
    """What the predictor carries from step to step."""

    w: Array = engram.array("feature", doc="reward expected of each feature", record=True)
    x: Array = engram.array("feature", doc="the previous observation")
    alpha: Array = engram.fixed()


@engram.parameters
class Delta(engram.Memory):
    """Predicts the reward that follows an observation."""

    name = "delta"
    alpha: float = engram.param(default=0.1, ge=0, le=1, doc="learning rate", per_replica=True)

    def init(self, ctx: Context) -> Weights:
        """Expect nothing."""
        sizes = {"feature": ctx.observation.shape[0]}
        return ctx.state(Weights, sizes=sizes, alpha=ctx.per_replica(self).alpha)

    def step(self, state: Weights, signal: Signal) -> None:
        """Learn from the reward that the previous observation led to."""
        error = (signal.reward - (state.w * state.x).sum(axis=1)) * signal.learn
        state.w += (state.alpha * error)[:, None] * state.x
        state.x[...] = signal.observation


@engram.state
class Ticket:
    """What is shown."""

    shown: Array = engram.array("feature", doc="the features shown")
    draw: engram.Stream = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class Lottery(engram.Task):
    """Shows random features; the reward is the first feature of the step before."""

    name = "lottery"
    features: int = engram.param(default=3, ge=1, doc="number of features")

    @property
    def observation(self) -> Spec:
        """The features."""
        return Spec(shape=(self.features,), axes=("feature",), low=0, high=1)

    @property
    def action(self) -> None:
        """The task takes nothing."""

    def init(self, ctx: Context) -> Ticket:
        """Show nothing yet."""
        return ctx.state(Ticket, sizes={"feature": self.features}, draw=ctx.random("ticket"), ctx=ctx)

    def reset(self, state: Ticket) -> Signal:
        """Show the first features; everything is one trial."""
        state.shown[...] = state.draw.uniform(self.features)
        return state.ctx.signal(state.shown, start=~state.ctx.zeros(dtype="bool"))

    def step(self, state: Ticket, action: None) -> Signal:
        """Pay for the features shown before, show others."""
        paid = state.shown[:, 0].copy()
        state.shown[...] = state.draw.uniform(self.features)
        return state.ctx.signal(state.shown, paid)


@engram.hookimpl
def register_memories() -> list[type[engram.Memory]]:
    """Offer the predictor."""
    return [Delta]


@engram.hookimpl
def register_tasks() -> list[type[engram.Task]]:
    """Offer the lottery."""
    return [Lottery]
