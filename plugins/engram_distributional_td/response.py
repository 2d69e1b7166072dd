"""What a prediction error does to a predictor, and what a reward is worth.

A predictor that moves by z at an error d settles where the mean of z is 0:

    expectile   z = alpha^+ d where d > 0, alpha^- d elsewhere            (1)
    quantile    z = alpha^+ where d > 0, -alpha^- where d < 0             (2)
    Huber       (1) with d cut at +-kappa                                 (3)

(1) is Dabney et al. 2020, Nature 577:671, methods; (2) Dabney et al. 2018, AAAI 32:2892, eq. 8, whose steps
have the unit of value; (3) goes from (2) to (1) as kappa grows.
"""

from __future__ import annotations

from typing import Any

import engram
from engram import exact


@engram.rule
def expectile(error: float, up: float, down: float, kappa: float) -> float:
    """Equation (1)."""
    return error * (up if error > 0 else down)


@engram.rule
def quantile(error: float, up: float, down: float, kappa: float) -> float:
    """Equation (2)."""
    return up if error > 0 else -down if error < 0 else 0.0


@engram.rule
def huber(error: float, up: float, down: float, kappa: float) -> float:
    """Equation (3)."""
    return max(min(error, kappa), -kappa) * (up if error > 0 else down)


@engram.rule
def linear(reward: float, scale: float) -> float:
    """The reward itself."""
    return reward


@engram.rule
def logarithmic(reward: float, scale: float) -> Any:
    """S log(1 + r / s): concave, and nearly linear where r is well below s."""
    size = scale * exact.log(1 + abs(reward) / scale)
    return size if reward >= 0 else -size


@engram.rule
def hill(reward: float, scale: float) -> float:
    """R / (1 + r / s): a Hill function, half of its limit s at r = s."""
    return reward / (1 + abs(reward) / scale)


RESPONSES = {"expectile": expectile, "quantile": quantile, "huber": huber, "categorical": expectile}
UTILITIES = {"linear": linear, "log": logarithmic, "hill": hill}
