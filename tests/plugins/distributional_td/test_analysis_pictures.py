"""Values and TD errors over trials and time, and whether their pictures show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engram import EngramError
from engram_distributional_td import td_error, value_at_time, value_over_time


@pytest.fixture(scope="module")
def learnt(opened: Callable[..., Any]) -> Any:
    tau, gamma = (item.ravel() for item in np.meshgrid([0.2, 0.5, 0.8], [0.6, 0.9]))
    size = {"choice": [1.0, 3.0], "p": [0.5, 0.5]}
    events = [{"stimulus": "cue", "at": 2.0}, {"outcome": "water", "at": 5.0, "size": size}]
    return opened({
        "run": {"trials": 60},
        "task": {
            "use": "conditioning", "trial": 7.0, "trials": 60, "stimuli": [{"name": "cue"}],
            "outcomes": [{"name": "water"}], "types": [{"name": "cue", "events": events}],
        },
        "memory": {
            "use": "distributional-td", "predictors": 6, "asymmetry": tau.tolist(), "gamma": gamma.tolist(),
            "scale": 0.3, "lam": 0.9,
        },
    })  # fmt: skip


@pytest.fixture
def figure() -> Any:
    return pytest.importorskip("matplotlib.figure").Figure()


def rows(run: Any, path: str, moment: int) -> Any:
    trials = run.trials()
    return run[path][np.searchsorted(run.step(path), trials.start_step + moment), 0]


def test_values_are_those_of_the_trials_at_that_time(learnt: Any, analysed: Any) -> None:
    result = analysed(learnt, "value-at-time", time=3.0)
    np.testing.assert_allclose(result["value"], rows(learnt, "memory.value", 3))
    assert analysed(learnt, "value-at-time")["time"] == 2.0


def test_the_colour_bar_says_what_the_colours_of_lines_are(learnt: Any, analysed: Any, figure: Any) -> None:
    result = analysed(learnt, "value-at-time", by="gamma")
    assert value_at_time.picture is not None
    value_at_time.picture(result, figure)
    axes, bar = figure.axes
    scale = bar._colorbar
    for line, gamma in zip(axes.lines, result["colour"], strict=True):
        assert line.get_color() == scale.cmap(scale.norm(gamma))
    assert (scale.vmin, scale.vmax) == (pytest.approx(0.6), pytest.approx(0.9))


def test_a_parameter_that_differs_colours_where_none_is_chosen(learnt: Any, analysed: Any) -> None:
    assert analysed(learnt, "value-at-time")["by"] == "asymmetry"
    for name in ("alpha_plus", "alpha_minus", "asymmetry", "gamma", "lam"):
        assert analysed(learnt, "value-at-time", by=name)["by"] == name


def test_each_value_of_a_parameter_has_a_panel(learnt: Any, analysed: Any, figure: Any) -> None:
    result = analysed(learnt, "value-at-time", panel="gamma", by="asymmetry")
    np.testing.assert_allclose(result["level"], [0.6, 0.9])
    assert value_at_time.picture is not None
    value_at_time.picture(result, figure)
    titles = [axes.get_title() for axes in figure.axes[:2]]
    assert titles == [r"$\gamma$ = 0.6", r"$\gamma$ = 0.9"]
    assert [len(axes.lines) for axes in figure.axes[:2]] == [3, 3]


def test_the_heat_map_has_the_mean_error_of_each_panel(learnt: Any, analysed: Any) -> None:
    result = analysed(learnt, "td-error")
    np.testing.assert_allclose(result["error"][0, 0, :, 5], rows(learnt, "memory.delta", 5).mean(axis=1))

    one = analysed(learnt, "td-error", predictor=4, start=4.0, stop=6.0)
    np.testing.assert_array_equal(one["time"], [4, 5, 6])
    np.testing.assert_allclose(one["error"][0, 0, :, 1], rows(learnt, "memory.delta", 5)[:, 4])

    parts = analysed(learnt, "td-error", panel="gamma", by="asymmetry")
    assert parts["error"].shape == (2, 3, 60, 8)
    np.testing.assert_allclose(parts["error"][1, 2, :, 5], rows(learnt, "memory.delta", 5)[:, 5])


def test_trials_too_many_to_see_are_thinned(learnt: Any, analysed: Any) -> None:
    trial = analysed(learnt, "td-error", trials=4)["trial"]
    np.testing.assert_array_equal(trial, [0, 20, 39, 59])


def test_the_animation_has_a_frame_for_each_trial_that_shows_it(
    learnt: Any, analysed: Any, figure: Any
) -> None:
    result = analysed(learnt, "value-over-time", trials=5, panel="gamma")
    assert value_over_time.animation is not None
    shown = []
    for _ in value_over_time.animation(result, figure):
        top = figure.axes[0]
        shown.append((top.get_title(), top.lines[0].get_ydata()))
    assert [title.split(",")[0] for title, _ in shown] == [f"trial {trial}" for trial in result["trial"]]
    for (_, values), expected in zip(shown, result["value"], strict=True):
        np.testing.assert_array_equal(values, expected[:, np.flatnonzero(result["place"] == 0)[0]])


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("td-error", {"predictor": 9}, "predictor: 9 was not recorded"),
        ("td-error", {"start": 8.0}, "has no row from start to stop; recorded are 0 to 7 s"),
        ("value-at-time", {"predictors": 0}, "predictors: names none"),
        ("value-over-time", {"predictors": []}, "predictors: names none"),
        ("responses", {"at": []}, "at: names no time"),
        ("decoded-distribution", {"low": 5.0}, "low to high is 5 to 3; give low < high"),
        ("value-at-time", {"time": 11.0}, "has no row of memory.value at 11 s of a trial"),
    ],
)
def test_what_is_not_there_is_one_line(
    learnt: Any, analysed: Any, name: str, settings: Any, text: str
) -> None:
    with pytest.raises(EngramError, match="^" + text):
        analysed(learnt, name, **settings)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("value-at-time", "time"), ("td-error", "stop"), ("value-over-time", "start"), ("reward-time", "ahead")],
)
def test_times_that_are_not_finite_are_refused(learnt: Any, analysed: Any, name: str, setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting}: must be < inf, not inf"):
        analysed(learnt, name, **{setting: np.inf})


def test_values_that_are_not_finite_are_left_out_of_a_picture(
    learnt: Any, analysed: Any, figure: Any
) -> None:
    result = analysed(learnt, "value-over-time")
    result["value"] = np.where(result["value"] > 1, np.inf, result["value"])
    assert value_over_time.picture is not None
    value_over_time.picture(result, figure)
    assert figure.axes[0].get_ylim()[1] == pytest.approx(1.05, abs=0.06)


def test_more_panels_than_can_be_seen_are_refused(opened: Any, analysed: Any) -> None:
    run = opened({
        "run": {"trials": 3},
        "task": {
            "use": "conditioning", "trial": 2.0, "trials": 3, "stimuli": [{"name": "cue"}],
            "types": [{"name": "cue", "events": [{"stimulus": "cue", "at": 1.0}]}],
        },
        "memory": {"use": "distributional-td", "predictors": 13, "gamma": {"grid": [0.1, 0.9]}},
    })  # fmt: skip
    with pytest.raises(EngramError, match="panel: gamma has 13 values, for each a panel"):
        analysed(run, "td-error", panel="gamma")
    with pytest.raises(EngramError, match="no predictor has a value in the last trials"):
        analysed(run, "value-at-time")
    assert td_error.settings is not None
