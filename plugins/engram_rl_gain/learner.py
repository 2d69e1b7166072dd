"""Q-learning of sensory gains from reward: what the memories of larvaworld have in common.

larvaworld 2.5.1 (Sakagiannis et al., github.com/nawrotlab/larvaworld), classes RLmemory, RLOlfMemory and
RLTouchMemory; Q-learning after Watkins and Dayan 1992, Machine Learning 8:279.

Every stimulus i is perceived as a change x_i. With k bins of width Delta on either side of zero,

    b_i = sign(x_i) #{j in 1..k : |x_i| > j Delta} + k                             (1)
    s   = sum_i b_i (2k + 1)^(n - i)                                               (2)

An action a is one of the combinations of candidate gains. Between decisions reward is collected,

    R <- R + int(r) - 0.01     every step                                          (3)

and at a decision the pair (s', a') of the previous one is taught,

    Q[s', a'] <- (1 - alpha) Q[s', a'] + alpha (R + gamma max_a Q[s, a])           (4)
    a <- argmax_a Q[s, a], or any action with probability epsilon                  (5)

after which R = 0 and s' = s, a' = a. Q starts at zero, so actions that were never tried look good.
"""

from __future__ import annotations

import abc
from typing import Any, Literal

import attrs
import numpy as np

import engram
from engram import Array, Context, Signal, Stream, Transitions, array_module

from . import q_table

_EFFORT = 0.01


@attrs.frozen
class Semantics:
    """In what the intended learner and larvaworld's code differ.

    Attributes:
        whole_state: Every stimulus counts in equation (2); in larvaworld all take the bin of the last one.
        rounded: The decision interval is rounded to steps, not cut.
        teaches_when_exploring: Equation (4) holds at exploratory decisions too; in larvaworld the reward of
            the interval before one is lost.
        learns_after_training: Equation (4) goes on at every step after training, with R never reset.
    """

    whole_state: bool
    rounded: bool
    teaches_when_exploring: bool
    learns_after_training: bool


SEMANTICS = {
    "intended": Semantics(
        whole_state=True, rounded=True, teaches_when_exploring=True, learns_after_training=False
    ),
    "larvaworld-2.5": Semantics(
        whole_state=False, rounded=False, teaches_when_exploring=False, learns_after_training=True
    ),
}


@engram.state
class GainState:
    """What a gain learner carries from step to step."""

    q: Array = engram.array("state", "action", doc="action value", unit="1")
    gain: Array = engram.array("stimulus", doc="sensory gain in force", unit="1", record=True)
    reward_sum: Array = engram.array(doc="R, reward collected since the last decision", unit="1")
    last_state: Array = engram.array(doc="s', state at the last decision", unit="1", dtype="int32")
    last_action: Array = engram.array(doc="a', action of the last decision", unit="1", dtype="int32")
    iterator: Array = engram.array(doc="steps since the last decision", unit="step", dtype="int32")
    ticks: Array = engram.array(doc="steps since activation", unit="step", dtype="int32")
    total_ticks: Array = engram.array(doc="steps spent active", unit="step", dtype="int32")
    active: Array = engram.array(doc="the memory is switched on", unit="1", dtype="bool")
    learning: Array = engram.array(doc="the memory is active and in training", unit="1", dtype="bool")
    probed: Array = engram.array(doc="learning was off in the last step", unit="1", dtype="bool")
    actions: Array = engram.fixed()
    thresholds: Array = engram.fixed()
    places: Array = engram.fixed()
    interval: Array = engram.fixed()
    last_tick: Array = engram.fixed()
    rows: Array = engram.fixed()
    explore: Stream = engram.fixed()
    choice: Stream = engram.fixed()
    p: Any = engram.fixed()


@engram.parameters
class GainLearner(engram.Memory):
    """Abstract: parameters, tables and the update; a final class says when to decide."""

    update_dt: float = engram.param(
        default=1.0, ge=0, unit="min", doc="interval between decisions", per_replica=True
    )
    train_dur: float = engram.param(
        default=30.0, ge=0, unit="min", doc="duration of training", per_replica=True
    )
    delta: float = engram.param(
        default=0.1, ge=0, symbol="Delta", doc="width of a bin of perceived change", per_replica=True
    )
    alpha: float = engram.param(default=0.05, ge=0, doc="learning rate", per_replica=True)
    gamma: float = engram.param(
        default=0.6, ge=0, doc="discount of the next decision's value", per_replica=True
    )
    epsilon: float = engram.param(default=0.15, ge=0, doc="probability to explore", per_replica=True)
    state_space_per_side: int = engram.param(default=0, ge=0, symbol="k", doc="bins on either side of zero")
    state_specific_best: bool = engram.param(
        default=True,
        doc="outside training, take the best action of the present state, not that of all states",
    )
    gain_space: tuple[float, ...] = engram.param(default=(-300.0, -50.0, 50.0, 300.0), doc="candidate gains")
    initial_gain: float = engram.param(
        default=0.0, doc="gain of every stimulus before the first decision", per_replica=True
    )
    semantics: Literal["intended", "larvaworld-2.5"] = engram.param(
        default="intended", doc="whether to repair what larvaworld's code does unintendedly"
    )

    def check(self) -> None:
        """There must be something to choose from."""
        if not self.gain_space:
            raise ValueError("gain_space must name at least one gain")

    def init(self, ctx: Context) -> GainState:
        """Return empty tables for the task's stimuli."""
        stimuli = _stimuli(ctx)
        table = q_table.actions(self.gain_space, stimuli)
        per_side = self.state_space_per_side
        interval = self._interval(ctx)
        parameters = ctx.per_replica(self)
        return ctx.state(
            GainState,
            sizes={"state": (2 * per_side + 1) ** stimuli, "action": len(table)},
            gain=ctx.zeros(stimuli) + parameters.initial_gain[:, None],
            iterator=ctx.xp.array(interval),
            active=ctx.zeros(dtype="bool") | True,
            learning=ctx.zeros(dtype="bool"),
            actions=ctx.xp.asarray(table.astype(ctx.dtype)),
            thresholds=self._thresholds(ctx),
            places=ctx.xp.asarray(self._places(stimuli)),
            interval=ctx.xp.asarray(interval),
            last_tick=ctx.xp.asarray(_last_tick(60 * ctx.values(self, "train_dur"), ctx.dt)),
            rows=ctx.xp.arange(ctx.batch),
            explore=ctx.random("explore"),
            choice=ctx.random("action"),
            p=parameters,
        )

    def _interval(self, ctx: Context) -> Any:
        steps = ctx.values(self, "update_dt") * 60 / ctx.dt
        whole = np.rint(steps) if SEMANTICS[self.semantics].rounded else np.trunc(steps)
        return whole.astype(np.int32)

    def _thresholds(self, ctx: Context) -> Array:
        inner = np.arange(1, self.state_space_per_side + 1) * ctx.values(self, "delta")[:, None]
        return ctx.xp.asarray(inner.astype(ctx.dtype))

    def _places(self, stimuli: int) -> Any:
        places = q_table.place_values(stimuli, self.state_space_per_side)
        if SEMANTICS[self.semantics].whole_state:
            return places
        only_last = np.zeros_like(places)
        only_last[-1] = places.sum()
        return only_last

    @abc.abstractmethod
    def decides(self, state: GainState, change: Array) -> tuple[Array, Array]:
        """Return whether each replica is to decide, (batch,) bool, and the reward R it decides on, (batch,)."""

    def step(self, state: GainState, signal: Signal) -> Array:
        """Count, collect reward, decide where it is time, and return the gains (batch, stimulus)."""
        xp = array_module(state.q)
        self._count(state, signal)
        training = state.learning & signal.learn
        decides, reward = self.decides(state, signal.observation)
        decides = decides & training
        state.reward_sum[...] = xp.where(decides, reward, state.reward_sum)
        explores = decides & (state.explore.uniform() < state.p.epsilon)
        settled = signal.learn & ~training if self.state_specific_best else xp.zeros_like(training)
        meant = SEMANTICS[self.semantics]
        taught = decides if meant.teaches_when_exploring else decides & ~explores
        taught = taught | (settled & meant.learns_after_training)
        chosen = self.choose(state, signal.observation, decides | settled, taught, explores)
        state.reward_sum[...] = xp.where(decides, 0, state.reward_sum)
        state.iterator[...] = xp.where(decides, 0, state.iterator)
        self._set_gain(state, training, decides, chosen)
        state.probed[...] = ~signal.learn
        return state.gain

    def _count(self, state: GainState, signal: Signal) -> None:
        """Equation (3) and the counters."""
        xp = array_module(state.q)
        earned = xp.trunc(signal.reward) - state.q.dtype.type(_EFFORT)
        state.ticks[...] = xp.where(state.active, state.ticks + 1, 0)
        state.total_ticks += state.active
        state.reward_sum += xp.where(signal.learn, earned, 0)
        state.learning[...] = state.active & (state.total_ticks <= state.last_tick)
        state.iterator += state.learning & signal.learn

    def choose(self, state: GainState, change: Array, asked: Array, taught: Array, explores: Array) -> Array:
        """Teach the last choice and make a new one, equations (2), (4) and (5).

        Args:
            state: Changed in place, but for the gains.
            change: (batch, stimulus) perceived change.
            asked: (batch,) bool, who chooses.
            taught: (batch,) bool, whose last choice is taught.
            explores: (batch,) bool, who takes any action.

        Returns:
            (batch,) indices of actions.
        """
        xp = array_module(state.q)
        here = q_table.state_index(change, state.thresholds, state.places)
        self._teach(state, here, taught)
        best = state.q[state.rows, here].argmax(axis=1)
        chosen = xp.where(explores, state.choice.integers(len(state.actions)), best)
        moves = asked if SEMANTICS[self.semantics].teaches_when_exploring else asked & ~explores
        state.last_state[...] = xp.where(moves, here, state.last_state)
        state.last_action[...] = xp.where(asked, chosen, state.last_action)
        return chosen

    def _teach(self, state: GainState, here: Array, taught: Array) -> None:
        """Equation (4)."""
        pair = (state.rows, state.last_state, state.last_action)
        old = state.q[pair]
        target = state.reward_sum + state.p.gamma * state.q[state.rows, here].max(axis=1)
        taught_value = (1 - state.p.alpha) * old + state.p.alpha * target
        state.q[pair] = array_module(state.q).where(taught, taught_value, old)

    def _set_gain(self, state: GainState, training: Array, decides: Array, chosen: Array) -> None:
        """A decision sets the gain; outside training the best known does; after a probe the last action's returns."""
        xp = array_module(state.q)
        settled = chosen if self.state_specific_best else q_table.best_actions(state.q)
        resumed = training & state.probed & ~decides
        action = xp.where(training, xp.where(resumed, state.last_action, chosen), settled)
        changes = decides | resumed | ~training
        state.gain[...] = xp.where(changes[:, None], state.actions[action], state.gain)

    def learn(self, state: GainState, transitions: Transitions) -> None:
        """Teach replayed transitions by equation (4), one after the other, all replicas at once.

        Args:
            state: Changed in place.
            transitions: `observation` and `next_observation` (n, batch, stimulus) are perceived changes,
                `action` (n, batch) indices of actions; `weight` (n, batch) scales the learning rate.
        """
        for index in range(len(transitions.reward)):
            before, after = (
                q_table.state_index(change[index], state.thresholds, state.places)
                for change in (transitions.observation, transitions.next_observation)
            )
            ahead = state.q[state.rows, after].max(axis=1) * ~transitions.terminated[index]
            rate = state.p.alpha * transitions.weight[index]
            pair = (state.rows, before, transitions.action[index])
            target = transitions.reward[index] + state.p.gamma * ahead
            state.q[pair] = (1 - rate) * state.q[pair] + rate * target


def _stimuli(ctx: Context) -> int:
    shape = ctx.observation.shape if ctx.observation is not None else ()
    if len(shape) != 1:
        raise engram.EngramError(
            f"{ctx.path}: needs a task that shows one number a stimulus, not shape {shape}"
        )
    return int(shape[0])


def _last_tick(duration: Any, dt: float) -> Any:
    """Return (batch,) the last step with step * dt <= duration, as the product is rounded."""
    near = np.floor(np.asarray(duration)[:, None] / dt) + np.array([-1, 0, 1])
    return np.where(near * dt <= np.asarray(duration)[:, None], near, -1).max(axis=1).astype(np.int64)


def update_ext_gain(learner: GainLearner, state: GainState, change: Array, randomize: bool = True) -> Array:
    """Decide for every replica now, outside the clockwork of `step`: larvaworld's method of that name.

    Args:
        learner: The memory.
        state: Changed in place; draws from its streams where `randomize`.
        change: (batch, stimulus) perceived change.
        randomize: Explore with probability epsilon.

    Returns:
        (batch, stimulus) the gains chosen, which are also set.
    """
    asked = state.active | True
    explores = state.explore.uniform() < state.p.epsilon if randomize else ~asked
    taught = asked if SEMANTICS[learner.semantics].teaches_when_exploring else asked & ~explores
    chosen = learner.choose(state, change, asked, taught, explores)
    state.gain[...] = state.actions[chosen]
    return state.gain
