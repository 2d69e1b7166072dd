"""Distributional TD(lambda): a population of asymmetric value predictors.

Dabney et al. 2020, Nature 577:671. Predictor i learns its own value of every feature x:

    d_i  = r + gamma_i V_i(x') - V_i(x)                                   (1)
    w_i <- w_i + alpha_i^+- d_i e_i      (+ where d_i > 0)                (2)

so V_i settles on the tau_i-expectile of the return, tau_i = alpha^+ / (alpha^+ + alpha^-): together the
predictors hold the whole distribution of reward, and by their discounts when it comes.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np

import engram
from engram import Choice, Context, RecipeError

from .population import Population, by_trial, online
from .rates import asymmetry, in_order, rates
from .response import RESPONSES, UTILITIES
from .spread import Values, bounds
from .target import ERRORS, projected

_RATE = 0.1


@engram.parameters
class DistributionalTD(engram.Memory):
    """A population of TD(lambda) predictors, each with its own optimism, discount and trace.

    It takes observations of two kinds: numbers, one for each feature, or indices (integers) of the features
    that are active, -1 for none.
    """

    name = "distributional-td"

    predictors: int = engram.param(default=100, ge=1, doc="number of predictors; of atoms, if categorical")
    alpha_plus: Values = engram.param(
        default=_RATE, symbol="alpha+", unit="1/step", doc="learning rate where the error is positive"
    )
    alpha_minus: Values = engram.param(
        default=_RATE, symbol="alpha-", unit="1/step", doc="learning rate where the error is negative"
    )
    asymmetry: Values | None = engram.param(
        default=None, symbol="tau", doc="alpha+ / (alpha+ + alpha-), in place of the two rates"
    )
    scale: Values = engram.param(default=0.2, unit="1/step", doc="alpha+ + alpha-, where asymmetry is given")
    rate: float = engram.param(
        default=1.0, ge=0, lt=math.inf, doc="factor of all learning rates", per_replica=True
    )
    gamma: Values = engram.param(default=0.98, unit="1/step", doc="discount")
    lam: Values = engram.param(default=0.0, symbol="lambda", doc="trace")
    rule: Literal["expectile", "quantile", "huber", "categorical"] = engram.param(
        default="expectile", doc="what a predictor learns"
    )
    kappa: float = engram.param(default=1.0, gt=0, unit="reward", doc="where the Huber rule is cut")
    lowest: float = engram.param(
        default=0.0, gt=-math.inf, unit="reward", doc="first atom of the categorical rule"
    )
    highest: float = engram.param(
        default=10.0, lt=math.inf, unit="reward", doc="last atom of the categorical rule"
    )
    bootstrap: Literal["self", "sample", "imputed"] = engram.param(
        default="self", doc="the next value: a predictor's own, another's, or drawn from what all say"
    )
    update: Literal["online", "trial"] = engram.param(
        default="online", doc="learn in every step, or at the end of a trial"
    )
    trace_kind: Literal["accumulating", "replacing"] = engram.param(
        default="accumulating", doc="how a feature seen again adds to its trace, where update is online"
    )
    utility: Literal["linear", "log", "hill"] = engram.param(default="linear", doc="what a reward is worth")
    utility_scale: float = engram.param(
        default=1.0, gt=0, lt=math.inf, unit="reward", doc="where utility bends, unless it is linear"
    )
    semantics: Literal["theory", "drl_sim"] = engram.param(
        default="theory",
        doc="drl_sim (f496298): alpha, gamma, lambda to the power dt, no gamma in the trace, errors divided "
        "by the sum of the trace, learning at the end of a trial",
    )

    def check(self) -> None:
        """Values lie where they may, and go together."""
        for name in ("alpha_plus", "alpha_minus", "asymmetry", "gamma", "lam", "scale"):
            self._check_values(name)
        if self.rule == "categorical" and (self.bootstrap != "self" or not isinstance(self.gamma, float)):
            raise ValueError("rule = 'categorical' bootstraps from its own atoms, all with one gamma")
        if self.rule == "categorical" and (self.predictors < 2 or self.lowest >= self.highest):
            raise ValueError("rule = 'categorical' needs two predictors or more, and lowest < highest")
        if self.bootstrap == "imputed" and self.rule != "expectile":
            raise ValueError("bootstrap = 'imputed' reads expectiles; use rule = 'expectile'")
        if self.semantics == "drl_sim" and (self.rule, self.bootstrap) != ("expectile", "self"):
            raise ValueError("semantics = 'drl_sim' has rule = 'expectile' and bootstrap = 'self' only")
        if self.trace_kind == "replacing" and self.trialwise:
            raise ValueError("trace_kind = 'replacing' needs update = 'online' and semantics = 'theory'")
        if self.asymmetry is not None and (self.alpha_plus, self.alpha_minus) != (_RATE, _RATE):
            raise ValueError("asymmetry stands in place of alpha_plus and alpha_minus; leave it or them out")

    def _check_values(self, name: str) -> None:
        values: Values | None = getattr(self, name)
        if values is None:
            return
        if isinstance(values, tuple) and len(values) != self.predictors:
            raise ValueError(f"{name} lists {len(values)} values for {self.predictors} predictors")
        low, high = bounds(values)
        top = 2.0 if name == "scale" else 1.0
        if not 0 <= low <= high <= top:
            raise ValueError(f"{name} must lie in 0 to {top:g}")
        if name == "asymmetry" and self.semantics == "drl_sim" and not 0 < low <= high < 1:
            raise ValueError("asymmetry must lie between 0 and 1 where semantics is 'drl_sim'")

    @property
    def normalised(self) -> bool:
        """Whether errors are divided by the sum of the trace."""
        return self.semantics == "drl_sim"

    @property
    def width(self) -> float:
        """Distance of atoms."""
        return (self.highest - self.lowest) / (self.predictors - 1)

    @property
    def trialwise(self) -> bool:
        """Whether it learns at the end of a trial."""
        return self.update == "trial" or self.semantics == "drl_sim"

    @property
    def body(self) -> engram.Scan:  # type: ignore[override]
        """One step of one replica."""
        return by_trial if self.trialwise else online

    def init(self, ctx: Context) -> Population:
        """Draw the predictors; all values are 0."""
        space = ctx.observation
        if space is None or isinstance(space, Choice) or len(space.shape) != 1:
            raise RecipeError(
                f"{ctx.path}: takes a row of features, (feature,), or of indices of active ones"
            )
        sparse = np.dtype("f4" if space.dtype == "float" else space.dtype).kind == "i"
        features = int(space.high or 0) + 1 if sparse else space.shape[0]
        if self.trialwise and ctx.trial_steps is None:
            raise RecipeError(
                f"{ctx.path}: update = 'trial' needs a task that tells the length of its trials"
            )
        found = rates(ctx, self)
        found = in_order(ctx, found) if self.bootstrap == "imputed" else found
        moments = (ctx.trial_steps or 0) if self.trialwise else 0
        sizes = {
            "feature": features,
            "predictor": self.predictors,
            "trace_feature": 0 if self.trialwise else features,
            "moment": moments,
            "seen_moment": 0 if sparse else moments,
            "active_moment": moments if sparse else 0,
            "slot": space.shape[0],
        }
        return ctx.state(
            Population,
            sizes=sizes,
            tau=asymmetry(found.alpha_plus, found.alpha_minus),
            shift=ctx.random("shift"),
            luck=ctx.random("luck"),
            errs=projected if self.rule == "categorical" else ERRORS[self.bootstrap],
            responds=RESPONSES[self.rule],
            worth=UTILITIES[self.utility],
            sparse=sparse,
            **attrs.asdict(found, recurse=False),
        )
