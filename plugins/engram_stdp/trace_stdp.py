"""Spike-timing-dependent plasticity with traces, without a modulator."""

from __future__ import annotations

from typing import Any

import engram
from engram import Context

from .plastic import Plastic


@engram.parameters
class TraceSTDP(Plastic):
    """Weights follow the order of spikes at once: w <- clip(w + eta D - w / tau_w).

    D is equation (1) of `engram_stdp.hebbian`. The modulator does not matter.
    """

    name = "trace-stdp"
    waits = False
    lagged = False
    modulated = False

    def memory(self, ctx: Context) -> dict[str, Any]:
        """Nothing waits."""
        return {"eta": ctx.per_replica(self).learning_rate}
