"""REINFORCE for engram: Gaussian units that learn continuous actions from reward."""

from collections.abc import Iterable
from pathlib import Path

from engram import Analysis, Memory, Synapse, Task, hookimpl

from .armed_bandit import ArmedBandit as ArmedBandit
from .bandit import Bandit as Bandit
from .mean_action import mean_action
from .policy import GaussianPolicy as GaussianPolicy
from .reach import Reach as Reach
from .reinforce import Reinforce as Reinforce, Uniform as Uniform
from .success import reach_success


@hookimpl
def register_synapses() -> Iterable[type[Synapse]]:
    """Offer `reinforce`."""
    return [Reinforce]


@hookimpl
def register_memories() -> Iterable[type[Memory]]:
    """Offer `gaussian-policy`."""
    return [GaussianPolicy]


@hookimpl
def register_tasks() -> Iterable[type[Task]]:
    """Offer `bandit`, `armed-bandit` and `reach`."""
    return [Bandit, ArmedBandit, Reach]


@hookimpl
def register_recipes() -> Iterable[Path]:
    """The recipes of this folder."""
    return sorted((Path(__file__).parent / "recipes").glob("*.toml"))


@hookimpl
def register_analyses() -> Iterable[Analysis]:
    """What to compute and draw of a run."""
    return [mean_action, reach_success]
