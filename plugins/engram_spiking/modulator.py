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


@engram.rule("dopamine[b]& level[b]+ reward[b]; kept tonic")
def dopamine(dopamine: float, reward: float, kept: float, tonic: float) -> tuple[float, float]:
    """Equation (3)."""
    dopamine = kept * dopamine + reward
    return dopamine, tonic + dopamine


@engram.state
class ModulatorState:
    """The modulator and what it remembers."""

    level: Array = engram.array(doc="modulator m", record=True)
    dopamine: Array = engram.array(doc="phasic dopamine d")
    expected: Array = engram.array("stimulus", unit="reward", doc="reward expected of each stimulus")
    stimuli: Array = engram.fixed()
    gain: Array = engram.fixed(per_replica=True)
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

    def init(self, ctx: Context, gain: Array) -> ModulatorState:
        """Return a modulator that expects nothing; `gain` (batch,) is its factor."""
        return ctx.state(
            ModulatorState,
            sizes={"stimulus": self.stimuli},
            stimuli=ctx.xp.arange(self.stimuli),
            gain=gain,
            kept=decay(ctx.dt, self.tau),
        )

    def step(self, state: ModulatorState, signal: Signal) -> Array:
        """Return m (batch,), 0 where nothing may be learnt."""
        self._set(state, signal)
        return state.level * state.gain * signal.learn

    def _set(self, state: ModulatorState, signal: Signal) -> None:
        if self.source == "dopamine":
            dopamine(state.dopamine, state.level, signal.reward, state.kept, self.tonic)
        elif self.source == "critic":
            known = signal.outcome[:, None] == state.stimuli if self.stimuli > 1 else signal.learn[:, None]
            present = (known & signal.learn[:, None]).astype(state.level.dtype)
            reward_error(state.expected, state.level, present, signal.reward, self.alpha)
        else:
            state.level[...] = signal.reward
