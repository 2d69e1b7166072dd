"""The analysis `responses` against schedules whose values are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engram import EngramError

GAMMA = 0.9


def conditioning(**task: Any) -> dict[str, Any]:
    return {
        "run": {"trials": 120, "batch": 2},
        "task": {
            "use": "conditioning", "trial": 8.0, "trials": 120, "stimuli": [{"name": "A"}, {"name": "B"}],
            "outcomes": [{"name": "US"}],
            "types": [
                {"name": "A+", "events": [{"stimulus": "A", "at": 2.0}, {"outcome": "US", "at": 5.0}]},
                {"name": "B-", "events": [{"stimulus": "B", "at": 3.0}]},
                {"name": "omission", "events": [{"stimulus": "A", "at": 2.0}], "learn": False},
            ],
            "phases": [
                {"name": "training", "trials": 110, "mix": {"A+": 0.7, "B-": 0.3}},
                {"name": "test", "trials": 10, "sequence": ["A+", "omission"], "order": "given"},
            ],
            **task,
        },
        "memory": {
            "use": "distributional-td", "predictors": 3, "gamma": GAMMA, "alpha_plus": 0.5,
            "alpha_minus": 0.5, "lam": 0.9,
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def learnt(opened: Callable[..., Any]) -> Any:
    return opened(conditioning())


def test_the_error_moves_to_the_cue_and_dips_where_a_reward_is_left_out(learnt: Any, analysed: Any) -> None:
    result = analysed(learnt, "responses")

    assert list(result["type"]) == ["A+", "B-", "omission"]
    np.testing.assert_array_equal(result["time"], [2, 3, 5])
    np.testing.assert_allclose(result["delta"][0], [GAMMA**3, 0, 0], atol=1e-6)
    np.testing.assert_allclose(result["delta"][2], [GAMMA**3, 0, -1], atol=1e-6)
    np.testing.assert_allclose(result["value"][0], [GAMMA**2, GAMMA, 0], atol=1e-6)
    assert result["value_by_predictor"].shape == (3, 3, 3)


def test_the_first_trials_are_those_before_learning(learnt: Any, analysed: Any) -> None:
    result = analysed(learnt, "responses", types=["A+"], at=[2.0, 5.0], take="first")

    np.testing.assert_array_equal(result["delta"], [[0, 1]])


def test_the_mean_is_over_so_many_trials_of_each_replica(learnt: Any, analysed: Any) -> None:
    both = analysed(learnt, "responses", types=["A+"], at=[5.0], take="first", trials=4)["delta"]
    found = []
    for replica in range(2):
        trials = learnt.trials()
        own = trials[(trials.replica == replica) & (trials.outcome == 0)].start_step[:4]
        found.append(learnt["memory.delta"][np.searchsorted(learnt.step("memory.delta"), own + 5), replica])
    np.testing.assert_allclose(both.item(), np.mean(found), rtol=1e-12)


def test_a_phase_and_a_replica_can_be_chosen(learnt: Any, analysed: Any) -> None:
    every = {"types": [0], "at": [5.0], "trials": 1000}
    for phase in ("training", 0):
        assert analysed(learnt, "responses", phase=phase, **every)["delta"] > 0.01
    test = analysed(learnt, "responses", phase="test", replica=1, **every)
    assert abs(test["delta"]) < 1e-6
    assert analysed(learnt, "responses", phase="test")["type"].tolist() == ["A+", "omission"]


def test_rewards_at_different_times_have_a_slope(opened: Callable[..., Any], analysed: Any) -> None:
    events = [
        {"stimulus": "A", "at": 1.0},
        {"outcome": "US", "at": {"choice": [3.0, 4.0, 6.0], "p": [0.3, 0.3, 0.4]}},
    ]
    tables = conditioning(types=[{"name": "A", "events": events}], phases=[{"trials": 120}])
    tables["memory"] |= {"alpha_plus": 1e-15, "alpha_minus": 1e-15}
    result = analysed(opened(tables), "responses", trials=120)

    np.testing.assert_array_equal(result["reward_time"], [3, 4, 6])
    np.testing.assert_allclose(result["delta_at_reward"], 1, rtol=1e-12)
    assert abs(result["slope"]) < 1e-12

    tables["memory"] |= {"alpha_plus": 0.2, "alpha_minus": 0.2}
    result = analysed(opened(tables), "responses", trials=60)
    # The compound tells time since the cue, not that reward has come: 1 - p is left of each.
    np.testing.assert_allclose(result["delta_at_reward"], [0.7, 0.7, 0.6], atol=0.1)
    assert -0.06 < result["slope"] < 0


def test_a_sweep_asks_for_the_point_that_is_meant(opened: Callable[..., Any], analysed: Any) -> None:
    run = opened(conditioning() | {"sweep": {"memory.rate": [0.0, 1.0]}})
    settings = {"types": ["A+"], "at": [5.0]}

    with pytest.raises(EngramError, match="has 2 sweep points; choose one, such as -o point=0"):
        analysed(run, "responses", **settings)
    assert analysed(run, "responses", point=0, **settings)["delta"] == 1
    assert abs(analysed(run, "responses", point=1, **settings)["delta"]) < 1e-6


def test_each_group_has_phases_of_its_own(opened: Callable[..., Any], analysed: Any) -> None:
    design = {"design": ["5A(US)/5A", "8B/2A(US)"], "outcome_at": 3.0}
    tables = conditioning() | {"task": {"use": "conditioning", "trial": 4.0, **design}}
    run = opened(tables | {"run": {"trials": 10}, "sweep": {"task.group": [0, 1]}})

    found = [
        analysed(run, "responses", point=group, phase=phase)["type"].tolist()
        for group in (0, 1)
        for phase in (0, 1)
    ]
    assert found == [["A(US)"], ["A"], ["B"], ["A(US)"]]


def test_a_phase_of_one_group_alone_is_found_by_its_name(opened: Callable[..., Any], analysed: Any) -> None:
    phases = [
        {"name": "paired", "trials": 4, "groups": [0], "mix": {"A+": 1.0}},
        {"name": "alone", "trials": 4, "groups": [1], "mix": {"B-": 1.0}},
    ]
    run = opened(conditioning(phases=phases) | {"run": {"trials": 4}, "sweep": {"task.group": [0, 1]}})

    assert analysed(run, "responses", point=1, phase="alone")["type"].tolist() == ["B-"]
    with pytest.raises(EngramError, match="phase: 'paired' is no phase of group 1; known: alone"):
        analysed(run, "responses", point=1, phase="paired")


def test_without_names_of_types_codes_do(learnt: Any, analysed: Any) -> None:
    by_code = analysed(learnt, "responses", types=[2, 0], at=[5.0])
    by_name = analysed(learnt, "responses", types=["A+", "omission"], at=[5.0])
    np.testing.assert_array_equal(by_code["delta"], by_name["delta"])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"types": ["C"]}, "types: 'C' is no type of trial; known: A+, B-, omission"),
        ({"types": [9]}, "no trial of this kind is complete"),
        ({"phase": "rest"}, "phase: 'rest' is no phase of group 0; known: training, test"),
        ({"at": [9.0]}, "has no row of memory.value at 9 s of a trial; recorded are 0 to 8 s"),
        ({"replica": 2}, "replica: is 2, but the last is 1"),
        ({"point": 1}, "point: is 1, but the last is 0"),
    ],
)
def test_what_is_not_there_is_one_line(learnt: Any, analysed: Any, settings: Any, text: str) -> None:
    with pytest.raises(EngramError, match="^" + text.replace("+", r"\+")):
        analysed(learnt, "responses", **settings)
