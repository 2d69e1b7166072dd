"""Networks of spiking cells that learn from reward, for engram."""

from engram import Memory, Task, hookimpl

from .encoder import bernoulli as bernoulli, latency as latency
from .integrate_and_fire import IntegrateAndFire as IntegrateAndFire
from .izhikevich import Izhikevich as Izhikevich, izhikevich as izhikevich
from .layer import Layer as Layer
from .lif import (
    LIF as LIF,
    lif_euler as lif_euler,
    lif_exact as lif_exact,
    lif_midpoint as lif_midpoint,
)
from .modulator import Modulator as Modulator, dopamine as dopamine
from .reward_error import reward_error as reward_error
from .spiking_network import SpikingNetwork as SpikingNetwork
from .xor_rate import XorRate as XorRate


@hookimpl
def register_memories() -> list[type[Memory]]:
    """Offer `spiking-network`."""
    return [SpikingNetwork]


@hookimpl
def register_tasks() -> list[type[Task]]:
    """Tasks for spiking networks."""
    return [XorRate]
