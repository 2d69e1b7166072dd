"""Synapses that learn from the timing of spikes, and from reward."""

from pathlib import Path
from typing import Any

from engram import Analysis, Memory, Synapse, Task, hookimpl

from .delay import delayed as delayed
from .dense import forward as forward
from .driven_synapse import DrivenSynapse as DrivenSynapse
from .exponential import Exponential as Exponential
from .finite import check
from .hebbian import change as change
from .initialiser import Initialiser as Initialiser
from .mstdp import MSTDP as MSTDP
from .mstdp_et import MSTDPET as MSTDPET
from .protocol import SpikeProtocol as SpikeProtocol
from .static import Static as Static
from .trace import additive as additive, factor as factor, gated as gated, nearest as nearest
from .trace_stdp import TraceSTDP as TraceSTDP
from .weight import stdp_window, weight_over_time


@hookimpl
def register_synapses() -> list[type[Synapse]]:
    """Offer `static`, `exponential`, `trace-stdp`, `mstdp` and `mstdp-et`."""
    return [Static, Exponential, TraceSTDP, MSTDP, MSTDPET]


@hookimpl
def register_memories() -> list[type[Memory]]:
    """Offer `driven-synapse`."""
    return [DrivenSynapse]


@hookimpl
def register_tasks() -> list[type[Task]]:
    """Offer `spike-protocol`."""
    return [SpikeProtocol]


@hookimpl
def register_analyses() -> list[Analysis]:
    """What became of the weights."""
    return [weight_over_time, stdp_window]


@hookimpl
def register_recipes() -> list[Path]:
    """Experiments of the literature, with what they found."""
    return sorted((Path(__file__).parent / "recipes").glob("*.toml"))


@hookimpl
def chunk_finished(run: Any, chunk: Any) -> None:
    """Weights that are nan end the run."""
    check(run, chunk)
