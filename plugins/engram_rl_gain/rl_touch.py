"""A larva's tactile gains: decisions when contact begins or ends."""

from __future__ import annotations

import engram
from engram import Array

from .learner import GainLearner


@engram.rule
def at_contact(iterator: int, interval: int, reward_sum: float, change: Array) -> tuple[bool, float]:
    """Decide at onset or loss of contact, on the reward of equation (6)."""
    begins, ends = False, False
    for of_stimulus in change:
        begins = begins or of_stimulus == 1
        ends = ends or of_stimulus == -1
    since = float(max(iterator, 1))
    return begins or ends, 1 / since if begins else since


@engram.parameters
class RLTouch(GainLearner):
    """Q-learning of a tactile gain from contact, one decision at every onset or loss of contact.

    larvaworld 2.5.1, RLTouchMemory; equations (1) to (5) of `engram_rl_gain.learner`, the reward replaced by

        R = 1 / T where contact begins (a change of +1),  R = T where it ends (-1)     (6)

    with T the training steps since the last decision (the first time: since the start, plus the interval).
    So contact that was quickly found and long kept is good; food does not count.
    """

    name = "rl-touch"
    due = at_contact
