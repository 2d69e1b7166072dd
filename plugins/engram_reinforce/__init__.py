"""REINFORCE for engram: Gaussian units that learn continuous actions from reward."""

from collections.abc import Iterable

from engram import Memory, Synapse, hookimpl

from .policy import GaussianPolicy as GaussianPolicy
from .reinforce import Reinforce as Reinforce, Uniform as Uniform


@hookimpl
def register_synapses() -> Iterable[type[Synapse]]:
    """Offer `reinforce`."""
    return [Reinforce]


@hookimpl
def register_memories() -> Iterable[type[Memory]]:
    """Offer `gaussian-policy`."""
    return [GaussianPolicy]
