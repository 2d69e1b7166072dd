"""REINFORCE: a synapse onto Gaussian units that learns from the reward of what they did.

Williams 1992, Machine Learning 8:229. A sample of units k with the inputs x_i has

    mu_k = f(s sum_i a(x_i) w_ik),  ln sigma_k = s sum_i a(x_i) v_ik    (1)
    y_k = mu_k + sigma_k eps_k                                          (2)

and when its reward r arrives, with a baseline b and g the density of y,

    w_ik <- w_ik + eta (r - b) d ln g / d w_ik,  likewise v             (3)
    b    <- b + beta (r - b)                                            (4)

which on average climbs the expected reward. Samples of one weight matrix add up in (3) and are averaged
in (4). What ngc-learn 3.2 does instead is `semantics = "ngclearn-3.2"`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import engram
from engram import Array, Context, EngramError, Stream

from .activation import ACTIVATIONS, SLOPES, Activation
from .gaussian import draw, draw_scored_within_bounds, project, standard_deviation, surprise

_NGCLEARN_FACTOR = 0.01


@engram.parameters
class Uniform:
    """Initial weights, drawn uniformly."""

    low: float = engram.param(default=0.025, gt=-math.inf, lt=math.inf, doc="smallest weight")
    high: float = engram.param(default=0.8, gt=-math.inf, lt=math.inf, doc="largest weight")

    def check(self) -> None:
        """The bounds are in order."""
        if self.low > self.high:
            raise ValueError(f"low must be at most high, not {self.low:g} and {self.high:g}")


@engram.rule(
    "x[b,s,i] reward[b,s] mean_score[b,s,k] log_std_score[b,s,k] mask[b,i,k] "
    "d_mean[b,i,k]+ d_log_std[b,i,k]+; factor"
)
def gradient(
    x: Array, reward: Array, mean_score: Array, log_std_score: Array, mask: Array, factor: float
) -> tuple[Array, Array]:
    """The bracket of equation (3), summed over samples; 0 where there is no synapse."""
    credit = factor * reward if mask else 0.0
    return x * (credit * mean_score), x * (credit * log_std_score)


@engram.rule("w[b,i,k]& average[b,i,k]& d[b,i,k] eta[b] learning[b] count[b]; decay lowest highest")
def climb(
    w: Array, average: Array, d: Array, eta: Array, learning: Array, count: Array,
    decay: float, lowest: float, highest: float,
) -> tuple[Array, Array]:  # fmt: skip
    """Equation (3) within the bounds of the weights, and the running average of its bracket."""
    average = (count - 1.0) / count * average * decay + d / count
    w = min(max(w + eta * d if learning else w, lowest), highest)
    return w, average


@engram.rule("reward[b,s] mean[b]+; share")
def average(reward: Array, share: float) -> Array:
    """Return the mean over samples."""
    return share * reward


@engram.rule("baseline[b]& mean[b] beta[b] learning[b]")
def follow(baseline: Array, mean: Array, beta: Array, learning: Array) -> Array:
    """Equation (4)."""
    return baseline + beta * (mean - baseline) if learning else baseline


@engram.state
class ReinforceState:
    """Weights, the sample that awaits its reward, and what was learnt last."""

    w_mean: Array = engram.array("pre", "post", doc="weights w of the mean", record=True)
    w_log_std: Array = engram.array("pre", "post", doc="weights v of ln sigma")
    d_mean: Array = engram.array("pre", "post", doc="last gradient of w")
    d_log_std: Array = engram.array("pre", "post", doc="last gradient of v")
    average_mean: Array = engram.array("pre", "post", doc="running average of the gradient of w")
    average_log_std: Array = engram.array("pre", "post", doc="running average of the gradient of v")
    count: Array = engram.array(doc="gradients in the averages")
    x: Array = engram.array("sample", "pre", doc="inputs a(x) of the sample, scaled")
    mean: Array = engram.array("sample", "post", doc="mu of the sample")
    std: Array = engram.array("sample", "post", doc="sigma of the sample")
    z: Array = engram.array("sample", "post", doc="(y - mu) / sigma of the sample")
    action: Array = engram.array("sample", "post", doc="y, the sample")
    mean_score: Array = engram.array("sample", "post", doc="d ln g by the input of the mean")
    log_std_score: Array = engram.array("sample", "post", doc="d ln g by the input of ln sigma")
    reward: Array = engram.array("sample", unit="reward", doc="r - b of the sample")
    baseline: Array = engram.array(unit="reward", doc="b, the running mean of rewards")
    objective: Array = engram.array(unit="reward", doc="sum of -(r - b) ln g, scaled as the gradient")
    learning_mask: Array = engram.array(dtype="bool", doc="whether weights and baseline may change")
    mask: Array = engram.array("pre", "post", dtype="bool", doc="the synapse exists")
    noise: Stream = engram.fixed()
    eta: Array = engram.fixed()
    beta: Array = engram.fixed()
    path: str = engram.fixed()


@engram.parameters
class Reinforce(engram.Synapse):
    """A synapse onto Gaussian units that draw an action and learn from its reward.

    `propagate` draws a sample and `learn` takes the reward of the last one, so `learn` comes before the next
    `propagate`. Where `learning_mask` of the state is False, nothing is learnt from a reward.

    Attributes:
        draws_actions: True, by which an owner knows all this of a synapse.
    """

    name = "reinforce"
    draws_actions: ClassVar[bool] = True

    eta: float = engram.param(default=0.01, ge=0, lt=math.inf, doc="learning rate", per_replica=True)
    baseline: float = engram.param(
        default=0.0, ge=0, le=1, symbol="beta", doc="rate at which the baseline follows rewards; 0 for none",
        per_replica=True,
    )  # fmt: skip
    samples: int = engram.param(default=1, ge=1, doc="samples that share the weights, (batch, sample, unit)")
    mean_weights: Uniform = engram.param(default=Uniform(), doc="initial weights w of the mean")
    log_std_weights: Uniform = engram.param(default=Uniform(), doc="initial weights v of ln sigma")
    connection_probability: float = engram.param(
        default=1.0, ge=0, le=1, symbol="p_conn", doc="probability that a synapse exists"
    )
    scale: float = engram.param(
        default=1.0, gt=-math.inf, lt=math.inf, symbol="g_conduct_factor, resist_scale",
        doc="factor of both sums of equation (1); with semantics ngclearn-3.2 without effect",
    )  # fmt: skip
    act_fx: Activation = engram.param(default="identity", symbol="a", doc="activation of the inputs")
    mu_act_fx: Activation = engram.param(default="identity", symbol="f", doc="activation of the mean")
    mu_out_min: float = engram.param(default=-math.inf, doc="smallest action")
    mu_out_max: float = engram.param(default=math.inf, doc="largest action")
    scalar_stddev: float | None = engram.param(
        default=None, gt=0, lt=math.inf, symbol="sigma", doc="sigma of all units, in place of a learnt one"
    )
    w_min: float | None = engram.param(
        default=None, doc="smallest weight; none: unbounded, 0 with semantics ngclearn-3.2"
    )
    w_max: float | None = engram.param(
        default=None, doc="largest weight; none: unbounded, 1 with semantics ngclearn-3.2"
    )
    decay: float = engram.param(
        default=0.99, ge=0, le=1, doc="decay of the running average of gradients, which nothing learns from"
    )
    semantics: Literal["williams-1992", "ngclearn-3.2"] = engram.param(
        default="williams-1992",
        doc="ngclearn-3.2: a reward meets the sample after the one that earned it; gradients times 0.01 / "
        "samples; scores of actions within their bounds; weights from 0 to 1",
    )

    def check(self) -> None:
        """Bounds are in order and hold the initial weights."""
        if not self.mu_out_min < self.mu_out_max:
            raise ValueError(
                f"mu_out_min must be below mu_out_max, not {self.mu_out_min:g} and {self.mu_out_max:g}"
            )
        low, high = self.bounds
        for name in ("mean_weights", "log_std_weights"):
            drawn: Uniform = getattr(self, name)
            if not low <= drawn.low <= drawn.high <= high:
                raise ValueError(
                    f"{name} must lie within the bounds of weights, {low:g} to {high:g}; "
                    "narrow it, or set w_min and w_max"
                )
        if self.connection_probability < 1 and not low <= 0 <= high:
            raise ValueError(
                f"connection_probability: synapses that do not exist have weights of 0, outside {low:g} to "
                f"{high:g}; set w_min and w_max around 0"
            )

    @property
    def delayed(self) -> bool:
        """Whether a reward meets the sample after the one that earned it."""
        return self.semantics == "ngclearn-3.2"

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest weight."""
        low, high = (0.0, 1.0) if self.delayed else (-math.inf, math.inf)
        return low if self.w_min is None else self.w_min, high if self.w_max is None else self.w_max

    @property
    def factor(self) -> float:
        """Factor of gradients."""
        return _NGCLEARN_FACTOR / self.samples if self.delayed else 1.0

    def init(self, ctx: Context, n_pre: int, n_post: int) -> ReinforceState:
        """Draw the weights; no sample awaits a reward."""
        values = ctx.per_replica(self)
        weights = {
            name: drawn.low + (drawn.high - drawn.low) * ctx.random(name).uniform(n_pre, n_post)
            for name, drawn in (("w_mean", self.mean_weights), ("w_log_std", self.log_std_weights))
        }
        mask = ctx.xp.ones((ctx.batch, n_pre, n_post), dtype="bool")
        if self.connection_probability < 1:
            mask &= ctx.random("connections").uniform(n_pre, n_post) < self.connection_probability
        weights = {name: w * mask for name, w in weights.items()}
        return ctx.state(
            ReinforceState,
            sizes={"pre": n_pre, "post": n_post, "sample": self.samples},
            std=ctx.zeros(self.samples, n_post) + 1,
            learning_mask=~ctx.zeros(dtype="bool"),
            mask=mask,
            noise=ctx.random("noise"),
            eta=values.eta,
            beta=values.baseline,
            path=ctx.path,
            **weights,
        )

    def propagate(self, state: ReinforceState, pre: Array) -> Array:
        """Equations (1) and (2): draw a sample.

        Args:
            state: Of this synapse.
            pre: (batch, pre), or (batch, sample, pre).

        Returns:
            (batch, post), or (batch, sample, post): the actions.

        Raises:
            EngramError: There are other samples than `samples`.
        """
        batch, samples, n_pre = state.x.shape
        if (pre.shape[1] if pre.ndim == 3 else 1) != samples:
            raise EngramError(
                f"{state.path}: activity has the shape {pre.shape}; for samples = {samples} give "
                f"({batch}, {samples}, {n_pre})"
            )
        state.x[...] = ACTIVATIONS[self.act_fx](pre.reshape(state.x.shape))
        if not self.delayed:
            state.x *= self.scale
        self._draw(state)
        if self.delayed:
            self._update(state)
        return state.action.reshape(*pre.shape[:-1], state.action.shape[-1]).copy()

    def learn(self, state: ReinforceState, pre: Array, post: Array, modulator: Array) -> None:
        """Equations (3) and (4): take the reward of the last sample.

        Args:
            state: Of this synapse.
            pre: Not looked at: the sample was kept.
            post: Not looked at.
            modulator: (batch,) reward, the same for all samples, or (batch, sample).
        """
        state.reward[...] = modulator.reshape(len(modulator), -1)
        mean = engram.array_module(modulator).empty_like(state.baseline)
        average(state.reward, mean, share=1.0 / self.samples)
        state.reward -= state.baseline[:, None]
        follow(state.baseline, mean, state.beta, state.learning_mask)
        if not self.delayed:
            self._update(state)

    def _draw(self, state: ReinforceState) -> None:
        xp = engram.array_module(state.x)
        drive, log_std = xp.empty_like(state.mean), xp.empty_like(state.mean)
        project(state.x, state.w_mean, state.w_log_std, drive, log_std)
        state.mean[...] = ACTIVATIONS[self.mu_act_fx](drive)
        fixed = self.scalar_stddev
        state.std[...] = standard_deviation(log_std) if fixed is None else fixed
        drawn: Any = draw_scored_within_bounds if self.delayed else draw
        drawn(
            state.action, state.z, state.mean_score, state.log_std_score,
            state.noise.normal(*state.mean.shape[1:]), state.mean, state.std,
            SLOPES[self.mu_act_fx](state.mean), log_std,
            learnable=float(fixed is None), lowest=self.mu_out_min, highest=self.mu_out_max,
        )  # fmt: skip

    def _update(self, state: ReinforceState) -> None:
        scored = (state.x, state.reward, state.mean_score, state.log_std_score, state.mask)
        gradient(*scored, state.d_mean, state.d_log_std, factor=self.factor)
        surprise(state.reward, state.std, state.z, state.objective, factor=self.factor)
        state.count += 1
        low, high = self.bounds
        common = (state.eta, state.learning_mask, state.count, self.decay, low, high)
        climb(state.w_mean, state.average_mean, state.d_mean, *common)
        climb(state.w_log_std, state.average_log_std, state.d_log_std, *common)
        state.count *= ~state.learning_mask
