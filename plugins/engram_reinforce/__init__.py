"""REINFORCE for engram: Gaussian units that learn continuous actions from reward."""

from collections.abc import Iterable

from engram import Memory, Synapse, Task, hookimpl

from .bandit import Bandit as Bandit
from .policy import GaussianPolicy as GaussianPolicy
from .reach import Reach as Reach
from .reinforce import Reinforce as Reinforce, Uniform as Uniform


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
    """Offer `bandit` and `reach`."""
    return [Bandit, Reach]
