"""A larva's olfactory gains, learnt from food: decisions at fixed intervals."""

from __future__ import annotations

import engram
from engram import Array

from .learner import GainLearner


@engram.rule
def after_interval(iterator: int, interval: int, reward_sum: float, change: Array) -> tuple[bool, float]:
    """Decide when the interval is over, on the reward collected in it."""
    return iterator >= interval, reward_sum


@engram.parameters
class RLGain(GainLearner):
    """Q-learning of a sensory gain from reward, one decision every `update_dt` minutes.

    larvaworld 2.5.1, RLOlfMemory; equations (1) to (5) of `engram_rl_gain.learner`. The first decision falls
    on the first step. Durations are in minutes, as in larvaworld's code (its documentation says seconds).
    """

    name = "rl-gain"
    due = after_interval
