"""What tells the synapses of a network how things went.

    reward     m = r                                                      (1)
    critic     m = r - mu_s, mu_s the reward expected of the stimulus s   (2)
    dopamine   d <- d exp(-dt / tau_d) + r;   m = d_0 + d                 (3)

(2) is Fremaux, Sprekeler and Gerstner 2010 and takes the outcome code of the signal for the stimulus; (3) is
Izhikevich 2007, Cerebral Cortex 17:2443, with a tonic level d_0.
"""

from __future__ import annotations

from typing import Literal

import engram
from engram import Array, Context, Signal

from .activity import decay
from .reward_error import reward_error


@engram.rule("phasic[b]& level[b]+ reward[b]; kept tonic")
def dopamine(phasic: float, reward: float, kept: float, tonic: float) -> tuple[float, float]:
    """Equation (3)."""
    phasic = kept * phasic + reward
    return phasic, tonic + phasic


@engram.state
class Modulated:
    """What the modulator is, and what it remembers."""

    modulator: Array = engram.array(doc="modulator m", record=True)
    phasic: Array = engram.array(doc="phasic dopamine d")
    expected: Array = engram.array("stimulus", unit="reward", doc="reward expected of each stimulus, mu")
    stimuli: Array = engram.fixed()
    kept: float = engram.fixed()


@engram.parameters
class Modulator:
    """The modulator of all plastic connections of a network."""

    source: Literal["reward", "critic", "dopamine"] = engram.param(
        default="reward", doc="the reward itself, less what is expected of the stimulus, or as dopamine"
    )
    alpha: float = engram.param(default=0.1, ge=0, le=1, doc="learning rate of the critic")
    stimuli: int = engram.param(default=1, ge=1, doc="number of stimuli that the critic tells apart")
    tau: float = engram.param(default=0.2, gt=0, unit="s", symbol="tau_d", doc="time constant of dopamine")
    tonic: float = engram.param(default=0.0, symbol="d_0", doc="dopamine without any reward")

    def fields(self, ctx: Context) -> dict[str, object]:
        """Return the fixed fields of `Modulated`."""
        return {"stimuli": ctx.xp.arange(self.stimuli), "kept": decay(ctx.dt, self.tau)}

    def step(self, state: Modulated, signal: Signal) -> None:
        """Set m, (batch,)."""
        if self.source == "dopamine":
            dopamine(state.phasic, state.modulator, signal.reward, state.kept, self.tonic)
        elif self.source == "critic":
            known = signal.outcome[:, None] == state.stimuli if self.stimuli > 1 else state.stimuli[None] == 0
            present = (known & signal.learn[:, None]).astype(state.modulator.dtype)
            reward_error(state.expected, state.modulator, present, signal.reward, self.alpha)
        else:
            state.modulator[...] = signal.reward
