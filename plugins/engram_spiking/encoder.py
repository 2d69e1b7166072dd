"""How an input layer turns what it sees into spikes.

    spikes       the observation itself, 1 where a unit fires
    poisson      p(spike) = x dt, x a rate in Hz                          (1)
    bernoulli    p(spike) = x                                             (2)
    latency      one spike a trial, after W (1 - x), none where x <= 0    (3)

x is held within 0 and 1 in (2) and (3); W is the window of the latencies.
"""

from __future__ import annotations

from typing import Literal

import engram
from engram import Array, Signal, Stream

from .activity import Activity

Encoding = Literal["spikes", "poisson", "bernoulli", "latency"]


@engram.rule("spikes[b,n]+ x[b,n] draw[b,n]; scale")
def bernoulli(x: float, draw: float, scale: float) -> float:
    """Equations (1), with `scale` dt, and (2), with `scale` 1; `draw` is uniform in [0, 1)."""
    return 1.0 if draw < x * scale else 0.0


@engram.rule("spikes[b,n]+ x[b,n] elapsed[b]; window")
def latency(x: float, elapsed: float, window: float) -> float:
    """Equation (3); `elapsed` and `window` in steps."""
    late = window * (1.0 - min(x, 1.0))
    return 1.0 if x > 0.0 and elapsed <= late < elapsed + 1.0 else 0.0


@engram.state
class InputState(Activity):
    """An input layer."""

    elapsed: Array = engram.array(unit="step", doc="steps since the trial began")
    luck: Stream = engram.fixed()
    dt: float = engram.fixed()


def encode(state: InputState, encoding: Encoding, window: float, seen: Array, signal: Signal) -> None:
    """Set the spikes of an input layer.

    Args:
        state: The layer.
        encoding: How.
        window: Of latencies, in s.
        seen: (batch, unit) what it sees.
        signal: Of this step.
    """
    if encoding == "spikes":
        state.spikes[...] = seen
    elif encoding == "latency":
        state.elapsed[...] = (state.elapsed + 1) * ~signal.start
        latency(state.spikes, seen, state.elapsed, round(window / state.dt))
    else:
        draw = state.luck.uniform(seen.shape[1])
        bernoulli(state.spikes, seen, draw, state.dt if encoding == "poisson" else 1.0)
