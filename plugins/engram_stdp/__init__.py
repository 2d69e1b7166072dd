"""Synapses that learn from the timing of spikes, and from reward."""

from engram import Synapse, hookimpl

from .delay import delayed as delayed
from .dense import forward as forward
from .exponential import Exponential as Exponential
from .hebbian import change as change
from .initialiser import Initialiser as Initialiser
from .mstdp import MSTDP as MSTDP
from .mstdp_et import MSTDPET as MSTDPET
from .static import Static as Static
from .trace import additive as additive, factor as factor, gated as gated, nearest as nearest
from .trace_stdp import TraceSTDP as TraceSTDP


@hookimpl
def register_synapses() -> list[type[Synapse]]:
    """Offer `static`, `exponential`, `trace-stdp`, `mstdp` and `mstdp-et`."""
    return [Static, Exponential, TraceSTDP, MSTDP, MSTDPET]
