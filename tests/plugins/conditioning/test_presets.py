"""Every preset against its first trials, worked out by hand: (step, names on) and (step, reward)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs
import numpy as np
import pytest

import engram_conditioning
from engram_conditioning.conditioning import Conditioning
from engram_conditioning.preset import PRESETS

FOLDER = Path(engram_conditioning.__file__).parent / "presets"

# name: (steps of a trial, onsets {stimulus: step}, {step: reward}) of the first trial of group 0.
FIRST = {
    "schultz-1997": (25, {"cue": 5}, {15: 1.0}),
    "delay": (25, {"A": 5}, {15: 1.0}),
    "trace": (25, {"A": 5}, {15: 1.0}),
    "blocking": (25, {"A": 5}, {15: 1.0}),
    "overshadowing": (25, {"A": 5, "B": 5}, {15: 1.0}),
    "extinction": (25, {"A": 5}, {15: 1.0}),
    "latent-inhibition": (25, {"A": 5}, {}),
    "unblocking": (25, {"A": 5}, {15: 1.0}),
    "second-order": (35, {"A": 15}, {25: 1.0}),
    "drl_sim-hyp_unif": (25, {"cue": 4}, {15: 1.0}),
}


def onsets(task, seen):
    """Return the step at which the first unit of each stimulus is on."""
    labels = task.observation.labels
    firsts = {label.split(": ")[-1][:-2]: i for i, label in enumerate(labels) if label.endswith(" 0")}
    return {name: int(np.flatnonzero(seen[:, i])[0]) for name, i in firsts.items() if seen[:, i].any()}


@pytest.mark.parametrize("name", FIRST)
def test_the_first_trial_is_the_one_worked_out_by_hand(signals, name):
    steps, cues, rewards = FIRST[name]
    task = Conditioning(preset=name)

    found = signals(task, steps)

    assert onsets(task, found.observation[:, 0]) == cues
    assert {int(t): float(found.reward[t, 0]) for t in np.flatnonzero(found.reward[:, 0])} == rewards
    assert np.flatnonzero(found.end[:, 0]).tolist() == [steps - 1]


def outcomes_of(signals, task, trials, batch=1):
    """Return (trial, batch) type and (trial, batch) reward."""
    steps = task.timeline.steps
    found = signals(task, steps * trials, batch=batch)
    return found.outcome[steps - 1 :: steps], found.reward.reshape(trials, steps, batch).sum(axis=1)


@pytest.mark.parametrize(
    ("name", "group", "lengths"),
    [
        ("blocking", 0, ["A(US)"] * 200 + ["AB(US)"] * 200 + ["#B"]),
        ("blocking", 1, ["C(US)"] * 200 + ["AB(US)"] * 200 + ["#B"]),
        ("overshadowing", 0, ["AB(US)"] * 200 + ["#A"]),
        ("overshadowing", 1, ["A(US)"] * 200 + ["#A"]),
        ("extinction", 0, ["A(US)"] * 200 + ["A"] * 200 + ["#A"]),
        ("latent-inhibition", 0, ["A"] * 100 + ["A(US)"] * 100 + ["#A"]),
        ("latent-inhibition", 1, ["B"] * 100 + ["A(US)"] * 100 + ["#A"]),
        ("unblocking", 0, ["A+"] * 200 + ["AB++"] * 200),
        ("unblocking", 1, ["A+"] * 200 + ["AB+"] * 200),
        ("second-order", 0, ["A+"] * 200 + ["BA"] * 20),
        ("delay", 0, ["A(US)"] * 200 + ["#A"]),
        ("trace", 0, ["A(US)"] * 200 + ["#A"]),
    ],
)
def test_a_preset_runs_its_types_in_order(signals, name, group, lengths):
    task = attrs.evolve(Conditioning(preset=name), group=group)
    names = [kind.name for kind in task.protocol.types]

    kinds, rewards = outcomes_of(signals, task, len(lengths))

    assert [names[kind] for kind in kinds[:, 0]] == lengths
    expected = [0.0 if name.startswith("#") else name.count("+") or float("(US)" in name) for name in lengths]
    assert rewards[:, 0].tolist() == (expected if name != "unblocking" else [min(e, 2.0) for e in expected])


def test_inhibition_has_as_many_trials_with_as_without_the_inhibitor(signals):
    kinds, rewards = outcomes_of(signals, Conditioning(preset="conditioned-inhibition"), 401)

    assert np.bincount(kinds[:, 0]).tolist() == [200, 200, 1]
    np.testing.assert_array_equal(rewards[:, 0], kinds[:, 0] == 0)
    assert 50 < (np.diff(kinds[:400, 0]) != 0).sum() < 350


def test_reinforcement_is_partial_in_one_group_and_continuous_in_the_other(signals):
    task = Conditioning(preset="partial-reinforcement")
    _, half = outcomes_of(signals, task, 400, batch=10)
    _, all_of_them = outcomes_of(signals, attrs.evolve(task, group=1), 400)

    assert abs(half.mean() - 0.5) < 4 * 0.5 / 4000**0.5
    assert (all_of_them == 1).all()


@pytest.mark.parametrize(("name", "odd"), [("dabney-magnitude", 0.1509519), ("drl_sim-var", 0.150519)])
def test_the_seven_sizes_come_with_their_frequencies(signals, name, odd):
    task = Conditioning(preset=name, trials=2000, code="active")
    p = [0.06612594, 0.09090909, 0.14847358, 0.15489467, 0.31159175, odd, 0.07705306]
    p[0] += 1 - sum(p)

    _, rewards = outcomes_of(signals, task, 2000, batch=20)

    sizes, counts = np.unique(rewards, return_counts=True)
    np.testing.assert_allclose(sizes, [0.1, 0.3, 1.2, 2.5, 5, 10, 20])
    error = 4 * np.sqrt(np.array(p) * (1 - np.array(p)) / 40000)
    assert (abs(counts / 40000 - p) < error).all()
    weights = task.protocol.types[0].events[1].size.weights
    np.testing.assert_allclose(weights, p, atol=1e-7)


def test_the_times_of_the_magnitude_presets_differ_by_the_early_cue_of_drl_sim(signals):
    ours, theirs = (Conditioning(preset=name) for name in ("dabney-magnitude", "drl_sim-var"))

    assert [cues[0].onset for cues in (*ours.timeline.cues, *theirs.timeline.cues)] == [20, 19]
    assert [of[0].low for of in (*ours.timeline.arrivals, *theirs.timeline.arrivals)] == [60, 60]


def test_three_cues_predict_their_probabilities(signals):
    kinds, rewards = outcomes_of(signals, Conditioning(preset="dabney-probability"), 3000, batch=5)

    for kind, p in enumerate((0.1, 0.5, 0.9)):
        own = rewards[kinds == kind]
        assert abs(len(own) / kinds.size - 1 / 3) < 4 * (2 / 9 / kinds.size) ** 0.5
        assert abs(own.mean() - p) < 4 * (p * (1 - p) / len(own)) ** 0.5


@pytest.mark.parametrize(("name", "delivered"), [("starkweather-1", 1.0), ("starkweather-2", 0.9)])
def test_delays_are_those_of_a_truncated_normal(signals, name, delivered):
    found = signals(Conditioning(preset=name, interval=0.0, trials=4000), 17 * 4000, batch=2)

    times = found.reward.reshape(4000, 17, 2).sum(axis=(0, 2))
    delays = 0.2 * np.arange(17) - 0.2
    weights = np.exp(-((delays - 2.0) ** 2) / 0.5) * ((delays > 1.1) & (delays < 2.9))
    p = delivered * weights / weights.sum()
    assert (abs(times / 8000 - p) <= 4 * np.sqrt(p * (1 - p) / 8000) + 1e-9).all()


def test_a_given_key_replaces_that_of_the_preset(signals):
    task = Conditioning(preset="schultz-1997", trials=2, trial=3.0)

    assert np.flatnonzero(signals(task, 70).end[:, 0]).tolist() == [30, 61]


def test_a_given_design_replaces_types_and_phases_of_the_preset(signals):
    task = Conditioning(preset="blocking", design="2A(US)", cue_at=0.2)

    assert [kind.name for kind in task.protocol.types] == ["A(US)"]
    assert task.timeline.cues[0][0].onset == 2
    assert task.protocol.groups == 1


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_it_is_and_where_it_comes_from(name):
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))

    assert set(table) == {"title", "source", "task"}
    assert table["title"]
    assert table["source"]


def test_every_preset_is_tested_here():
    text = (
        Path(__file__).read_text(encoding="utf-8") + Path(__file__).with_name("test_drl_sim.py").read_text()
    )

    assert [name for name in PRESETS if f'"{name}"' not in text] == []
