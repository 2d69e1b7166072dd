"""STDP modulated by reward with an eligibility trace, M-STDP-ET of Florian 2007."""

from __future__ import annotations

import engram
from engram import Context

from .plastic import EligibleWeights, Plastic, on_device
from .trace import factor


@engram.parameters
class MSTDPET(Plastic):
    """What spikes would change is remembered for a while, and a reward makes it so.

    Equations (1) to (3) of `engram_stdp.hebbian` with beta = kappa exp(-dt / tau_z), g = 1 / tau_z and
    eta = gamma dt; ngclearn's eta has no dt.
    """

    name = "mstdp-et"
    modulated = True
    waits = True

    tau_eligibility: float = engram.param(
        default=0.025, gt=0, unit="s", symbol="tau_z, tau_elg", doc="time constant of eligibility",
        per_replica=True,
    )  # fmt: skip
    eligibility_factor: float = engram.param(
        default=1.0, ge=0, le=1, symbol="kappa, elg_decay", doc="further decay of eligibility in each step",
        per_replica=True,
    )  # fmt: skip

    @property
    def lagged(self) -> bool:
        """As ngclearn's code is."""
        return self.original

    def init(self, ctx: Context, n_pre: int, n_post: int) -> EligibleWeights:
        """Draw weights, connections and delays; there were no spikes."""
        tau = ctx.values(self, "tau_eligibility")
        eta = ctx.values(self, "learning_rate") * (1.0 if self.original else ctx.dt)
        beta = factor(ctx.dt, tau) * ctx.values(self, "eligibility_factor")
        return ctx.state(
            EligibleWeights,
            eta=on_device(ctx, eta),
            beta=on_device(ctx, beta),
            scale=ctx.zeros() + ctx.dtype.type(1),
            **self.plasticity(ctx, n_pre, n_post, 1 / tau),
        )
