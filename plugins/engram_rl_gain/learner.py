"""Q-learning of sensory gains from reward: what the memories of larvaworld have in common.

larvaworld 2.5.1 (Sakagiannis et al., github.com/nawrotlab/larvaworld), classes RLmemory, RLOlfMemory and
RLTouchMemory; Q-learning after Watkins and Dayan 1992, Machine Learning 8:279.

Every stimulus i is perceived as a change x_i. With k bins of width Delta on either side of zero,

    b_i = sign(x_i) #{j in 1..k : |x_i| > j Delta} + k                             (1)
    s   = sum_i b_i (2k + 1)^(n - i)                                               (2)

An action a is one of the combinations of candidate gains. Between decisions reward is collected,

    R <- R + int(r) - 0.01     every step                                          (3)

and at a decision the pair (s', a') of the previous one (at first, state 0 and action 0) is taught,

    Q[s', a'] <- (1 - alpha) Q[s', a'] + alpha (R + gamma max_a Q[s, a])           (4)
    a <- argmax_a Q[s, a], or any action with probability epsilon                  (5)

after which R = 0, s' = s and a' = a. Q starts at zero and reward is rare, so that by (3) actions never tried
look best. After training, or switched off, the memory rests: it uses the best gain it knows.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import engram
from engram import Array, Context, Stream, Transitions, array_module, exact

from . import q_table
from .semantics import Name, Semantics, semantics

Host = np.ndarray[Any, np.dtype[np.int32]]
_EFFORT = 0.01
_MINUTE = 60.0
_LONGEST = 2.0**30


@engram.state
class GainState:
    """What a gain learner carries from step to step."""

    q: Array = engram.array("state", "action", doc="action value")
    gain: Array = engram.array("stimulus", doc="sensory gain in force", record=True)
    chosen_gain: Array = engram.array(
        "stimulus", doc="gain of the last decision, in force again after a probe"
    )
    reward_sum: Array = engram.array(doc="R, reward collected since the last decision")
    last_state: Array = engram.array(doc="s', state last taught from", dtype="int32")
    last_action: Array = engram.array(doc="a', action of the last decision", dtype="int32")
    iterator: Array = engram.array(doc="training steps since the last decision", unit="step", dtype="int32")
    ticks: Array = engram.array(doc="steps since it was switched on", unit="step", dtype="int32")
    total_ticks: Array = engram.array(doc="steps spent switched on", unit="step", dtype="int32")
    active: Array = engram.array(doc="the memory is switched on", dtype="bool")
    learning: Array = engram.array(doc="the memory is switched on and in training", dtype="bool")
    rules: Semantics = engram.fixed()
    actions: Array = engram.fixed()
    interval: Array = engram.fixed(per_replica=True)
    last_tick: Array = engram.fixed(per_replica=True)
    first_row: Array = engram.fixed(per_replica=True)
    explore: Stream = engram.fixed()
    choice: Stream = engram.fixed()
    p: SimpleNamespace = engram.fixed()


@engram.scan
def body(
    self: GainLearner, rules: Semantics,
    q: Array, gain: Array, chosen_gain: Array, reward_sum: float, last_state: int, last_action: int,
    iterator: int, ticks: int, total_ticks: int, active: bool, learning: bool, interval: int, last_tick: int,
    alpha: float, gamma: float, epsilon: float, delta: float, state_space_per_side: int,
    state_specific_best: bool, gain_space: tuple[float, ...], explore: Stream, choice: Stream,
    observation: Array, reward: float, learn: bool, action: Array,
) -> None:  # fmt: skip
    """Count, collect reward, decide where it is time, and set the gains.

    Where `learn` is False the best known gain is used and all else stands still: a probe leaves no trace.
    Trials do not matter; an interval goes on from one to the next.
    """
    counts = active and learn
    ticks = ticks + counts if active else 0
    total_ticks = total_ticks + counts
    learning = active and total_ticks <= last_tick
    training, resting = learning and learn, learn and not learning
    iterator = iterator + training
    earned = exact.trunc(reward) - _EFFORT
    reward_sum = reward_sum + earned if rules.collects(training, resting) else reward_sum  # (3)
    due, at_decision = self.due(iterator, interval, reward_sum, observation)
    decides = due and training
    reward_sum = at_decision if decides else reward_sum
    chooses, chosen = decides or not training, last_action
    if chooses:
        explores = decides and explore.uniform() < epsilon
        here = q_table.state_of(observation, delta, state_space_per_side, rules)
        teaches = rules.teaches(decides, explores, resting, state_specific_best)
        if teaches:
            target = reward_sum + gamma * q[here, exact.argmax(q[here])]
            q[last_state, last_action] = q_table.taught(q[last_state, last_action], alpha, target)  # (4)
            last_state = here
        chosen = exact.argmax(q[here])  # (5)
        if not state_specific_best and not training:
            chosen = q_table.best_action(q)
        if explores:
            chosen = choice.integers(len(gain_space) ** len(gain))
        if decides or teaches:
            last_action = chosen
    for stimulus in range(len(gain)):
        shown = q_table.actions(gain_space, len(gain))[chosen, stimulus]
        if rules.keeps(decides, resting):
            chosen_gain[stimulus] = shown
        gain[stimulus] = shown if chooses else chosen_gain[stimulus]
        action[stimulus] = gain[stimulus]
    reward_sum = 0.0 if decides else reward_sum
    iterator = 0 if decides else iterator


@engram.parameters
class GainLearner(engram.Memory):
    """Abstract: parameters, tables and the update; a final class says when to decide."""

    body = body

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
        default=True, doc="at rest, take the best action of the present state, not that of all states"
    )
    gain_space: tuple[float, ...] = engram.param(default=(-300.0, -50.0, 50.0, 300.0), doc="candidate gains")
    initial_gain: float = engram.param(
        default=0.0, doc="gain of every stimulus before the first decision", per_replica=True
    )
    semantics: Name = engram.param(default="intended", doc="the documented model, or larvaworld's code")

    def check(self) -> None:
        """There must be something to choose from."""
        if not self.gain_space:
            raise ValueError("gain_space must name at least one gain")

    @property
    @abc.abstractmethod
    def due(self) -> Callable[..., Any]:
        """The rule (iterator, interval, R, change) -> (whether it would decide now, R of (4) then)."""

    def init(self, ctx: Context) -> GainState:
        """Return empty tables for the task's stimuli.

        Raises:
            EngramError: The task does not show one number a stimulus.
        """
        table = q_table.actions(self.gain_space, _stimuli(ctx))
        states = (2 * self.state_space_per_side + 1) ** table.shape[1]
        rules = semantics(self.semantics)
        parameters = ctx.per_replica(self)
        interval = self._interval(ctx, rules)
        return ctx.state(
            GainState,
            sizes={"state": states, "action": len(table)},
            gain=ctx.zeros(table.shape[1]) + parameters.initial_gain[:, None],
            chosen_gain=ctx.zeros(table.shape[1]) + parameters.initial_gain[:, None],
            iterator=ctx.xp.array(interval),
            active=ctx.xp.ones(ctx.batch, dtype="bool"),
            rules=rules,
            actions=ctx.xp.asarray(table.astype(ctx.dtype)),
            interval=ctx.xp.asarray(interval),
            last_tick=ctx.xp.asarray(self._last_tick(ctx)),
            first_row=states * ctx.xp.arange(ctx.batch, dtype="int64"),
            explore=ctx.random("explore"),
            choice=ctx.random("action"),
            p=parameters,
        )

    def learn(self, state: GainState, transitions: Transitions) -> None:
        """Teach replayed transitions by equation (4), in order, all replicas side by side.

        A transition of weight w is taught with the rate w alpha; nothing lies ahead of a terminated one. Its
        reward is taken as it is: for a whole interval, give the sum (3). Nothing but `q` changes.

        Args:
            state: Changed in place.
            transitions: `observation` and `next_observation` (n, batch, stimulus) are perceived changes;
                `action` is (n, batch) indices of actions, or (n, batch, stimulus) gains, of which those
                outside the gain space (an initial gain) teach nothing.
        """
        before = self._index(state, transitions.observation)
        after = self._index(state, transitions.next_observation)
        action, known = self._action(state, transitions.action)
        rate = transitions.weight * known * state.p.alpha
        for n in range(len(before)):
            ahead = _best(state, after[n])[1] * ~transitions.terminated[n]
            _teach(state, before[n], action[n], rate[n], transitions.reward[n] + state.p.gamma * ahead)

    def _interval(self, ctx: Context, rules: Semantics) -> Host:
        steps = rules.steps(ctx.values(self, "update_dt") * _MINUTE, ctx.dt)
        interval: Host = np.minimum(steps, _LONGEST).astype(np.int32)
        return interval

    def _last_tick(self, ctx: Context) -> Host:
        """Return (batch,) the last tick with tick * dt <= train_dur, as the product is rounded."""
        end = ctx.values(self, "train_dur") * _MINUTE
        tick = np.minimum(np.floor(end / ctx.dt), _LONGEST)
        tick += (tick + 1) * ctx.dt <= end
        tick -= tick * ctx.dt > end
        return tick.astype(np.int32)

    def _index(self, state: GainState, change: Array) -> Array:
        return q_table.state_index(change, state.p.delta, self.state_space_per_side, state.rules)

    def _action(self, state: GainState, action: Array) -> tuple[Array, Array]:
        """Return (n, batch) indices of actions, and whether they are any."""
        if action.ndim == 2:
            known = (action >= 0) & (action < len(state.actions))
            return action * known, known
        same = (action[:, :, None, :] == state.actions).all(axis=3)
        return same.argmax(axis=2), same.any(axis=2)


def _stimuli(ctx: Context) -> int:
    shape = ctx.observation.shape if ctx.observation is not None else ()
    if len(shape) != 1:
        raise engram.EngramError(
            f"{ctx.path}: needs a task that shows one number a stimulus, not shape {shape}"
        )
    return int(shape[0])


def _place(state: GainState, index: Array, action: Array) -> Array:
    """Return (batch,) the place of Q[index, action] in the flattened table."""
    return (state.first_row + index) * state.q.shape[2] + action


def _best(state: GainState, index: Array) -> tuple[Array, Array]:
    """Return (batch,) the first action of the highest value in the states `index`, and that value."""
    rows = state.q.reshape(-1, state.q.shape[2])
    best = rows.take(state.first_row + index, axis=0).argmax(axis=1)
    return best, state.q.reshape(-1).take(_place(state, index, best))


def update_ext_gain(learner: GainLearner, state: GainState, change: Array, randomize: bool = True) -> Array:
    """Decide for every replica now, outside the clockwork of `step`: larvaworld's method of that name.

    R and the interval are left as they are.

    Args:
        learner: The memory.
        state: Changed in place; draws from its streams where `randomize`.
        change: (batch, stimulus) perceived change.
        randomize: Explore with probability epsilon.

    Returns:
        (batch, stimulus) the gains chosen, which are also set.
    """
    xp = array_module(state.q)
    everyone = state.active | True
    explores, any_action = ~everyone, state.last_action
    if randomize:
        explores = state.explore.uniform() < state.p.epsilon
        any_action = state.choice.integers(len(state.actions))
    here = learner._index(state, change)
    teaches = state.rules.teaches(everyone, explores, ~everyone, learner.state_specific_best)
    target = state.reward_sum + state.p.gamma * _best(state, here)[1]
    _teach(state, state.last_state, state.last_action, xp.where(teaches, state.p.alpha, 0), target)
    state.last_state[...] = xp.where(teaches, here, state.last_state)
    state.last_action[...] = xp.where(explores, any_action, _best(state, here)[0])
    state.chosen_gain[...] = state.actions.take(state.last_action, axis=0)
    state.gain[...] = state.chosen_gain
    return state.gain


def _teach(state: GainState, index: Array, action: Array, rate: Array, target: Array) -> None:
    """Equation (4) for one place (batch,) of each replica's table, at a rate (batch,)."""
    pair, values = _place(state, index, action), state.q.reshape(-1)
    values[pair] = q_table.taught(values.take(pair), rate, target)
