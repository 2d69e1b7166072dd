"""Trials, steps and signals of a schedule."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engram.testing.playback import Driver
from engram_conditioning.conditioning import Conditioning

FIELDS = ("observation", "reward", "start", "end", "truncated", "learn", "outcome")
PAIRING = [{"stimulus": "A", "at": 0.1}, {"outcome": "water", "at": 0.3}]
ALONE = [{"stimulus": "A", "at": 0.1}]


def task(**given):
    """A cue at step 1 and an outcome at step 3 of trials of six steps."""
    simple = {
        "dt": 0.1, "trial": 0.5, "trials": 3, "stimuli": [{"name": "A"}, {"name": "B"}],
        "outcomes": [{"name": "water"}, {"name": "puff", "value": -2.0}],
        "types": [{"name": "A+", "events": PAIRING}],
    }  # fmt: skip
    return Conditioning(**{**simple, **given})


def of_trials(values, length=6):
    """Return (trial, step) of the first replica."""
    return values[:, 0].reshape(-1, length)


def test_the_first_trial_is_the_one_worked_out_by_hand(signals):
    found = signals(task(), 6)

    assert found.reward[:, 0].tolist() == [0, 0, 0, 1, 0, 0]
    assert found.start[:, 0].tolist() == [True, False, False, False, False, False]
    assert found.end[:, 0].tolist() == [False, False, False, False, False, True]
    assert found.outcome[:, 0].tolist() == [-1, -1, -1, -1, -1, 0]
    np.testing.assert_array_equal(found.observation[:, 0], np.eye(6, 5, k=-1))
    assert not found.truncated.any()
    assert found.learn.all()


def test_the_active_code_names_the_units_that_the_dense_code_shows(signals):
    both = [{"stimulus": "B", "at": 0.2}, *PAIRING]
    two = task(types=[{"name": "AB+", "events": both}, {"name": "A+", "events": PAIRING}], trials=20)
    dense = signals(two, 120).observation
    active = signals(attrs.evolve(two, code="active"), 120).observation

    assert active.shape[2] == 2
    assert active.dtype == np.int32
    for row, indices in zip(dense[:, 0], active[:, 0], strict=True):
        assert np.flatnonzero(row).tolist() == [index for index in indices if index >= 0]


@pytest.mark.parametrize("features", ["serial-compound", "belief"])
@pytest.mark.parametrize("chunk", [1, 4, 6, 7, 100])
def test_the_length_of_a_chunk_changes_nothing(signals, chunk, features):
    varied = task(interval={"uniform": [0.0, 0.5]}, trials=20, features=features)

    whole, parts = signals(varied, 200, batch=3), signals(varied, 200, batch=3, chunk=chunk)

    for name in FIELDS:
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_replicas_differ_where_there_is_chance_and_only_there(signals):
    fixed, varied = task(), task(interval={"uniform": [0.0, 0.5]}, trials=20)

    same, apart = signals(fixed, 18, batch=2), signals(varied, 60, batch=2)

    np.testing.assert_array_equal(same.observation[:, 0], same.observation[:, 1])
    assert (apart.start[:, 0] != apart.start[:, 1]).any()


def test_after_the_last_trial_there_is_silence(signals):
    found = signals(task(), 40)

    assert np.flatnonzero(found.end[:, 0]).tolist() == [5, 11, 17]
    assert not found.observation[18:].any()
    assert not (found.reward[18:].any() or found.start[18:].any() or found.learn[18:].any())
    assert (found.outcome[18:] == -1).all()


def test_an_interval_belongs_to_the_trial_before_it(signals):
    found = signals(task(interval=0.2, episodic=False), 24)

    assert np.flatnonzero(found.start[:, 0]).tolist() == [0, 8, 16]
    assert np.flatnonzero(found.end[:, 0]).tolist() == [7, 15, 23]
    np.testing.assert_array_equal(found.truncated, found.end)
    assert not found.observation[6:8].any()


def test_drawn_intervals_have_the_declared_mean_and_longest(signals):
    drawn = task(interval={"exponential": 0.5, "longest": 2.0}, trials=4000)

    found = signals(drawn, 4000 * 26)

    lengths = np.diff(np.flatnonzero(found.start[:, 0])) - 6
    share = 1 - np.exp(-4.0)
    mean = (0.5 - np.exp(-4.0) * 2.5) / share / 0.1
    assert lengths.max() == 20
    assert abs(lengths.mean() - mean) < 4 * lengths.std() / len(lengths) ** 0.5
    assert drawn.trial_steps(0.1) == (6, 26)


def test_outcomes_of_one_step_add_with_their_signs(signals):
    events = [*PAIRING, {"outcome": "puff", "at": 0.3, "size": 0.25}, {"outcome": "puff", "at": 0.4}]

    found = signals(task(types=[{"name": "A", "events": events}]), 6)

    assert found.reward[:, 0].tolist() == [0, 0, 0, 0.5, -2.0, 0]


def test_an_omission_and_a_table_of_sizes_count_trials_of_the_schedule(signals):
    water = {"outcome": "water", "at": 0.3, "size": [1.0, 2.0, 3.0], "omit": [1]}

    found = signals(task(types=[{"name": "A", "events": [*ALONE, water]}]), 18)

    assert of_trials(found.reward)[:, 3].tolist() == [1.0, 0.0, 3.0]


def test_an_outcome_follows_its_stimulus_by_the_drawn_delay(signals):
    water = {"outcome": "water", "after": "A", "delay": {"choice": [0.1, 0.3], "p": [0.25, 0.75]}}

    found = signals(task(types=[{"name": "A", "events": [*ALONE, water]}], trials=2000), 12000)

    reward = of_trials(found.reward)
    assert (reward.sum(axis=1) == 1).all()
    assert set(np.flatnonzero(reward.any(axis=0))) == {2, 4}
    assert abs(reward[:, 4].mean() - 0.75) < 4 * (0.75 * 0.25 / 2000) ** 0.5


def test_a_probe_and_a_phase_without_learning_say_so(signals):
    types = [{"name": "A+", "events": PAIRING}, {"name": "#A", "events": ALONE, "learn": False}]
    phases = [
        {"order": "given", "sequence": ["A+", "#A"]},
        {"order": "given", "sequence": ["A+"], "learn": False},
    ]

    found = signals(task(types=types, phases=phases), 18)

    assert of_trials(found.learn).all(axis=1).tolist() == [True, False, False]
    assert of_trials(found.learn).any(axis=1).tolist() == [True, False, False]


def test_groups_go_through_their_own_phases(signals):
    types = [{"name": "A+", "events": PAIRING}, {"name": "A", "events": ALONE}]
    phases = [
        {"order": "given", "sequence": ["A+", "A"], "groups": [0]},
        {"order": "given", "sequence": ["A"], "groups": [1]},
        {"order": "given", "sequence": ["A+"]},
    ]
    first, second = (signals(task(types=types, phases=phases, group=group), 18) for group in (0, 1))

    assert first.outcome[[5, 11, 17], 0].tolist() == [0, 1, 0]
    assert second.outcome[[5, 11, 17], 0].tolist() == [1, 0, -1]


@pytest.mark.parametrize(
    ("order", "counts"), [("blocked", [3, 3, 3, 3]), ("shuffled", [3, 3, 3, 3]), ("random", None)]
)
def test_an_order_gives_each_type_its_share(signals, order, counts):
    types = [{"name": name, "events": PAIRING} for name in "abcd"]
    ordered = task(types=types, phases=[{"order": order, "trials": 12}])

    kinds = signals(ordered, 72, batch=200).outcome[5::6].T

    if counts:
        assert all(np.bincount(row).tolist() == counts for row in kinds)
    else:
        assert abs((kinds == 0).mean() - 0.25) < 4 * (0.25 * 0.75 / kinds.size) ** 0.5
        assert len({tuple(np.bincount(row, minlength=4)) for row in kinds}) > 20
    if order == "blocked":
        assert (np.diff(kinds) >= 0).all()
    else:
        # Every type is equally likely at every trial.
        share = (kinds[:, 0, None] == np.arange(4)).mean(axis=0)
        np.testing.assert_allclose(share, 0.25, atol=4 * (0.25 * 0.75 / 200) ** 0.5)


def test_a_mix_that_does_not_divide_is_shared_out_by_largest_remainder(signals):
    types = [{"name": name, "events": PAIRING} for name in "abc"]
    mix = {"a": 0.5, "b": 0.3, "c": 0.2}

    kinds = signals(task(types=types, phases=[{"order": "blocked", "trials": 7, "mix": mix}]), 42).outcome

    assert np.bincount(kinds[5::6, 0]).tolist() == [4, 2, 1]


def test_twenty_thousand_trials_of_a_hundred_replicas_fit(signals):
    many = Conditioning(preset="dabney-magnitude", code="active")

    found = signals(many, 71 * 10, batch=100, dtype=np.dtype("float32"))

    assert found.end.sum() == 1000
    assert abs(found.reward.sum() / 1000 - 5.2078) < 4 * 5.27 / 1000**0.5


def walked(task, state, replica, steps):
    """Walk through the drawn session of a replica, step by step, in plain Python."""
    session, rows = state.session, []
    trial, elapsed = 0, 0
    for _ in range(steps):
        kind = int(session.kind[replica, trial])
        over = kind < 0
        last = not over and elapsed == session.begin[replica, trial + 1] - session.begin[replica, trial] - 1
        reward = sum(
            float(session.reward[slot, replica, trial])
            for slot in range(len(session.row))
            if session.row[slot, replica, trial] == elapsed
        )
        cues = [] if over else task.timeline.cues[kind]
        shown = elapsed < task.timeline.steps
        on = sorted(cue.stimulus for cue in cues if shown and cue.onset <= elapsed < cue.onset + cue.length)
        rows.append((on, reward, not over and elapsed == 0, last, kind if last else -1))
        trial, elapsed = (trial + 1, 0) if last else (trial, elapsed + 1)
    return rows


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_schedule_is_its_session_walked_step_by_step(signals, data):
    last = data.draw(st.integers(2, 6))
    place = st.integers(0, last - 1).map(float)
    cue = st.builds(lambda name, at: {"stimulus": name, "at": at}, st.sampled_from("AB"), place)
    late = st.integers(1, last).map(float)
    drop = st.builds(
        lambda at, p: {"outcome": "water", "at": at, "probability": p}, late, st.sampled_from([0.5, 1.0])
    )
    events = data.draw(st.lists(st.lists(st.one_of(cue, drop), max_size=4), min_size=1, max_size=3))
    events.append([{"stimulus": "A", "at": 0.0}])
    random = Conditioning(
        trial=float(last), trials=data.draw(st.integers(1, 8)), features="boxcar", code="active",
        interval=data.draw(st.sampled_from([0.0, 3.0, {"uniform": [0.0, 4.0]}])),
        stimuli=[{"name": "A"}, {"name": "B"}], outcomes=[{"name": "water"}],
        types=[{"name": str(i), "events": items} for i, items in enumerate(events)],
    )  # fmt: skip
    steps = data.draw(st.integers(1, 60))
    seed = data.draw(st.integers(0, 99))

    found = signals(random, steps, batch=2, seed=seed, chunk=data.draw(st.integers(1, 20)))
    state = Driver(random, 2, np.dtype("float64"), dt=1.0, seed=seed).state

    for replica in range(2):
        for step, (on, reward, start, end, outcome) in enumerate(walked(random, state, replica, steps)):
            seen = found.observation[step, replica]
            assert sorted(set(on)) == [index for index in seen.tolist() if index >= 0]
            assert found.reward[step, replica] == pytest.approx(reward)
            assert (found.start[step, replica], found.end[step, replica]) == (start, end)
            assert found.outcome[step, replica] == outcome
