"""A Gaussian unit: what it draws, and how likely that was.

Williams 1992, Machine Learning 8:229, section 6. With the standard normal number eps, z = (y - mu) / sigma:

    y = mu + sigma eps,  held within bounds                             (1)
    d ln g / d mu    = z / sigma                                        (2)
    d ln g / d sigma = (z^2 - 1) / sigma,  d ln g / d ln sigma = z^2 - 1   (3)

Arrays are (batch, sample, post) unless another shape is named.
"""

from __future__ import annotations

import math

import engram
from engram import Array, exact

LOWEST_LOG_STD, HIGHEST_LOG_STD = -10.0, 2.0
_TWO_PI = 2 * math.pi


@engram.rule("x[b,s,i] w_mean[b,i,k] w_log_std[b,i,k] drive[b,s,k]+ log_std[b,s,k]+")
def project(x: Array, w_mean: Array, w_log_std: Array) -> tuple[Array, Array]:
    """Sum the inputs x (batch, sample, pre), weighted, for the mean and for ln sigma."""
    return x * w_mean, x * w_log_std


@engram.rule
def standard_deviation(log_std: Array) -> Array:
    """Return sigma of ln sigma, which is held within -10 .. 2."""
    return exact.exp(min(max(log_std, LOWEST_LOG_STD), HIGHEST_LOG_STD))


@engram.rule
def scores(z: Array, std: Array, slope: Array, log_std: Array, learnable: float) -> tuple[Array, Array]:
    """Equations (2) and (3), taken through the activation of the mean and the bounds of ln sigma.

    Args:
        z: (y - mu) / sigma.
        std: sigma.
        slope: Slope of the activation of the mean.
        log_std: ln sigma before it is held within its bounds.
        learnable: 1, or 0 where sigma is no matter of weights.

    Returns:
        The derivatives of ln g with respect to the sums that `project` gives.
    """
    within = log_std >= LOWEST_LOG_STD and log_std <= HIGHEST_LOG_STD
    return z / std * slope, (z * z - 1.0) * learnable if within else 0.0


_DRAW = (
    "action[b,s,k]& z[b,s,k]& mean_score[b,s,k]& log_std_score[b,s,k]& "
    "eps[b,s,k] mean[b,s,k] std[b,s,k] slope[b,s,k] log_std[b,s,k]; learnable lowest highest"
)


@engram.rule(_DRAW)
def draw(
    action: Array, z: Array, mean_score: Array, log_std_score: Array, eps: Array, mean: Array, std: Array,
    slope: Array, log_std: Array, learnable: float, lowest: float, highest: float,
) -> tuple[Array, ...]:  # fmt: skip
    """Equation (1); the score is that of what was drawn, wherever the bounds then put the action."""
    action = min(max(mean + std * eps, lowest), highest)
    z = eps
    mean_score, log_std_score = scores(z, std, slope, log_std, learnable)
    return action, z, mean_score, log_std_score


@engram.rule(_DRAW)
def draw_scored_within_bounds(
    action: Array, z: Array, mean_score: Array, log_std_score: Array, eps: Array, mean: Array, std: Array,
    slope: Array, log_std: Array, learnable: float, lowest: float, highest: float,
) -> tuple[Array, ...]:  # fmt: skip
    """Equation (1); the score is that of the action within its bounds, under the unbounded Gaussian."""
    drawn = mean + std * eps
    action = min(max(drawn, lowest), highest)
    z = eps if action == drawn else (action - mean) / std
    mean_score, log_std_score = scores(z, std, slope, log_std, learnable)
    return action, z, mean_score, log_std_score


@engram.rule("reward[b,s] std[b,s,k] z[b,s,k] objective[b]+; factor")
def surprise(reward: Array, std: Array, z: Array, factor: float) -> Array:
    """Sum -r ln g, whose slope is the negative gradient of the expected reward (batch, sample)."""
    return factor * reward * (0.5 * exact.log(_TWO_PI * std * std) + 0.5 * (z * z))
