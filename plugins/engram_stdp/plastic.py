"""What the synapses that learn share: traces, bounds, and one pass over the weights."""

from __future__ import annotations

import abc
import math
from typing import Any, ClassVar, Literal, TypeAlias

import attrs
import numpy as np

import engram
from engram import Array, Context, EngramError

from .call import Calls
from .delay import after_delay
from .dense import Dense, Weights
from .event_driven import event_driven, event_driven_everywhere as everywhere, faded
from .hebbian import Dependence, Form, direct, direct_of_sum, eligible, eligible_of_sum, summed
from .known_steps import STEPS, known_steps
from .lazy import lazy
from .one_call import Traces, dense
from .trace import TRACES, factor

Host: TypeAlias = np.ndarray[Any, Any]
Semantics: TypeAlias = Literal["florian-2007", "ngclearn-3.2"]


Evaluation: TypeAlias = Literal["dense", "lazy", "event-driven"]
_MOMENTS = {"dense": (0, 0), "lazy": (64, 0), "event-driven": (128, 128)}
"""Steps that an evaluation keeps, and those of which it keeps the spikes as events."""


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
    rules: Rules = engram.fixed()
    row_taken: Array = engram.array("pre", unit="step", dtype="int32", doc="steps kept that a row has taken")
    kept: Array = engram.array(unit="step", dtype="int32", doc="steps kept, which rows may lack")
    past_pre: Array = engram.array("moment", "pre", doc="presynaptic spikes of the steps kept")
    past_pre_trace: Array = engram.array("moment", "pre", doc="their traces")
    past_post: Array = engram.array("moment", "post", doc="postsynaptic spikes of the steps kept")
    past_post_trace: Array = engram.array("moment", "post", doc="their traces")
    past_modulator: Array = engram.array("moment", doc="modulator of the steps kept")
    past_mask: Array = engram.array("moment", doc="learning_mask of the steps kept")
    past_learns: Array = engram.array("moment", "post", doc="`learns` of the steps kept")
    unit: Array = engram.array("event_moment", doc="1 / scale of the steps kept")
    spikes: Array = engram.array("event_moment", dtype="int32", doc="postsynaptic spikes of the steps kept")
    fired: Array = engram.array("event_moment", "post", dtype="int32", doc="which units they were")
    one: Array = engram.fixed()
    given: tuple[Array, ...] = engram.fixed()
    calls: Calls = engram.fixed()

    def settle(self) -> None:
        """Bring all weights up to date, where rows wait until they are read."""
        self.calls.settle(self)


@engram.state
class EligibleWeights(PlasticWeights):
    """State of a connection whose changes wait for the modulator."""

    z: Array = engram.array(
        "pre", "post", doc="eligibility over `scale`; with semantics ngclearn-3.2 that of the next call"
    )
    scale: Array = engram.array(doc="factor of the eligibility; 1 unless the evaluation is event-driven")
    beta: Array = engram.fixed()


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
    evaluation: Evaluation = engram.param(
        default="dense",
        doc="dense: all weights in each step; lazy: a row when it is read, to the same bits, for large "
        "matrices; event-driven: where spikes are, for few spikes and a modulator that is mostly 0",
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

        self._check_evaluation()

    def _check_evaluation(self) -> None:
        obstacles = {
            "has no eligibility": not self.waits,
            "has semantics ngclearn-3.2": self.original,
            "has weights that decay (tau_weight)": self.tau_weight > 0,
        }
        for obstacle, there in obstacles.items():
            if there and self.evaluation == "event-driven":
                raise ValueError(
                    f"evaluation: {type(self).name} {obstacle}, so it is not event-driven; take dense"
                )
        if self.samples > 1 and self.evaluation in ("lazy", "event-driven"):
            raise ValueError(
                f"evaluation: {self.evaluation} takes one sample, samples is {self.samples}; take dense"
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
        if self.evaluation != "event-driven":
            state.settle()
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
        if self.samples == 1 and state.calls.compiled("learn", state.w):
            state.calls.one("learn", state)(state, pre, post, modulator)
            return
        # Another target may have left rows that wait.
        state.settle()
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

        Raises:
            EngramError: The shapes do not go together.
        """
        if self.samples > 1:
            drive = self.propagate(state, pre)
            self.learn(state, pre, post, modulator)
            return drive
        if state.calls.compiled("advance", state.w):
            drive = state.calls.one("advance", state)(state, pre, post, modulator)
        else:
            drive = self._by_rules(state, self.by_sample(pre), self.by_sample(post), modulator)
        return drive[:, None] if pre.ndim == 3 else drive

    def advance_steps(self, state: Any, pre: Array, post: Array, modulator: Array) -> Array:
        """As many calls of `advance`, to the bit; faster where all spikes are known beforehand.

        Args:
            state: Changed in place.
            pre: (batch, step, [sample,] pre) spikes.
            post: (batch, step, [sample,] post) likewise.
            modulator: (batch, step)

        Returns:
            (batch, step, [sample,] post)

        Raises:
            EngramError: The shapes do not go together.
        """
        (batch, n_pre, n_post), steps = state.w.shape, pre.shape[1]
        if {post.shape[1:2], modulator.shape[1:2]} != {(steps,)}:
            raise EngramError(
                f"{type(self).name}: pre has {steps} steps, post has shape {post.shape}, modulator "
                f"{modulator.shape}; all lead with (batch, step)"
            )
        shapes = (batch, steps, n_pre), (batch, steps, n_post), (batch, steps)
        fit = (pre.shape, post.shape, modulator.shape) == shapes
        whole = steps - steps % STEPS if fit and state.calls.compiled("known steps", state.w) else 0
        spans = [slice(first, first + STEPS) for first in range(0, whole, STEPS)]
        passed = [
            state.calls.known_steps(state)(pre[:, span], post[:, span], modulator[:, span]) for span in spans
        ]
        passed += [
            self.advance(state, pre[:, step], post[:, step], modulator[:, step])[:, None]
            for step in range(whole, steps)
        ]
        xp = engram.array_module(pre)
        empty = xp.zeros((*pre.shape[:-1], n_post), dtype=state.w.dtype)
        return xp.concatenate(passed, axis=1) if passed else empty

    def _by_rules(self, state: Any, p: Array, q: Array, modulator: Array) -> Array:
        state.settle()
        drive = engram.array_module(p).zeros((len(state.w), state.w.shape[2]), dtype=state.w.dtype)
        self._trace(state, p, q)
        self._in_one_pass(state, state.rules.advance, after_delay(state, p), p, q, modulator, drive)
        return drive * self.scale

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
        scale = [state.scale] if self.evaluation == "event-driven" else []
        rule(*self._changed(state), *pair, *state.change, *self._by(state, modulator), *scale, *drive)
        if scale:
            faded(state.scale, state.beta, state.learning_mask)

    def _over_samples(self, state: Any, p: Array, q: Array, modulator: Array) -> None:
        d = engram.array_module(p).zeros(state.w.shape, dtype=state.w.dtype)
        state.rules.change(p, state.pre_trace, q, state.post_trace, state.w, *state.change, d)
        state.rules.learn_sum(*self._changed(state), d, *state.change[:2], *self._by(state, modulator))

    def _changed(self, state: Any) -> tuple[Array, ...]:
        return (state.w, state.z) if self.waits else (state.w,)

    def _by(self, state: Any, modulator: Array) -> tuple[Array, ...]:
        """What decides how the weights follow."""
        m = modulator if self.modulated else state.one
        common = state.mask, m, state.eta, state.learns, state.leak, state.learning_mask
        return (*common, state.beta) if self.waits else common

    @property
    def original(self) -> bool:
        """Whether to do as ngclearn's code does."""
        return self.semantics == "ngclearn-3.2"

    def _form(self, leaks: bool) -> Form:
        dependence: dict[float, Dependence] = {0.0: "additive", 1.0: "multiplicative"}
        sparse = self.connection_probability < 1
        return Form(
            dependence.get(self.weight_exponent, "power"),
            lagged=self.lagged,
            sparse=sparse and not self.lagged,
            hidden=sparse and self.lagged,
            leaks=leaks,
            waits=self.waits,
        )

    def _rules(self, form: Form) -> Rules:
        learn, of_sum = (eligible, eligible_of_sum) if self.waits else (direct, direct_of_sum)
        learn = everywhere if self.evaluation == "event-driven" else learn
        forward = attrs.evolve(form, forward=True)
        return Rules(learn(form), learn(forward), summed(form), of_sum(form))

    def _procedures(self, form: Form) -> dict[str, Any]:
        """What a step is in one call, and what else the evaluation needs."""
        make = {"dense": dense, "lazy": lazy, "event-driven": event_driven}[self.evaluation]
        settings = Traces(self.trace, self.trace_step, float(self.nearest_spikes)), self.scale
        found = {"learn": make(form, *settings), "advance": make(attrs.evolve(form, forward=True), *settings)}
        if self.evaluation != "dense":
            return {**found, "settle": make(form, *settings, settles=True)}
        return found if self.longest else {**found, "known steps": known_steps(form, *settings)}

    def more(self, state: Any) -> tuple[Array, ...]:
        """Return what the procedures of the evaluation take beside what `dense` takes."""
        past = state.past_pre, state.past_pre_trace, state.past_post, state.past_post_trace
        if self.evaluation == "event-driven":
            return (state.scale, state.kept, *past, state.unit, state.spikes, state.fired)
        lazily = state.row_taken, state.kept, *past, state.past_modulator, state.past_mask, state.past_learns
        return lazily if state.past_mask.size else ()

    def plasticity(self, ctx: Context, n_pre: int, n_post: int, gain: Host | float = 1.0) -> dict[str, Any]:
        """Return sizes and fields of `PlasticWeights` but for `eta`, for `ctx.state`.

        Args:
            ctx: Of the synapse.
            n_pre: Presynaptic units.
            n_post: Postsynaptic units.
            gain: (batch,) what the strengths of changes are multiplied by.
        """
        fields = self.connection(ctx, n_pre, n_post, hides=self.lagged)
        fields["sizes"] |= dict(zip(("moment", "event_moment"), _MOMENTS[self.evaluation], strict=True))
        p = ctx.per_replica(self)
        sign = ctx.array([self.signs[unit % len(self.signs)] for unit in range(n_pre)])
        ends = [sign * ctx.dtype.type(end) for end in self.bound]
        # Without -0, whose sign a step without a modulator would not keep.
        low, high = ctx.xp.minimum(*ends) + 0, ctx.xp.maximum(*ends) + 0
        w = fields["w"]
        w[...] = ctx.xp.clip(w * sign[:, :, None], low[:, :, None], high[:, :, None])
        w *= fields["mask"] | self.lagged
        w += 0
        one, leak = ctx.zeros() + ctx.dtype.type(1), self._leak(ctx)
        strength = gain * ctx.values(self, "a_plus"), gain * ctx.values(self, "a_minus")
        a_plus, a_minus = (on_device(ctx, one) for one in strength)
        depression = ctx.xp.maximum(a_minus, 0) if self.original else a_minus
        form = self._form(bool(leak.any()))
        exponent = one * ctx.dtype.type(self.weight_exponent)
        return fields | {
            "learns": ctx.zeros(n_post) + ctx.dtype.type(1),
            "learning_mask": one.copy(),
            "change": (low, high, a_plus, depression, p.trace_target, exponent),
            "leak": on_device(ctx, leak),
            "remains": tuple(
                on_device(ctx, factor(ctx.dt, ctx.values(self, tau))) for tau in ("tau_plus", "tau_minus")
            ),
            "one": one,
            "given": (*(ctx.zeros(n) for n in (n_pre, n_pre, n_post)), ctx.zeros(), ctx.zeros(n_post)),
            "calls": Calls(self, self._procedures(form)),
            "rules": self._rules(form),
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
