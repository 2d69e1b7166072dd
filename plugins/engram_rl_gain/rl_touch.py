"""A larva's tactile gains: decisions when contact begins or ends."""

from __future__ import annotations

import engram
from engram import Array, array_module

from .learner import GainLearner, GainState


@engram.parameters
class RLTouch(GainLearner):
    """Q-learning of a tactile gain from contact, one decision at every onset or loss of contact.

    larvaworld 2.5.1, RLTouchMemory; equations (1) to (5) of `engram_rl_gain.learner`, the reward replaced by

        R = 1 / T where contact begins (a change of +1),  R = T where it ends (-1)     (6)

    with T the training steps since the last decision (the first time: since the start, plus the interval).
    So contact that was quickly found and long kept is good; food does not count.
    """

    name = "rl-touch"

    def decides(self, state: GainState, change: Array) -> tuple[Array, Array]:
        """Decide at onset or loss of contact, on the reward of equation (6)."""
        xp = array_module(state.q)
        begins, ends = (change == 1).any(axis=1), (change == -1).any(axis=1)
        since = xp.maximum(state.iterator, 1).astype(state.q.dtype)
        return begins | ends, xp.where(begins, 1 / since, since)
