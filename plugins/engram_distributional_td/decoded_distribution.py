"""The distribution of reward that a population holds, against that which it was given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import engram
from engram import EngramError

from .decoding import of_atoms, of_expectiles, of_quantiles
from .distribution import Distribution, distribution
from .predictor import Predictors, levels, predictors
from .sample import REWARD, VALUE, Moment, returns
from .schedule import Host, step_of

_FINEST = 10_000


@engram.parameters
class DecodedDistribution(Moment):
    """At which time of the trial, and on which grid."""

    time: float | None = engram.param(
        default=None,
        ge=0,
        lt=math.inf,
        unit="s",
        doc="time within the trial; the step before the first reward if absent",
    )
    grid: int = engram.param(
        default=200, ge=2, le=_FINEST, doc="number of values that may have a probability"
    )
    low: float | None = engram.param(
        default=None, unit="reward", doc="first of them; the smallest return in the file if absent"
    )
    high: float | None = engram.param(
        default=None, unit="reward", doc="last of them; the largest return in the file if absent"
    )

    def moment(self, run: Any) -> int:
        """Return the steps from the start of a trial to this time.

        Raises:
            EngramError: There is no reward.
        """
        if self.time is not None:
            return round(self.time / step_of(run))
        found = self.timing(run, REWARD)
        rewarded = (found.trial >= 0) & (run[REWARD][:, found.replica] != 0)
        if not rewarded.any():
            raise EngramError("holds no reward; say when, such as -o time=2.0")
        return int(found.moment[rewarded].min()) - 1


def compute(run: Any, settings: DecodedDistribution) -> dict[str, Host]:
    """Decode the distribution of the return from the values at one time, the mean of the last trials.

    Expectiles are imputed, quantiles and probabilities of atoms are a distribution already.

    Returns:
        reward and probability (value,), decoded; true_reward and true_probability (true_value,), of the
        returns after that time in all trials; cumulative, true_cumulative, gaussian_cumulative (point,) at
        the rewards of point (point,); wasserstein: distance of the decoded from the true distribution;
        wasserstein_gaussian and wasserstein_point: of a normal one with true mean and deviation, and of the
        true mean alone; mean and deviation, true_mean and true_deviation; time in s.
    """
    every, moment = predictors(run, VALUE, settings.replicas(run)), settings.moment(run)
    if run.recipe["memory"].get("utility", "linear") != "linear":
        raise EngramError("its values are utilities, not rewards")
    gammas = levels(every.discount)
    gamma = float(gammas[0]) if len(gammas) == 1 else None
    true = distribution(returns(run, settings.timing(run, REWARD), moment, gamma))
    value = settings.settled(run, VALUE, moment)
    found = decoded(run, every, value, _grid(settings, true, value))
    return {**_compared(found, true), "time": np.array(moment * step_of(run))}


def _grid(settings: DecodedDistribution, true: Distribution, value: Host) -> Host:
    low = true.value[0] if settings.low is None else settings.low
    high = true.value[-1] if settings.high is None else settings.high
    if low == high:  # a grid of one point would say that any values are right
        low, high = min(low, value.min()), max(high, value.max())
    if not -np.inf < low <= high < np.inf:
        raise EngramError(f"low to high is {low:g} to {high:g}; give low < high, both finite")
    return np.linspace(low, high, settings.grid)


def decoded(run: Any, every: Predictors, value: Host, grid: Host) -> Distribution:
    """Decode values (predictor,) as the rule by which they were learnt asks.

    Raises:
        EngramError: Values of this rule are no such statistics, or atoms are missing.
    """
    memory = run.recipe["memory"]
    rule = memory.get("rule", "expectile")
    if rule == "categorical":
        if len(every.index) < memory["predictors"]:
            raise EngramError("holds only some of the atoms; record all of them with record.entries")
        atoms = np.linspace(memory["lowest"], memory["highest"], memory["predictors"])
        return of_atoms(value, atoms[every.index])
    if rule == "huber":
        raise EngramError("values of the Huber rule are neither expectiles nor quantiles")
    return of_quantiles(value, every.tau) if rule == "quantile" else of_expectiles(value, every.tau, grid)


def _compared(found: Distribution, true: Distribution) -> dict[str, Host]:
    gaussian = true.gaussian()
    point = np.union1d(found.value, true.value)
    numbers = {
        "wasserstein": found.distance(true), "wasserstein_gaussian": gaussian.distance(true),
        "wasserstein_point": true.point().distance(true), "mean": found.mean, "deviation": found.deviation,
        "true_mean": true.mean, "true_deviation": true.deviation,
    }  # fmt: skip
    return {
        "reward": found.value, "probability": found.probability, "true_reward": true.value,
        "true_probability": true.probability, "point": point, "cumulative": found.cumulative(point),
        "true_cumulative": true.cumulative(point), "gaussian_cumulative": gaussian.cumulative(point),
        **{name: np.array(number) for name, number in numbers.items()},
    }  # fmt: skip


def picture(result: Any, figure: Any) -> None:
    """Draw the probabilities, and the cumulative distributions."""
    figure.set_size_inches(9.6, 4.0)
    left, right = figure.subplots(1, 2)
    for name, colour, label in (("true_", "0.6", "true"), ("", "C0", "decoded")):
        kept = result[f"{name}probability"] > 0
        left.vlines(
            result[f"{name}reward"][kept], 0, result[f"{name}probability"][kept], color=colour,
            linewidth=5 if name else 2, label=label,
        )  # fmt: skip
    left.set_ylabel("probability")
    left.set_ylim(0)
    for name, style in (("true_", "0.6"), ("gaussian_", "C1"), ("", "C0")):
        distance = (
            f", {float(result['wasserstein' + (name and '_gaussian')]):.2g} away" if name != "true_" else ""
        )
        label = {"true_": "true", "gaussian_": "normal", "": "decoded"}[name] + distance
        right.step(result["point"], result[f"{name}cumulative"], where="post", color=style, label=label)
    right.set_ylabel("cumulative probability")
    for axes in (left, right):
        axes.set_xlabel("reward")
        axes.legend()
    figure.suptitle(f"values at {float(result['time']):g} s", fontsize="medium")


decoded_distribution = engram.Analysis(
    "decoded-distribution",
    "distribution of reward decoded from the values at one time, against the true one",
    compute,
    picture,
    settings=DecodedDistribution,
)
