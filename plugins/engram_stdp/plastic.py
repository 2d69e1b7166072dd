"""What the synapses that learn share: traces, bounds, and one pass over the weights."""

from __future__ import annotations

import abc
import math
from typing import Any, ClassVar, Literal, TypeAlias

import attrs
import numpy as np

import engram
from engram import Array, Context

from .delay import after_delay
from .dense import Dense, Weights
from .hebbian import Dependence, Form, direct, direct_of_sum, eligible, eligible_of_sum, summed
from .trace import TRACES, factor

Host: TypeAlias = np.ndarray[Any, Any]
Semantics: TypeAlias = Literal["florian-2007", "ngclearn-3.2"]


@attrs.frozen
class Rules:
    """The rules that a connection learns by.

    Attributes:
        learn: One pass over the weights; `advance` also sums the weighted input.
        change: Sums what spikes ask for over samples; `learn_sum` lets weights follow that sum.
    """

    learn: Any
    advance: Any
    change: Any
    learn_sum: Any


@engram.state
class PlasticWeights(Weights):
    """State of a connection that learns."""

    pre_trace: Array = engram.array("sample", "pre", doc="trace of presynaptic spikes")
    post_trace: Array = engram.array("sample", "post", doc="trace of postsynaptic spikes")
    learns: Array = engram.array("post", doc="1 where the weights onto a unit learn, 0 where they do not")
    learning_mask: Array = engram.array(doc="1 where a replica learns, 0 where nothing plastic changes")
    change: tuple[Array, ...] = engram.fixed()
    eta: Array = engram.fixed()
    leak: Array = engram.fixed()
    remains: tuple[Array, Array] = engram.fixed()
    decays: bool = engram.fixed()
    rules: Rules = engram.fixed()


@engram.state
class EligibleWeights(PlasticWeights):
    """State of a connection whose changes wait for the modulator."""

    z: Array = engram.array(
        "pre", "post", doc="eligibility; with semantics ngclearn-3.2 that of the next call"
    )
    beta: Array = engram.fixed()
    gain: Array = engram.fixed()


@engram.parameters
class Plastic(Dense):
    """Abstract: parameters, traces and what a step does; a final class says which of the equations hold.

    Equations (1) to (3) of `engram_stdp.hebbian`.
    """

    modulated: ClassVar[bool]

    a_plus: float = engram.param(
        default=1.0,
        gt=-math.inf,
        lt=math.inf,
        symbol="A+",
        doc="strength of pre before post",
        per_replica=True,
    )
    a_minus: float = engram.param(
        default=1.0, gt=-math.inf, lt=math.inf, symbol="A-", per_replica=True,
        doc="strength of post before pre, which depresses where it is positive",
    )  # fmt: skip
    learning_rate: float = engram.param(
        default=1.0, gt=-math.inf, lt=math.inf, symbol="eta, gamma", doc="learning rate", per_replica=True
    )
    weight_exponent: float = engram.param(
        default=0.0, ge=0, lt=math.inf, symbol="mu",
        doc="power of the distance to the bound by which a change is scaled; 0 for none",
    )  # fmt: skip
    trace_target: float = engram.param(
        default=0.0, gt=-math.inf, lt=math.inf, symbol="x0, pretrace_target", per_replica=True,
        doc="presynaptic trace that a postsynaptic spike leaves unchanged",
    )  # fmt: skip
    tau_weight: float = engram.param(
        default=0.0, ge=0, unit="s", symbol="tau_w", doc="time in which weights decay; 0 for never",
        per_replica=True,
    )  # fmt: skip
    bound: tuple[float, float] = engram.param(
        default=(0.0, 1.0), symbol="w_bound", doc="least and greatest weight, of either sign"
    )
    signs: tuple[int, ...] = engram.param(
        default=(1,), choices=(-1, 1),
        doc="sign of weights and bounds, input after input in turn: [1, -1] makes every other one inhibitory",
    )  # fmt: skip
    trace: Literal["additive", "gated", "nearest", "given"] = engram.param(
        default="additive", doc="what a spike adds to its trace; given: the owner writes the traces"
    )
    trace_step: float = engram.param(
        default=1.0,
        gt=0,
        lt=math.inf,
        symbol="a_delta, P_scale",
        doc="what a spike adds, or sets the trace to",
    )
    nearest_spikes: int = engram.param(
        default=1, ge=1, symbol="n_nearest_spikes", doc="spikes that count where the trace is nearest"
    )
    tau_plus: float = engram.param(
        default=0.02, gt=0, unit="s", symbol="tau+", doc="time constant of presynaptic traces",
        per_replica=True,
    )  # fmt: skip
    tau_minus: float = engram.param(
        default=0.02, gt=0, unit="s", symbol="tau-", doc="time constant of postsynaptic traces",
        per_replica=True,
    )  # fmt: skip
    semantics: Semantics = engram.param(
        default="florian-2007", doc="the paper's equations, or those of ngclearn's code, one call late"
    )

    def check(self) -> None:
        """Bounds hold the initial weights."""
        low, high = self.bound
        if not -math.inf < low <= high < math.inf:
            raise ValueError(
                f"bound = [{low:g}, {high:g}]: the first must be at most the second, both finite"
            )
        if not self.signs:
            raise ValueError("signs: names none; leave it out, or give at least one of 1 and -1")
        least, greatest = self.initial.range
        if least < low:
            raise ValueError(
                f"bound begins at {low:g}, above the least initial weight {least:g}; move either"
            )
        if greatest > high:
            raise ValueError(
                f"bound ends at {high:g}, below the greatest initial weight {greatest:g}; move either"
            )

    @property
    @abc.abstractmethod
    def lagged(self) -> bool:
        """Whether it is a modulated synapse of ngclearn: spikes act a call late, the mask only hides."""

    @property
    @abc.abstractmethod
    def waits(self) -> bool:
        """Whether changes wait in the eligibility for the modulator."""

    def propagate(self, state: Any, pre: Array) -> Array:
        """Return the weighted sum of what arrives."""
        return self.drive(state, pre)

    def learn(self, state: Any, pre: Array, post: Array, modulator: Array) -> None:
        """Take in the spikes, then change the weights.

        Args:
            state: Changed in place.
            pre: (batch, [sample,] pre) spikes, 0 or 1.
            post: (batch, [sample,] post) likewise.
            modulator: (batch,) what tells good from bad: the reward that follows these spikes, where the
                semantics is the paper's, and that which comes with them, where it is ngclearn's.

        Raises:
            EngramError: The shapes do not go together.
        """
        p, q = self.by_sample(pre), self.by_sample(post)
        self._trace(state, p, q)
        if self.samples == 1:
            self._in_one_pass(state, state.rules.learn, p, p, q, modulator)
        else:
            self._over_samples(state, p, q, modulator)

    def advance(self, state: Any, pre: Array, post: Array, modulator: Array) -> Array:
        """As `propagate` and then `learn`; in one pass over the weights, unless there are several samples.

        Returns:
            (batch, [sample,] post), from the weights as they were.
        """
        if self.samples > 1:
            drive = self.propagate(state, pre)
            self.learn(state, pre, post, modulator)
            return drive
        p, q = self.by_sample(pre), self.by_sample(post)
        drive = engram.array_module(pre).zeros((len(state.w), state.w.shape[2]), dtype=state.w.dtype)
        self._trace(state, p, q)
        self._in_one_pass(state, state.rules.advance, after_delay(state, p), p, q, modulator, drive)
        drive = drive * self.scale
        return drive[:, None] if pre.ndim == 3 else drive

    def _trace(self, state: Any, p: Array, q: Array) -> None:
        if self.trace != "given":
            rule = TRACES[self.trace]
            numbers = self.trace_step, float(self.nearest_spikes)
            rule(state.pre_trace, p, state.remains[0], *numbers)
            rule(state.post_trace, q, state.remains[1], *numbers)

    def _in_one_pass(
        self, state: Any, rule: Any, arriving: Array, p: Array, q: Array, modulator: Array, *drive: Array
    ) -> None:
        pair = arriving[:, 0], p[:, 0], state.pre_trace[:, 0], q[:, 0], state.post_trace[:, 0]
        rule(*self._changed(state), *pair, *state.change, *self._by(state, modulator), *drive)

    def _over_samples(self, state: Any, p: Array, q: Array, modulator: Array) -> None:
        d = engram.array_module(p).zeros(state.w.shape, dtype=state.w.dtype)
        state.rules.change(p, state.pre_trace, q, state.post_trace, state.w, *state.change, d)
        state.rules.learn_sum(*self._changed(state), d, *state.change[:2], *self._by(state, modulator))

    def _changed(self, state: Any) -> tuple[Array, ...]:
        return (state.w, state.z) if self.waits else (state.w,)

    def _by(self, state: Any, modulator: Array) -> tuple[Array, ...]:
        """What decides how the weights follow; where nothing is learnt, that w <- w and z <- z."""
        learning = state.learning_mask
        m = modulator * learning if self.modulated else learning
        leak = state.leak * learning if state.decays else state.leak
        common = state.mask, m, state.eta, state.learns, leak
        if not self.waits:
            return common
        beta = engram.array_module(learning).maximum(state.beta, 1 - learning)
        return *common, beta, state.gain * learning

    @property
    def original(self) -> bool:
        """Whether to do as ngclearn's code does."""
        return self.semantics == "ngclearn-3.2"

    def _rules(self) -> Rules:
        dependence: dict[float, Dependence] = {0.0: "additive", 1.0: "multiplicative"}
        sparse = self.connection_probability < 1
        form = Form(
            dependence.get(self.weight_exponent, "power"),
            lagged=self.lagged,
            sparse=sparse and not self.lagged,
            hidden=sparse and self.lagged,
        )
        one_pass, of_sum = (eligible, eligible_of_sum) if self.waits else (direct, direct_of_sum)
        return Rules(one_pass(form), one_pass(attrs.evolve(form, forward=True)), summed(form), of_sum(form))

    def plasticity(self, ctx: Context, n_pre: int, n_post: int) -> dict[str, Any]:
        """Return sizes and fields of `PlasticWeights` but for `eta`, for `ctx.state`."""
        fields = self.connection(ctx, n_pre, n_post, hides=self.lagged)
        p = ctx.per_replica(self)
        sign = ctx.array([self.signs[unit % len(self.signs)] for unit in range(n_pre)])
        ends = [sign * ctx.dtype.type(end) for end in self.bound]
        low, high = ctx.xp.minimum(*ends), ctx.xp.maximum(*ends)
        w = fields["w"]
        w[...] = ctx.xp.clip(w * sign[:, :, None], low[:, :, None], high[:, :, None])
        w *= fields["mask"] | self.lagged
        one, leak = ctx.zeros() + ctx.dtype.type(1), self._leak(ctx)
        depression = ctx.xp.maximum(p.a_minus, 0) if self.original else p.a_minus
        exponent = one * ctx.dtype.type(self.weight_exponent)
        return fields | {
            "learns": ctx.zeros(n_post) + ctx.dtype.type(1),
            "learning_mask": one,
            "change": (low, high, p.a_plus, depression, p.trace_target, exponent),
            "leak": on_device(ctx, leak),
            "decays": bool(leak.any()),
            "remains": tuple(
                on_device(ctx, factor(ctx.dt, ctx.values(self, tau))) for tau in ("tau_plus", "tau_minus")
            ),
            "rules": self._rules(),
        }

    def _leak(self, ctx: Context) -> Host:
        """What a step takes of a weight; ngclearn takes the same however long the step."""
        tau = ctx.values(self, "tau_weight")
        step = 1.0 if self.original else ctx.dt
        leak: Host = np.divide(step, tau, out=np.zeros_like(tau), where=tau > 0)
        return leak


def on_device(ctx: Context, host: Host) -> Array:
    """Return numbers worked out on the host, in the run's precision."""
    return ctx.xp.asarray(host.astype(ctx.dtype))
