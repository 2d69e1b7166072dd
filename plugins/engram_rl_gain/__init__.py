"""Learning of sensory gains from reward, after larvaworld."""

from engram import Analysis, Memory, hookimpl

from .analyses import q_values
from .learner import GainLearner as GainLearner, update_ext_gain as update_ext_gain
from .q_table import (
    best_actions as best_actions,
    best_gain as best_gain,
    bins as bins,
    state_index as state_index,
)
from .rl_gain import RLGain as RLGain
from .rl_touch import RLTouch as RLTouch


@hookimpl
def register_memories() -> list[type[Memory]]:
    """Offer `rl-gain` and `rl-touch`."""
    return [RLGain, RLTouch]


@hookimpl
def register_analyses() -> list[Analysis]:
    """Offer the table of action values."""
    return [q_values]
