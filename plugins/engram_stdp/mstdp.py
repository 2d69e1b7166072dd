"""STDP modulated by reward, M-STDP of Florian 2007, Neural Computation 19:1468."""

from __future__ import annotations

import engram
from engram import Context

from .plastic import EligibleWeights, Plastic, PlasticWeights


@engram.parameters
class MSTDP(Plastic):
    """A reward makes what the spikes of the step before it changed: w <- clip(w + eta m D - w / tau_w).

    Equations (1) and (3) of `engram_stdp.hebbian`, z = D. With semantics ngclearn-3.2 D waits for the
    modulator of the next call.
    """

    name = "mstdp"
    modulated = True

    @property
    def lagged(self) -> bool:
        """As ngclearn's code is."""
        return self.original

    @property
    def waits(self) -> bool:
        """For one call, as ngclearn's code does."""
        return self.original

    def init(self, ctx: Context, n_pre: int, n_post: int) -> PlasticWeights:
        """Draw weights, connections and delays; there were no spikes."""
        fields = {"eta": ctx.per_replica(self).learning_rate, **self.plasticity(ctx, n_pre, n_post)}
        if not self.waits:
            return ctx.state(PlasticWeights, **fields)
        # Eligibility that is the change of the last call, and nothing of those before.
        return ctx.state(EligibleWeights, beta=ctx.zeros(), gain=ctx.zeros() + ctx.dtype.type(1), **fields)
