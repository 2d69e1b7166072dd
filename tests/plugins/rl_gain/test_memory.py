"""What the gain memories promise besides their numbers: replay, choices on demand, draws, precision, sweeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram import Context, InvalidParameters, Spec, Transitions
from engram.random import Streams
from engram.testing import Case, parametrize_with_checks
from engram_rl_gain import RLGain, RLTouch, best_actions, best_gain, bins, state_index, update_ext_gain

TWO = Spec(shape=(2,), axes=("stimulus",), labels=("CS", "US"))


def context(
    batch: int, dtype: str = "float64", dt: float = 0.1, shape: tuple[int, ...] = (2,), **sweep: Any
) -> Context:
    streams = Streams(5, np.arange(batch), np, dtype)
    overrides = {f"memory.{name}": np.asarray(values) for name, values in sweep.items()}
    return Context(
        xp=np, batch=batch, replicas=np.arange(batch), dtype=np.dtype(dtype), dt=dt,
        observation=Spec(shape=shape), action=Spec(shape=shape), path="memory", streams=streams,
        overrides=overrides,
    )  # fmt: skip


def advance(memory: Any, ctx: Context, steps: int, seed: int = 0, **flags: Any) -> Any:
    """State after so many steps of random input."""
    rng = np.random.default_rng(seed)
    state = memory.init(ctx)
    for step in range(steps):
        ctx.streams.clock.step = step
        change = rng.normal(0, 0.2, (ctx.batch, 2)).astype(ctx.dtype)
        reward = rng.integers(0, 2, ctx.batch).astype(ctx.dtype)
        memory.step(state, ctx.signal(change, reward, **flags))
    return state


CASES = [
    Case(RLGain(update_dt=0.004, state_space_per_side=1, epsilon=0.5), observation=TWO),
    Case(
        RLGain(update_dt=0.004, state_space_per_side=1, train_dur=0.01, semantics="larvaworld-2.5"),
        observation=TWO,
    ),
    Case(RLGain(update_dt=0.004, train_dur=0.01, state_specific_best=False), observation=Spec(shape=(1,))),
    Case(RLTouch(state_space_per_side=1), observation=Spec(shape=(2,), low=-1, high=1, dtype="int32")),
    Case(RLTouch(semantics="larvaworld-2.5", train_dur=0.01, state_specific_best=False), observation=TWO),
]


@parametrize_with_checks(CASES)
def test_conformance(check: Any) -> None:
    check()


def transitions(n: int, batch: int, actions: int, seed: int = 0) -> Transitions:
    rng = np.random.default_rng(seed)
    return Transitions(
        observation=rng.normal(0, 0.2, (n, batch, 2)),
        action=rng.integers(0, actions, (n, batch)),
        reward=rng.normal(0, 1, (n, batch)),
        next_observation=rng.normal(0, 0.2, (n, batch, 2)),
        terminated=rng.random((n, batch)) < 0.2,
        truncated=np.zeros((n, batch), dtype=bool),
        weight=rng.choice([0.0, 0.5, 1.0], (n, batch)),
    )


def taught(q: Any, t: Transitions, alpha: Any, gamma: float) -> Any:
    """Equation (4) transition by transition, replica by replica, on a copy of q."""
    q = q.copy()
    before, after = (state_index(x, 0.1, 1) for x in (t.observation, t.next_observation))
    for n, b in np.ndindex(t.reward.shape):
        ahead = 0.0 if t.terminated[n, b] else q[b, after[n, b]].max()
        rate = t.weight[n, b] * alpha[b]
        place = b, before[n, b], t.action[n, b]
        q[place] = (1 - rate) * q[place] + rate * (t.reward[n, b] + gamma * ahead)
    return q


@pytest.mark.parametrize("kind", [RLGain, RLTouch])
def test_replayed_transitions_teach_in_order_with_their_weights(kind: type) -> None:
    memory = kind(state_space_per_side=1, gain_space=(-50.0, 50.0))
    alpha = np.array([0.1, 0.5, 0.9])
    ctx = context(3, alpha=alpha)
    state, t = memory.init(ctx), transitions(40, 3, 4)
    wanted = taught(state.q, t, alpha, 0.6)
    before = {name: getattr(state, name).copy() for name in ("gain", "reward_sum", "last_state", "iterator")}
    memory.learn(state, t)
    np.testing.assert_allclose(state.q, wanted, rtol=1e-12, atol=1e-15)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(state, name), value, err_msg=name)


def test_transitions_may_name_gains_and_what_has_no_weight_may_hold_anything() -> None:
    memory = RLGain(state_space_per_side=1, gain_space=(-50.0, 50.0))
    one, other = memory.init(context(3)), memory.init(context(3))
    t = transitions(40, 3, 4)
    memory.learn(one, t)
    absent = t.weight == 0
    t.action = one.actions[t.action]
    for field in (t.reward, t.observation, t.next_observation, t.action):
        field[absent] = np.nan
    memory.learn(other, t)
    np.testing.assert_array_equal(other.q, one.q)


def test_a_gain_that_cannot_be_chosen_teaches_nothing() -> None:
    memory = RLGain(state_space_per_side=1, gain_space=(-50.0, 50.0))
    for action in (np.zeros((40, 3, 2)), np.full((40, 3), -1), np.full((40, 3), 4)):
        state, t = memory.init(context(3)), transitions(40, 3, 4)
        t.action = action
        memory.learn(state, t)
        assert not state.q.any()


def test_replay_of_larvaworlds_memory_uses_larvaworlds_state() -> None:
    memory = RLGain(state_space_per_side=1, gain_space=(-50.0, 50.0), semantics="larvaworld-2.5")
    state = memory.init(context(3))
    memory.learn(state, transitions(200, 3, 4))
    assert set(np.flatnonzero(np.abs(state.q).sum(axis=(0, 2)))) == {0, 4, 8}


def test_a_choice_on_demand_teaches_and_sets_the_gain_but_leaves_the_interval() -> None:
    memory = RLGain(state_space_per_side=1, update_dt=0.004, epsilon=0.0, alpha=0.5)
    ctx = context(4)
    state = advance(memory, ctx, 12)
    q, iterator, reward_sum = state.q.copy(), state.iterator.copy(), state.reward_sum.copy()
    last = np.arange(4), state.last_state.copy(), state.last_action.copy()
    change = np.random.default_rng(1).normal(0, 0.2, (4, 2))
    here = state_index(change, 0.1, 1)
    gain = update_ext_gain(memory, state, change, randomize=False)
    wanted = 0.5 * q[last] + 0.5 * (reward_sum + 0.6 * q[np.arange(4), here].max(axis=1))
    np.testing.assert_allclose(state.q[last], wanted, rtol=1e-12)
    np.testing.assert_array_equal(gain, state.actions[state.q[np.arange(4), here].argmax(axis=1)])
    np.testing.assert_array_equal(state.last_state, here)
    np.testing.assert_array_equal(state.iterator, iterator)
    np.testing.assert_array_equal(state.reward_sum, reward_sum)


def test_a_choice_on_demand_may_explore_and_then_larvaworld_learns_nothing() -> None:
    memory = RLGain(epsilon=1.0, semantics="larvaworld-2.5")
    ctx = context(1000)
    state = advance(memory, ctx, 1)
    q = state.q.copy()
    ctx.streams.clock.step = 1
    gain = update_ext_gain(memory, state, np.zeros((1000, 2)))
    np.testing.assert_array_equal(state.q, q)
    assert len(np.unique(gain, axis=0)) == 16


def test_best_gains_are_those_of_the_highest_mean_over_states_and_the_first_of_equals() -> None:
    q = np.array([[[1.0, 5.0, 4.0], [3.0, 0.0, 4.0]], [[2.0, 2.0, 1.0], [0.0, 0.0, 1.0]]])
    np.testing.assert_array_equal(best_actions(q), [2, 0])
    np.testing.assert_array_equal(best_gain(q, np.array([[-1.0], [0.0], [1.0]])), [[1.0], [-1.0]])


def test_a_change_on_a_threshold_stays_in_the_inner_bin() -> None:
    change = np.array([-0.21, -0.2, -0.1, -0.05, 0.0, 0.1, 0.11, 0.2, 7.0])
    np.testing.assert_array_equal(bins(change, 0.1, 2), [0, 1, 2, 2, 2, 2, 3, 3, 4])


def test_exploration_is_as_frequent_as_asked_and_takes_all_actions_alike() -> None:
    state = advance(RLGain(epsilon=0.25, gain_space=(-1.0, 0.0, 1.0)), context(40_000, "float32"), 1)
    share = np.bincount(state.last_action, minlength=9) / 40_000
    # the one greedy choice is action 1: action 0 has just been taught a reward, or its absence
    explored = np.delete(share, [0, 1])
    np.testing.assert_allclose(explored, 0.25 / 9, atol=0.004)


def test_both_precisions_decide_at_the_same_steps() -> None:
    minutes = np.round(0.005 * np.arange(1, 201), 3)
    for semantics in ("intended", "larvaworld-2.5"):
        memory = RLGain(semantics=semantics)
        one, other = (
            memory.init(context(200, dtype, update_dt=minutes, train_dur=minutes))
            for dtype in ("float32", "float64")
        )
        np.testing.assert_array_equal(one.interval, other.interval)
        np.testing.assert_array_equal(one.last_tick, other.last_tick)
    assert [int(v * 60 / 0.1) for v in minutes] == other.interval.tolist()
    assert all(t * 0.1 <= m * 60 < (t + 1) * 0.1 for t, m in zip(other.last_tick, minutes, strict=True))


def test_swept_parameters_equal_runs_of_their_own() -> None:
    swept = {"alpha": [0.1, 0.9], "gamma": [0.2, 0.8], "epsilon": [0.1, 0.7], "update_dt": [0.004, 0.007],
             "train_dur": [0.03, 0.05], "delta": [0.05, 0.3], "initial_gain": [1.0, 2.0]}  # fmt: skip
    together = advance(RLGain(state_space_per_side=1), context(2, **swept), 40)
    for replica in range(2):
        own = {name: values[replica] for name, values in swept.items()}
        alone = advance(RLGain(state_space_per_side=1, **own), context(2), 40)
        for name in ("q", "gain", "reward_sum", "iterator", "total_ticks"):
            np.testing.assert_array_equal(
                getattr(together, name)[replica], getattr(alone, name)[replica], err_msg=name
            )


def test_a_touch_memory_keeps_its_initial_gain_until_something_is_touched() -> None:
    memory, ctx = RLTouch(initial_gain=3.0), context(1)
    state = memory.init(ctx)
    for step, change in enumerate([0.0, 0.4, 1.0, 0.0]):
        ctx.streams.clock.step = step
        gain = memory.step(state, ctx.signal(np.array([[0.0, change]]))).copy()
        assert (gain == 3.0).all() == (step < 2)


def test_endless_durations_are_allowed() -> None:
    state = RLGain(update_dt=np.inf, train_dur=np.inf).init(context(1))
    assert state.interval[0] > 10**9 and state.last_tick[0] > 10**9


def test_no_gains_to_choose_from_are_refused() -> None:
    with pytest.raises(InvalidParameters, match="gain_space must name at least one gain"):
        RLGain(gain_space=())


def test_a_task_that_shows_no_row_of_stimuli_is_refused() -> None:
    with pytest.raises(
        engram.EngramError, match=r"memory: needs .* one number a stimulus, not shape \(2, 2\)"
    ):
        RLGain().init(context(1, shape=(2, 2)))
