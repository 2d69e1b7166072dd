"""When reward comes, and how much, from the values of predictors with different discounts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import engram
from engram import EngramError

from .decoding import of_expectiles, reward_over_time
from .distribution import distribution
from .predictor import Predictors, level_of, levels, predictors
from .sample import REWARD, VALUE, Moment
from .schedule import Host, step_of

_FEWEST = 3
_FINEST = 10_000
_TINY = 1e-30


@engram.parameters
class RewardTime(Moment):
    """At which time, how far ahead, and how smooth."""

    ahead: float | None = engram.param(
        default=None,
        gt=0,
        lt=math.inf,
        unit="s",
        doc="how far ahead; to the end of the longest trial if absent",
    )
    a: float = engram.param(
        default=0.05,
        gt=0,
        lt=math.inf,
        doc="how strongly small singular values are held back: the larger, the smoother",
    )

    def steps(self, run: Any, moment: int) -> int:
        """Return the number of steps that are looked ahead."""
        if self.ahead is not None:
            return max(1, round(self.ahead / step_of(run)))
        table = self.table(run)
        return max(1, int((table["stop_step"] - table["start_step"]).max()) - moment)

    def rewards(self, run: Any, moment: int) -> tuple[Host, Host]:
        """Return (reward,) the steps from a moment to each reward after it, and its size.

        Raises:
            EngramError: There is none.
        """
        found = self.timing(run, REWARD)
        reward = run[REWARD][:, found.replica]
        here = (found.trial >= 0) & (found.moment > moment) & (reward != 0)
        if not here.any():
            raise EngramError("has no reward after this time; record task.reward where it comes")
        return found.moment[here] - moment, reward[here].astype(float)


@engram.parameters
class MagnitudeTime(RewardTime):
    """Also on which grid of sizes."""

    grid: int = engram.param(
        default=60, ge=2, le=_FINEST, doc="number of sizes, from 0 to the largest reward"
    )


def when(run: Any, settings: RewardTime) -> dict[str, Host]:
    """Decode when reward comes from the values at one time.

    Returns:
        time (ahead,) in s from now; reward (ahead,) decoded, normalised to a sum of 1; true_reward (ahead,)
        the share of the reward that came then; decoded: time of the largest; true: mean time of the reward;
        error: the difference of the two; now: the time within the trial, in s.
    """
    every, moment = predictors(run, VALUE, settings.replicas(run)), settings.moment(run)
    _check_discounts(every)
    steps, dt = settings.steps(run, moment), step_of(run)
    reward = _normalised(
        reward_over_time(settings.settled(run, VALUE, moment), every.discount, steps, settings.a)
    )
    return {**_timed(reward, *settings.rewards(run, moment), dt), "now": np.array(moment * dt)}


def _timed(reward: Host, true_step: Host, size: Host, dt: float) -> dict[str, Host]:
    inside = true_step <= len(reward)
    share = np.bincount(true_step[inside] - 1, weights=np.abs(size[inside]), minlength=len(reward))
    found, true = (int(reward.argmax()) + 1) * dt, float(np.average(true_step, weights=np.abs(size))) * dt
    return {
        "time": (np.arange(len(reward)) + 1) * dt, "reward": reward, "true_reward": _normalised(share),
        "decoded": np.array(found), "true": np.array(true), "error": np.array(found - true),
    }  # fmt: skip


def _normalised(values: Host) -> Host:
    total = values.sum()
    normalised: Host = values / total if total > 0 else values
    return normalised


def _check_discounts(every: Predictors) -> None:
    if len(levels(every.discount)) < _FEWEST:
        raise EngramError("its predictors have fewer than three discounts, so that they do not tell times")


def draw_when(result: Any, figure: Any) -> None:
    """Draw the decoded reward over time, and the true one."""
    axes = figure.subplots()
    width = float(result["time"][0])
    axes.bar(result["time"], result["true_reward"], width, color="0.8", label="true")
    axes.plot(result["time"], result["reward"], ".-", label="decoded")
    axes.set_xlabel(f"time after {float(result['now']):g} s of the trial (s)")
    axes.set_ylabel("share of the reward")
    axes.legend()


def joint(run: Any, settings: MagnitudeTime) -> dict[str, Host]:
    """Decode when reward comes and how much, from predictors with every pair of asymmetry and discount.

    Sousa et al. 2025, Nature 642:691: the values of each asymmetry are inverted over discounts first, into
    r_tau(k), for the value of two outcomes at two times is no product of both. With p(k) the sum of r over
    asymmetries, normalised, sizes at k are imputed from r_tau(k) / p(k). Where reward comes at one time,
    these are the expectiles of its size; where it may come at several, sizes are relative to all of it.

    Returns:
        time, reward, true_reward (ahead,), decoded, true, error, now: as of `reward-time`; size (size,);
        probability (ahead, size); size_probability and true_size_probability (size,), over all times;
        wasserstein: distance of decoded and true sizes; wasserstein_gaussian: of a normal one.
    """
    every, moment = predictors(run, VALUE, settings.replicas(run)), settings.moment(run)
    steps, dt = settings.steps(run, moment), step_of(run)
    taus = levels(every.tau)
    inverted = _by_asymmetry(settings.settled(run, VALUE, moment), every, taus, steps, settings.a)
    share = _normalised(inverted.sum(axis=0))
    true_step, sizes = settings.rewards(run, moment)
    true = distribution(sizes)
    grid = np.linspace(min(0.0, true.value[0]), true.value[-1], settings.grid)
    held = np.flatnonzero(share > 0)
    probability = np.zeros((steps, len(grid)))
    for k in held:
        probability[k] = share[k] * of_expectiles(inverted[:, k] / share[k], taus, grid).probability
    marginal = probability.sum(axis=0)
    nearest = np.abs(sizes[:, None] - grid).argmin(axis=1)
    distances = {
        "wasserstein": distribution(grid, marginal).distance(true),
        "wasserstein_gaussian": true.gaussian().distance(true),
    }
    return {
        **_timed(share, true_step, sizes, dt), "now": np.array(moment * dt), "size": grid,
        "probability": probability, "size_probability": marginal,
        "true_size_probability": _normalised(np.bincount(nearest, minlength=len(grid)).astype(float)),
        **{name: np.array(number) for name, number in distances.items()},
    }  # fmt: skip


def _by_asymmetry(value: Host, every: Predictors, taus: Host, steps: int, a: float) -> Host:
    """Return (tau, ahead) reward over time of each asymmetry, so much of it as fits the values best."""
    place = level_of(every.tau, taus)
    found = []
    for index in range(len(taus)):
        own = np.flatnonzero(place == index)
        if len(levels(every.discount[own])) < _FEWEST:
            raise EngramError(
                "needs three discounts or more for each asymmetry; list asymmetry and gamma of every pair"
            )
        reward = reward_over_time(value[own], every.discount[own], steps, a)
        fit = every.discount[own][:, None] ** np.arange(steps) @ reward
        found.append(reward * (fit @ value[own]) / max(float(fit @ fit), _TINY))
    return np.stack(found)


def draw_joint(result: Any, figure: Any) -> None:
    """Draw the joint map, and both of its margins."""
    figure.set_size_inches(6.8, 5.4)
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 3), width_ratios=(3, 1))
    centre = figure.add_subplot(grid[1, 0])
    top, right = figure.add_subplot(grid[0, 0], sharex=centre), figure.add_subplot(grid[1, 1], sharey=centre)
    image = centre.pcolormesh(
        result["time"], result["size"], result["probability"].T, cmap="viridis", vmin=0, shading="nearest"
    )
    centre.set_xlabel(f"time after {float(result['now']):g} s of the trial (s)")
    centre.set_ylabel("size (reward)")
    width, height = float(result["time"][0]), float(result["size"][1] - result["size"][0])
    top.bar(result["time"], result["true_reward"], width, color="0.8", label="true")
    top.plot(result["time"], result["reward"], ".-", markersize=4, label="decoded")
    right.barh(result["size"], result["true_size_probability"], height, color="0.8")
    right.plot(result["size_probability"], result["size"], linewidth=1)
    for axes in (top, right):
        axes.tick_params(labelbottom=axes is right, labelleft=axes is top)
    top.set_ylabel("probability")
    right.set_xlabel("probability")
    top.legend(fontsize="small")
    figure.colorbar(image, ax=right, label="probability")


reward_time = engram.Analysis(
    "reward-time",
    "when reward comes, decoded from values with different discounts",
    when,
    draw_when,
    settings=RewardTime,
)
magnitude_time = engram.Analysis(
    "magnitude-time",
    "when reward comes and how much, decoded from every pair of asymmetry and discount",
    joint,
    draw_joint,
    settings=MagnitudeTime,
)
