"""A critic: the reward expected of each stimulus, and the error of that expectation.

    e  = r - mu_s                                                         (1)
    mu_s <- mu_s + alpha e        for the stimulus s that is present      (2)

Fremaux, Sprekeler and Gerstner 2010, Journal of Neuroscience 30:13326: reward-modulated plasticity needs a
modulator whose mean is 0 for each stimulus by itself. With one stimulus it is the reward-error cell of
ngclearn 3.2.3.
"""

from __future__ import annotations

import engram


@engram.rule("mu[b,s]& error[b]+ present[b,s] reward[b]; alpha")
def reward_error(mu: float, present: float, reward: float, alpha: float) -> tuple[float, float]:
    """Equations (1) and (2); `present` is 1 for the stimulus that is there and 0 for others."""
    error = present * (reward - mu)
    return mu + alpha * error, error
