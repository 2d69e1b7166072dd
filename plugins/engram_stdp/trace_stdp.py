"""Spike-timing-dependent plasticity with traces, without a modulator."""

from __future__ import annotations

import engram
from engram import Context

from .plastic import Plastic, PlasticWeights


@engram.parameters
class TraceSTDP(Plastic):
    """Weights follow the order of spikes at once: w <- clip(w + eta D - w / tau_w).

    D is equation (1) of `engram_stdp.hebbian`. The modulator does not matter.
    """

    name = "trace-stdp"
    waits = False
    lagged = False
    modulated = False

    def init(self, ctx: Context, n_pre: int, n_post: int) -> PlasticWeights:
        """Draw weights, connections and delays; there were no spikes."""
        eta = ctx.per_replica(self).learning_rate
        return ctx.state(PlasticWeights, eta=eta, **self.plasticity(ctx, n_pre, n_post))
