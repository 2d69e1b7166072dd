"""Every synapse keeps what the kit asks of it, in every semantics and with every option that has its own rule."""

from __future__ import annotations

from engram.testing import parametrize_with_checks
from engram_stdp import MSTDP, MSTDPET, Exponential, Initialiser, Static, TraceSTDP

SEMANTICS = ("florian-2007", "ngclearn-3.2")
NORMAL = Initialiser(distribution="log-normal", largest=1.0)


@parametrize_with_checks(
    [
        Static(),
        Static(delay_steps=3, connection_probability=0.5, initial=NORMAL),
        Static(delay_steps=(1, 4, 2, 2)),
        Exponential(),
        Exponential(reversal=-70.0, semantics="ngclearn-3.2", tau=1.0),
        *(kind(semantics=name) for kind in (TraceSTDP, MSTDP, MSTDPET) for name in SEMANTICS),
        *(
            kind(
                semantics=name, connection_probability=0.6, weight_exponent=0.5, tau_weight=2.0, delay_steps=2
            )
            for kind in (TraceSTDP, MSTDP, MSTDPET)
            for name in SEMANTICS
        ),
        MSTDPET(weight_exponent=1.0, trace="gated", bound=(-1.0, 1.0)),
        MSTDPET(trace="nearest", nearest_spikes=2, signs=(1, -1)),
        MSTDP(trace="given", trace_target=0.2),
        MSTDP(evaluation="lazy"),
        MSTDPET(evaluation="lazy", delay_steps=2),
        MSTDPET(evaluation="event-driven"),
    ]
)
def test_conformance(check):
    check()
