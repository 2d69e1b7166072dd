"""Beliefs against a plain forward algorithm, and what they do to the prediction error."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from engram_conditioning.conditioning import Conditioning

DELAYS = {1: 0.2, 2: 0.5, 3: 0.3}


def schedule(**given):
    """A cue, then an outcome one to three steps later in 60 %; a second type has two stimuli and no outcome."""
    delay = {"choice": [float(k) for k in DELAYS], "p": list(DELAYS.values())}
    water = {"outcome": "water", "after": "A", "delay": delay, "probability": 0.6}
    simple = {
        "trial": 6.0, "trials": 60, "interval": {"uniform": [0.0, 5.0]}, "features": "belief",
        "belief": {"hazard": 0.2}, "stimuli": [{"name": "A"}, {"name": "B"}], "outcomes": [{"name": "water"}],
        "types": [
            {"name": "A+", "events": [{"stimulus": "A", "at": 1.0}, water]},
            {"name": "AB", "events": [{"stimulus": "A", "at": 1.0}, {"stimulus": "B", "at": 3.0}]},
        ],
        "phases": [{"mix": {"A+": 0.7, "AB": 0.3}}],
    }  # fmt: skip
    return Conditioning(**{**simple, **given})


def model():
    """Return T (state, state) and, by observation, O (state, state), written out by hand.

    States: 0 interval, 1 2 3 steps since A where water will come, 4 5 the chain of AB.
    """
    h, p = 0.2, 0.7 * 0.6
    T = np.zeros((6, 6))
    see = {name: np.zeros((6, 6)) for name in ("nothing", "A", "B", "water")}

    def move(i, j, probability, seen):
        see[seen][i, j] += probability
        T[i, j] += probability

    move(0, 0, 1 - h, "nothing")
    move(0, 0, h * 0.7 * 0.4, "A")
    move(0, 1, h * p, "A")
    move(0, 4, h * 0.3, "A")
    left = 1.0
    for step, mass in DELAYS.items():
        move(step, 0, mass / left, "water")
        if step < 3:
            move(step, step + 1, 1 - mass / left, "nothing")
        left -= mass
    move(4, 5, 1.0, "nothing")
    move(5, 0, 1.0, "B")
    np.testing.assert_allclose(T.sum(axis=1), 1)
    return see


def forward(observations):
    belief, rows = np.eye(6)[0], []
    for seen in observations:
        belief = belief @ model()[seen]
        belief = belief / belief.sum() if belief.sum() > 0 else np.eye(6)[0]
        rows.append(belief)
    return np.array(rows)


def test_the_filter_is_the_forward_algorithm(signals):
    task = schedule()
    found = signals(task, 400)
    shown = signals(attrs.evolve(task, features="boxcar"), 400).observation[:, 0]
    names = np.where(shown[:, 0] > 0, "A", np.where(shown[:, 1] > 0, "B", "nothing"))
    names = np.where(found.reward[:, 0] != 0, "water", names)
    assert set(names) == {"A", "B", "water", "nothing"}

    np.testing.assert_allclose(found.observation[:, 0], forward(names), atol=1e-12)
    assert task.observation.labels == ("interval", "A+ 0", "A+ 1", "A+ 2", "AB 0", "AB 1")


def test_what_cannot_be_leads_back_to_the_interval(signals):
    early = schedule(types=[
        {"name": "A+", "events": [
            {"stimulus": "A", "at": 1.0}, {"stimulus": "A", "at": 5.0}, {"outcome": "water", "at": 3.0}]},
    ], phases=[{}])  # fmt: skip

    found = signals(early, 6).observation[:, 0]

    assert found[4].tolist() == [1.0, 0.0, 0.0]


def test_the_hazard_of_a_trial_is_one_over_the_mean_time_between_them(signals):
    """Three steps of interval, five of the trial after the outcome and one before the stimulus: 1 / 8."""
    fixed = schedule(
        interval=3.0, belief=None, phases=[{}],
        types=[{"name": "A+", "events": [{"stimulus": "A", "at": 1.0}, {"outcome": "water", "at": 3.0}]}],
    )  # fmt: skip

    found = signals(fixed, 4).observation[:, 0]

    # After A nothing else is possible; so look at the tables: the interval goes on with 1 - hazard.
    assert found[1].tolist() == [0.0, 1.0, 0.0]
    assert fixed._micro_states(fixed.timeline).enter[0, 0] == pytest.approx(1 - 1 / 8)


def errors_by_time(signals, name, features):
    """Return the mean error at the outcome by its time, of TD(0) on many replicas that share their weights."""
    task = Conditioning(preset=name, features=features, trials=500)
    found = signals(task, 24000, batch=16)
    x, r = found.observation, found.reward
    w = np.zeros(x.shape[2])
    late: dict[int, list[float]] = {}
    since = np.zeros(16, dtype=int)
    cue = np.zeros(16, dtype=bool)
    for t in range(1, len(x)):
        start = found.start[t - 1]
        since = np.where(start, 0, since + 1)
        delta = r[t] + 0.93 * x[t] @ w - x[t - 1] @ w
        w += 0.1 / 4 * (delta[:, None] * x[t - 1]).sum(axis=0)
        if t > 12000:
            for replica in np.flatnonzero(r[t]):
                late.setdefault(int(since[replica]), []).append(delta[replica])
    times = sorted(late)
    return np.array(times), np.array([np.mean(late[time]) for time in times])


@pytest.mark.slow
def test_the_error_falls_with_time_where_reward_is_sure_and_rises_where_it_may_be_omitted(signals):
    """Starkweather et al. 2017, figures 2 and 4: the sign of the slope, which a serial compound misses."""
    slopes = {}
    for name in ("starkweather-1", "starkweather-2"):
        times, errors = errors_by_time(signals, name, "belief")
        assert len(times) == 9
        slopes[name] = np.polyfit(0.2 * times, errors, 1)[0]
        print(name, errors.round(3), slopes[name])
    times, errors = errors_by_time(signals, "starkweather-2", "serial-compound")
    slopes["serial compound"] = np.polyfit(0.2 * times, errors, 1)[0]
    print("serial compound", errors.round(3), slopes)

    assert slopes["starkweather-1"] < -0.05
    assert slopes["starkweather-2"] > 0.05
    assert slopes["serial compound"] < 0.05
