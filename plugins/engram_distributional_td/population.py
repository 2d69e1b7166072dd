"""What a population of predictors carries, and one step of it in two ways.

    V_i(x) = sum_f x_f w_fi                                               (1)
    d_i    = u(r) + gamma_i V_i(x') - V_i(x)                              (2)
    e_i   <- gamma_i lambda_i e_i + x                                     (3)
    w_i   <- w_i + z_i(d_i) e_i                                           (4)

`online` does this in every step. `by_trial` learns at the end of a trial, all errors from the weights before
it; summed backwards each feature is touched once for each step in which it was active:

    G_i(t) = z_i(d_i(t)) + gamma_i lambda_i G_i(t + 1),  w_i <- w_i + sum_t x(t) G_i(t)    (5)

Where every feature is active in one step of a trial, as in a serial compound, both are the same but for
rounding: its weight is not read between its step and the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import engram
from engram import Array, Stream

from .target import imputed


@engram.state
class Population:
    """State of all predictors."""

    w: Array = engram.array("feature", "predictor", unit="reward", doc="value of each feature")
    value: Array = engram.array("predictor", unit="reward", doc="V of the present observation", record=100)
    delta: Array = engram.array("predictor", unit="reward", doc="reward prediction error", record=100)
    alpha_plus: Array = engram.array("predictor", doc="learning rate where the error is positive")
    alpha_minus: Array = engram.array("predictor", doc="learning rate where the error is negative")
    gamma: Array = engram.array("predictor", doc="discount as given")
    lam: Array = engram.array("predictor", doc="trace as given")
    up: Array = engram.array("predictor", doc="alpha_plus for each step")
    down: Array = engram.array("predictor", doc="alpha_minus for each step")
    discount: Array = engram.array("predictor", doc="gamma for each step")
    decay: Array = engram.array("predictor", doc="decay of the trace for each step")
    tau: Array = engram.array("predictor", doc="asymmetry")
    following: Array = engram.array("predictor", unit="reward", doc="V of what is seen now")
    credit: Array = engram.array("predictor", unit="reward", doc="G, equation (5), or z, equation (4)")
    mass: Array = engram.array("predictor", doc="sum of the trace")
    trace: Array = engram.array("trace_feature", "predictor", doc="e, equation (3)")
    errors: Array = engram.array("moment", "predictor", unit="reward", doc="z of each step of the trial")
    seen: Array = engram.array("seen_moment", "slot", doc="features of each step of the trial")
    active: Array = engram.array(
        "active_moment", "slot", doc="indices of the features of each step", dtype="int32"
    )
    steps: Array = engram.array(doc="steps since the trial began", dtype="int32")
    shift: Stream = engram.fixed()
    luck: Stream = engram.fixed()
    errs: Callable[..., Any] = engram.fixed()
    responds: Callable[..., Any] = engram.fixed()
    worth: Callable[..., Any] = engram.fixed()
    sparse: bool = engram.fixed()


@engram.rule
def evaluate(following: Array, w: Array, observation: Array, sparse: bool) -> None:
    """Equation (1); the observation holds a number for each feature, or if `sparse` the active features."""
    for p in range(len(following)):
        following[p] = 0.0
    for k in range(len(observation)):
        f = observation[k] if sparse else k
        x = 1.0 if sparse else observation[k]
        if f >= 0 if sparse else x != 0:
            for p in range(len(following)):
                following[p] += x * w[f, p]


@engram.rule
def remember(seen: Array, active: Array, steps: int, observation: Array, sparse: bool) -> None:
    """Keep the observation of a step of the trial."""
    for k in range(len(observation)):
        if sparse:
            active[steps, k] = observation[k]
        else:
            seen[steps, k] = observation[k]


@engram.rule
def spread_mass(mass: Array, decay: Array, observation: Array, sparse: bool) -> None:
    """The sum of the trace, which drl_sim divides by."""
    active = 0.0
    for k in range(len(observation)):
        active += (observation[k] >= 0) * 1.0 if sparse else observation[k]
    for p in range(len(mass)):
        mass[p] = decay[p] * mass[p] + active


@engram.rule
def learn_backwards(
    w: Array, credit: Array, errors: Array, seen: Array, active: Array, decay: Array, observation: Array,
    steps: int, sparse: bool,
) -> None:  # fmt: skip
    """Equation (5)."""
    for p in range(len(credit)):
        credit[p] = 0.0
    for back in range(len(errors)):
        t = steps - 1 - back
        if t >= 0:
            for p in range(len(credit)):
                credit[p] = errors[t, p] + decay[p] * credit[p]
            for k in range(len(observation)):
                f = active[t, k] if sparse else k
                x = 1.0 if sparse else seen[t, k]
                if f >= 0 if sparse else x != 0:
                    for p in range(len(credit)):
                        w[f, p] += x * credit[p]


@engram.rule
def learn_now(w: Array, credit: Array, trace: Array, value: Array) -> None:
    """Equation (4)."""
    for f in range(len(trace)):
        for p in range(len(value)):
            w[f, p] += credit[p] * trace[f, p]


@engram.rule
def follow(
    trace: Array, decay: Array, observation: Array, start: bool, sparse: bool, replacing: bool
) -> None:
    """Equation (3); a replacing trace is at most what is seen now where that is not 0."""
    for f in range(len(trace)):
        x = 0.0 if sparse else observation[f]
        for p in range(len(decay)):
            faded = 0.0 if start else decay[p] * trace[f, p]
            trace[f, p] = (x if x != 0 else faded) if replacing else faded + x
    if sparse:
        for k in range(len(observation)):
            f = observation[k]
            if f >= 0:
                for p in range(len(decay)):
                    trace[f, p] = 1.0 if replacing else trace[f, p] + 1.0


@engram.rule
def judge(
    delta: Array, credit: Array, value: Array, following: Array, up: Array, down: Array, discount: Array,
    reward: float, over: bool, shift: int, sample: float, learn: bool,
    memory: Any, errs: Any, responds: Any, worth: Any,
) -> None:  # fmt: skip
    """Equation (2), and z; where the trial is over, nothing follows."""
    felt = worth(reward, memory.utility_scale)
    going = (not over) * 1.0
    for p in range(len(value)):
        error = errs(p, following, felt, discount[p] * going, value[p], shift, sample, memory)
        delta[p] = error
        credit[p] = responds(error, up[p], down[p], memory.kappa) if learn else 0.0


@engram.scan
def by_trial(
    self: Any, w: Array, value: Array, delta: Array, up: Array, down: Array, discount: Array, decay: Array,
    tau: Array, following: Array, credit: Array, mass: Array, errors: Array, seen: Array, active: Array,
    steps: Array,
    shift: Stream, luck: Stream, errs: Any, responds: Any, worth: Any, sparse: bool,
    observation: Array, reward: Array, start: Array, end: Array, truncated: Array, learn: Array,
) -> None:  # fmt: skip
    """Equations (1), (2) and (5)."""
    evaluate(following, w, observation, sparse)
    if start:
        steps = 0
        for p in range(len(value)):
            delta[p] = 0.0
            mass[p] = 0.0
    else:
        number = shift.integers(len(value)) if self.bootstrap == "sample" else 0
        sample = imputed(following, tau, luck.uniform()) if self.bootstrap == "imputed" else 0.0
        judge(
            delta, credit, value, following, up, down, discount,
            reward, end and not truncated, number, sample, learn, self, errs, responds, worth,
        )  # fmt: skip
        for p in range(len(value)):
            errors[steps, p] = credit[p] / max(mass[p], 1.0) if self.normalised else credit[p]
        steps = steps + 1
    for p in range(len(value)):
        value[p] = following[p]
    remember(seen, active, steps, observation, sparse)
    if self.normalised:
        spread_mass(mass, decay, observation, sparse)
    if end:
        learn_backwards(w, credit, errors, seen, active, decay, observation, steps, sparse)


@engram.scan
def online(
    self: Any, w: Array, value: Array, delta: Array, up: Array, down: Array, discount: Array, decay: Array,
    tau: Array, following: Array, credit: Array, trace: Array,
    shift: Stream, luck: Stream, errs: Any, responds: Any, worth: Any, sparse: bool,
    observation: Array, reward: Array, start: Array, end: Array, truncated: Array, learn: Array,
) -> None:  # fmt: skip
    """Equations (1) to (4); the value that the next error is taken against is worked out after learning."""
    evaluate(following, w, observation, sparse)
    if start:
        for p in range(len(value)):
            delta[p] = 0.0
    else:
        number = shift.integers(len(value)) if self.bootstrap == "sample" else 0
        sample = imputed(following, tau, luck.uniform()) if self.bootstrap == "imputed" else 0.0
        judge(
            delta, credit, value, following, up, down, discount,
            reward, end and not truncated, number, sample, learn, self, errs, responds, worth,
        )  # fmt: skip
        learn_now(w, credit, trace, value)
        evaluate(following, w, observation, sparse)
    for p in range(len(value)):
        value[p] = following[p]
    follow(trace, decay, observation, start, sparse, self.trace_kind == "replacing")
