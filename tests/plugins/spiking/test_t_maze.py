"""The task t-maze."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
from engram.testing import Case, parametrize_with_checks, play
from engram_spiking import LIF, TMaze

UP, DOWN, LEFT, RIGHT = range(4)
STEPS = 4


@parametrize_with_checks([Case(TMaze(episodes=2, longest=2, duration=0.003), dt=0.001)])
def test_conformance(check: Any) -> None:
    check()


def walked(moves: list[int], **changes: Any) -> dict[str, Any]:
    """The signals after each move, when the picture was shown for three steps; other actions count for nothing."""
    task = TMaze(**{"duration": 0.003, "slip": 0.0, "episodes": 3, **changes})
    action = np.full((STEPS * len(moves), 1), DOWN)
    action[STEPS - 2 :: STEPS, 0] = moves
    trace = play(task, {"action": action}, dt=0.001)
    return {name: values[STEPS - 2 :: STEPS, 0] for name, values in trace.items()}


def test_the_shortest_way_takes_four_moves_and_each_earns_one() -> None:
    trace = walked([UP, UP, UP, RIGHT])

    assert trace["reward"].tolist() == [1, 1, 1, 1]
    assert trace["end"].all()
    assert trace["outcome"].tolist() == [0, 0, 0, 1]
    assert trace["result"][-1].tolist() == [1, -1, -1]


def test_walls_hold_the_rat_back_and_moves_away_cost_one() -> None:
    trace = walked([LEFT, UP, DOWN, UP, UP, UP, LEFT])

    assert trace["reward"].tolist() == [-1, 1, -1, 1, 1, 1, -1]
    assert (trace["row"][-1], trace["column"][-1]) == (1, 1)


def test_the_next_episode_begins_at_the_start_after_goal_or_longest() -> None:
    trace = walked([UP, UP, UP, LEFT, UP, UP, UP, UP], goal="left", longest=4)

    assert trace["row"].tolist() == [3, 2, 1, 1, 3, 2, 1, 1]
    assert trace["over"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert trace["result"][-1].tolist() == [1, 0, -1]


def test_every_field_has_a_picture_of_its_own_and_the_reward_comes_with_none() -> None:
    task = TMaze(duration=0.003, slip=0.0, rate=100.0)
    action = np.array([UP] * 3 * STEPS)[:, None]
    trace = play(task, {"action": action}, dt=0.001)
    seen = trace["observation"][:, 0].reshape(-1, 18, 15)

    # Row k is the signal after step k: step 3 carries the reward, step 4 shows the rat one field further up.
    assert not seen[STEPS - 2].any()
    np.testing.assert_array_equal(
        seen[STEPS - 1, 9:12, 6:9], 100.0 * np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    )
    assert not seen[STEPS - 1, 12:15, 6:9].any()
    np.testing.assert_array_equal(seen[0, 3:6, 9:12], 100.0 * np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]]))


def test_slips_take_the_place_of_the_action() -> None:
    rows = play(TMaze(duration=0.001, slip=1.0), {"action": np.full((40, 30), UP)}, batch=30, dt=0.001)

    assert len({tuple(own) for own in rows["row"].T}) > 10


def test_a_run_ends_when_all_episodes_are_over(tmp_path: Path) -> None:
    pytest.importorskip("engram_stdp")
    (path,) = engram.run(
        {
            "run": {"steps": 100, "dt": 0.001, "batch": 2, "seed": 1},
            "task": {"use": "t-maze", "episodes": 2, "longest": 3, "duration": 0.002},
            "memory": {
                "use": "spiking-network",
                "layers": {"output": {"use": "lif", "units": 4}, "input": {"use": "poisson"}},
                "connections": {"input_output": {"use": "static"}},
            },
        },
        out=tmp_path / "run.h5",
    )
    with engram.open(path) as run:
        # Two episodes of three moves of three steps, and the step in which the last is put away.
        assert run.final("task.over").tolist() == [2, 2]
        assert len(run["task.over"]) == 2 * 3 * 3 + 1


def test_a_picture_shorter_than_a_step_is_refused_in_one_line() -> None:
    with pytest.raises(engram.RecipeError, match=r"task.duration: 0.0001 s is less than a step; lengthen it"):
        play(TMaze(duration=0.0001), {"action": np.zeros((1, 1), dtype=int)}, dt=0.001)


def test_cells_that_begin_anew_are_at_rest_when_a_trial_starts() -> None:
    start = np.array([[True], [False], [False], [True]])
    trace = play(
        LIF(anew=True, integration="exact", tau=1e6),
        {"observation": np.ones((4, 1, 1)), "start": start},
        dt=0.001,
    )

    np.testing.assert_allclose(trace["v"][:, 0, 0], [-64.0, -63.0, -62.0, -64.0], rtol=1e-6)


def test_a_rat_that_is_finished_keeps_weights_eligibility_and_traces(tmp_path: Path) -> None:
    pytest.importorskip("engram_stdp")
    connection = "memory.connections.hidden_output"
    names = [f"{connection}.{name}" for name in ("w", "z", "pre_trace", "post_trace")]
    changes = ["task.duration=0.004", "task.episodes=1", "task.longest=60", "task.slip=1.0", "run.batch=9"]
    changes += [f"{connection}.tau_weight=1.0", "record.every=1", f"record.variables={names}"]
    changes += ["memory.layers.output.threshold=-64.9"]
    (path,) = engram.run("t-maze", overrides=changes, out=tmp_path / "run.h5")

    with engram.open(path) as run:
        finished = run["task.finished"]
        early = {replica: finished[:, replica].argmax() for replica in range(9) if finished[-1, replica]}
        for name in names:
            for replica, since in early.items():
                own = run[name][:, replica]
                assert (own[since - 1 :] == own[since - 1]).all(), name
                assert np.ptp(own, axis=0).any(), name
    assert len(set(early.values())) > 2


def random_walk(moves: int) -> float:
    """Probability that so many moves, all four equally likely, lead from the start to the goal."""
    fields = [(1, 1), (1, 2), (1, 3), (2, 2), (3, 2), (4, 2)]
    to = np.zeros((6, 6))
    for index, (row, column) in enumerate(fields):
        for side in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            field = (row + side[0], column + side[1])
            to[index, fields.index(field) if field in fields and index != 2 else index] += 0.25
    return float(np.linalg.matrix_power(to, moves)[5, 2])


def test_moves_at_random_find_the_goal_as_often_as_a_random_walk_does(tmp_path: Path) -> None:
    pytest.importorskip("engram_stdp")
    overrides = ["run.batch=40", "task.episodes=20", "task.longest=10", "run.steps=600"]
    (path,) = engram.run("t-maze-random", overrides=overrides, out=tmp_path / "run.h5")
    with engram.open(path) as run:
        found = run.final("task.result")

    expected = random_walk(10)
    assert (found >= 0).all()
    assert abs(found.mean() - expected) < 4 * (expected * (1 - expected) / found.size) ** 0.5
    assert random_walk(30) == pytest.approx(0.450, abs=0.001)
