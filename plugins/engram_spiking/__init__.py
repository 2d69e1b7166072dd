"""Networks of spiking cells that learn from reward, for engram."""

from collections.abc import Iterable
from pathlib import Path

from engram import Analysis, Memory, Task, hookimpl

from .chosen_weight import chosen_weight
from .distal_reward import DistalReward as DistalReward
from .encoder import (
    Bernoulli as Bernoulli,
    Latency as Latency,
    Poisson as Poisson,
    SpikeInput as SpikeInput,
    bernoulli as bernoulli,
    latency as latency,
)
from .goal import goals
from .integrate_and_fire import IntegrateAndFire as IntegrateAndFire
from .izhikevich import Izhikevich as Izhikevich, izhikevich as izhikevich
from .lif import LIF as LIF, lif_euler as lif_euler, lif_exact as lif_exact, lif_midpoint as lif_midpoint
from .membrane import membrane
from .modulator import Modulator as Modulator, dopamine as dopamine
from .raster import raster
from .rate_by_pattern import rate_by_pattern
from .reward_error import reward_error as reward_error
from .spiking_network import SpikingNetwork as SpikingNetwork
from .t_maze import TMaze as TMaze
from .weight_histogram import weight_histogram
from .weight_matrix import weight_matrix
from .xor_rate import XorRate as XorRate
from .xor_temporal import XorTemporal as XorTemporal


@hookimpl
def register_memories() -> list[type[Memory]]:
    """Offer `spiking-network`, layers of cells and input layers."""
    return [SpikingNetwork, LIF, IntegrateAndFire, Izhikevich, SpikeInput, Poisson, Bernoulli, Latency]


@hookimpl
def register_tasks() -> list[type[Task]]:
    """Tasks for spiking networks."""
    return [XorRate, XorTemporal, DistalReward, TMaze]


@hookimpl
def register_recipes() -> list[Path]:
    """Experiments of the literature, with what they found."""
    return sorted((Path(__file__).parent / "recipes").glob("*.toml"))


@hookimpl
def register_analyses() -> Iterable[Analysis]:
    """What to compute and draw of a run."""
    return [rate_by_pattern, chosen_weight, goals, raster, membrane, weight_histogram, weight_matrix]
