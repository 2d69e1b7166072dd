"""Under semantics "drl_sim", observation j is its x[:, j], and reward j + 1 its r[j]: what is earned by leaving step j."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from engram_conditioning.conditioning import Conditioning

GOLDEN = Path(__file__).resolve().parents[2] / "golden/drl"


@pytest.fixture
def golden() -> Any:
    """`golden("var_dt0.1")`."""
    return lambda name: np.load(GOLDEN / f"{name}.npz")


def replayed(data: Any, onsets: list[dict[str, int]], rewards: list[list[int]], **given: Any) -> Conditioning:
    """Return a task whose types have stimuli and outcomes at these indices, sizes and order as recorded."""
    dt = float(data["dt"])
    types = [
        {
            "name": str(index),
            "events": [
                *({"stimulus": name, "at": (step + 1) * dt} for name, step in cues.items()),
                *({"outcome": "r", "at": (step + 1) * dt, "size": sizes[:, step].tolist()} for step in steps),
            ],
        }
        for index, (cues, steps, sizes) in enumerate(
            zip(onsets, rewards, data["r"].astype(float), strict=True)
        )
    ]
    n, length = data["r"].shape[1:]
    names = sorted({name for cues in onsets for name in cues})
    return Conditioning(
        dt=dt, trial=(length - 1) * dt, stimuli=[{"name": name} for name in names], outcomes=[{"name": "r"}],
        types=types, phases=[{"order": "given", "sequence": [str(i) for i in data["states"]], "trials": n}],
        semantics="drl_sim", **given,
    )  # fmt: skip


def assert_as_recorded(found: Any, data: Any) -> None:
    states, r = data["states"], data["r"]
    length = r.shape[2]
    reward = found.reward[:, 0].reshape(len(states), length)
    wanted = r[states, np.arange(len(states))]
    np.testing.assert_array_equal(reward[:, 1:], wanted[:, :-1])
    assert not reward[:, 0].any()


@pytest.mark.parametrize(
    ("name", "onsets", "rewards"),
    [
        ("single_lambda0", [{"a": 4}], [[14]]),
        ("var_dt0.1", [{"a": 4}], [[14]]),
        ("two_cues_two_types", [{"a": 4}, {"b": 9}], [[14], [19]]),
    ],
)
def test_features_and_rewards_are_those_recorded(signals, golden, name, onsets, rewards):
    data = golden(name)
    task = replayed(data, onsets, rewards, private=True)
    n, length = data["r"].shape[1:]

    found = signals(task, n * length)

    assert_as_recorded(found, data)
    seen = found.observation[:, 0].reshape(n, length, -1)
    units = np.concatenate([x[min(cues.values()) :] for x, cues in zip(data["x"], onsets, strict=True)])
    offsets = np.cumsum([0, *(length - min(cues.values()) for cues in onsets)])
    for trial, state in enumerate(data["states"]):
        own = slice(offsets[state], offsets[state + 1])
        np.testing.assert_array_equal(seen[trial, :, own], units[own].T)
        assert seen[trial].sum() == seen[trial, :, own].sum()


def test_two_chains_of_one_trial_are_those_recorded(signals, golden):
    data = golden("two_cues_compound_extinction")
    x = data["x"][0]
    task = replayed(data, [{"a": 2, "b": 7}], [[14]])

    found = signals(task, data["r"].shape[1] * data["r"].shape[2])

    assert_as_recorded(found, data)
    seen = found.observation[: x.shape[1], 0]
    # The recorded chains end after 14 and 8 units; ours go on to the end of the trial.
    np.testing.assert_array_equal(seen[:, :14], x[:14].T)
    np.testing.assert_array_equal(seen[:, 22 : 22 + 8], x[14:22].T)


def test_the_delay_preset_has_the_rewards_recorded(signals, golden):
    data = golden("delay_six_types")
    preset = Conditioning(preset="drl_sim-delay")
    arrivals = preset.timeline.arrivals
    steps = [[arrival.low - 1 for arrival in of_type] for of_type in arrivals]
    assert steps == [sorted(set(np.flatnonzero(r.any(axis=0)))) for r in data["r"]]
    task = replayed(data, [{"cue": 1}] * 6, steps, private=True)

    found = signals(task, 200 * 17)

    assert_as_recorded(found, data)
    assert task.timeline.cues == preset.timeline.cues
    assert task.observation == preset.observation
    assert (data["x"].argmax(axis=2).max(axis=1) == 16).all()
    assert preset.timeline.protocol.outcomes[0].value == 3.0


def test_outcomes_of_one_step_replace_each_other(signals):
    events = [
        {"stimulus": "a", "at": 1.0},
        {"outcome": "r", "at": 3.0},
        {"outcome": "r", "at": 3.0, "size": 5.0},
    ]
    same = Conditioning(
        trial=4.0, trials=1, stimuli=[{"name": "a"}], outcomes=[{"name": "r"}],
        types=[{"name": "0", "events": events}],
    )  # fmt: skip

    assert signals(same, 5).reward[:, 0].tolist() == [0, 0, 0, 6, 0]
    assert signals(attrs.evolve(same, semantics="drl_sim"), 5).reward[:, 0].tolist() == [0, 0, 0, 5, 0]


def test_jittered_rewards_stay_within_the_window_recorded(signals, golden):
    data = golden("normal_magnitude_time_jitter")
    recorded = np.flatnonzero(data["r"][0].any(axis=0))
    assert recorded.tolist() == [12, 13, 14, 15, 16]
    task = Conditioning(
        preset="drl_sim-hyp_var", trials=4000, types=[{"name": "0", "events": [
            {"stimulus": "cue", "at": 0.5},
            {"outcome": "reward", "at": {"uniform": [1.3, 1.7]}, "size": {"normal": [2.0, 0.7]}}]}],
        stimuli=[{"name": "cue"}], outcomes=[{"name": "reward"}],
    )  # fmt: skip

    reward = signals(task, 4000 * 25).reward[:, 0].reshape(4000, 25)

    share = (reward != 0).mean(axis=0)
    np.testing.assert_allclose(share[13:18], [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8], atol=0.03)
    assert abs(reward.sum(axis=1).mean() - 2.0) < 4 * 0.7 / 4000**0.5
    assert abs(reward.sum(axis=1).std() - 0.7) < 0.04
