"""STDP modulated by reward, M-STDP of Florian 2007, Neural Computation 19:1468."""

from __future__ import annotations

from typing import Any

import engram
from engram import Context

from .plastic import Plastic


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

    def memory(self, ctx: Context) -> dict[str, Any]:
        """The change of one call, and nothing of the one before."""
        eta = ctx.per_replica(self).learning_rate
        return (
            {"eta": eta, "beta": ctx.zeros(), "gain": ctx.zeros() + ctx.dtype.type(1)}
            if self.waits
            else {"eta": eta}
        )
