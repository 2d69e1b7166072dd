"""The tasks: what they show, what they pay, and when a trial ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram.testing import play
from engram_reinforce import ArmedBandit, Bandit, Reach


def test_a_pull_earns_by_its_distance_from_the_target() -> None:
    actions = np.array([0.8, 0.0, -1.2])[:, None, None]
    trace = play(Bandit(pulls=5), {"action": actions})
    np.testing.assert_allclose(trace["reward"][:, 0], [0.0, -0.64, -4.0], atol=1e-12)


def test_a_trial_of_the_bandit_has_its_pulls_and_then_starts_anew() -> None:
    trace = play(Bandit(pulls=2), {"action": np.zeros((6, 1, 1))})
    assert trace["end"][:, 0].tolist() == [False, True, False] * 2
    assert trace["start"][:, 0].tolist() == [False, False, True] * 2
    assert (trace["reward"][:, 0] < 0).tolist() == [True, True, False] * 2
    assert Bandit(pulls=2).trial_steps(1.0) == (3, 3)


def test_each_stimulus_of_the_bandit_has_a_target_of_its_own() -> None:
    task = Bandit(targets=(0.0, 1.0, 2.0), pulls=1000)
    shown = play(task, {"action": np.zeros((400, 1, 1))})
    stimulus = shown["stimulus"][:, 0]
    np.testing.assert_array_equal(shown["observation"][:, 0].argmax(axis=1), stimulus)
    np.testing.assert_array_equal(shown["reward"][1:, 0], -(stimulus[:-1].astype(float) ** 2))
    assert np.bincount(stimulus).min() > 90


def test_noise_of_the_bandit_has_the_deviation_asked_for() -> None:
    task = Bandit(targets=(0.0,), pulls=5000, noise=0.5)
    reward = play(task, {"action": np.zeros((4000, 1, 1))})["reward"]
    assert abs(reward.std() - 0.5) < 0.02
    assert abs(reward.mean()) < 0.03


def test_a_bandit_without_targets_is_refused() -> None:
    with pytest.raises(engram.InvalidParameters, match="targets must hold at least one number"):
        Bandit(targets=())


def test_an_arm_pays_its_mean() -> None:
    task = ArmedBandit(arms=(1.0, -2.0, 5.0), pulls=3, noise=0.0)
    trace = play(task, {"action": np.array([2, 0, 1, 0, 1])[:, None]})
    assert trace["reward"][:, 0].tolist() == [5, 1, -2, 0, -2]
    assert trace["end"][:, 0].tolist() == [False, False, True, False, False]
    assert trace["start"][:, 0].tolist() == [False, False, False, True, False]
    assert trace["observation"][:, 0, 0].tolist() == [1, 1, 0, 1, 1]


def test_a_bandit_with_one_arm_is_refused() -> None:
    with pytest.raises(engram.InvalidParameters, match="arms: 1 leave no choice; give at least two"):
        ArmedBandit(arms=(1.0,))


def reached(way: float, steps: int, **given: Any) -> Any:
    actions = np.full((steps, 1, 1), way)
    return play(Reach(dimensions=1, **given), {"action": actions}, start={"target": [[0.9]]})


def test_a_movement_earns_by_how_much_the_target_came_nearer() -> None:
    trace = reached(0.25, 2)
    np.testing.assert_allclose(trace["reward"][:, 0], [0.25, 0.25])
    np.testing.assert_allclose(trace["observation"][:, 0, 0], [0.65, 0.4])
    assert reached(-0.25, 1)["reward"].item() == pytest.approx(-0.25)


def test_a_long_movement_is_cut() -> None:
    assert reached(3.0, 1)["position"].item() == 0.5


def test_a_trial_ends_at_the_target() -> None:
    trace = reached(0.4, 3)
    assert trace["end"][:, 0].tolist() == [False, True, False]
    assert trace["outcome"][:, 0].tolist() == [-1, 1, -1]
    assert not trace["truncated"].any()
    assert trace["start"][2].item()
    assert trace["position"][2].item() == 0


def test_a_trial_is_cut_short_after_its_movements() -> None:
    trace = reached(0.0, 4, moves=3)
    assert trace["end"][:, 0].tolist() == [False, False, True, False]
    assert trace["truncated"][:, 0].tolist() == [False, False, True, False]
    assert trace["outcome"][2].item() == 0


def test_targets_are_drawn_over_the_whole_square() -> None:
    task = Reach(moves=1)
    target = play(task, {"action": np.zeros((200, 20, 2))}, batch=20)["target"].reshape(-1, 2)
    assert abs(target).max() <= 1
    assert (target.min(axis=0) < -0.98).all()
    assert (target.max(axis=0) > 0.98).all()


def test_a_reach_without_a_way_is_refused() -> None:
    with pytest.raises(engram.InvalidParameters, match="radius must be below half_width"):
        Reach(radius=1.0)
