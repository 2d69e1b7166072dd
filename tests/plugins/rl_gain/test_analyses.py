"""The table of values: from a run file to a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
import engram_rl_gain
from engram import Array, Context, Signal, Spec
from engram.plugins import Registry


@engram.state
class FeederState:
    taken: Array = engram.array(doc="steps taken", unit="step", dtype="int32")
    ctx: Context = engram.fixed()


@engram.parameters
class Feeder(engram.Task):
    """Feeds where the gain of the first odour is positive."""

    name = "feeder"
    observation = Spec(shape=(2,), axes=("stimulus",), labels=("CS", "US"))
    action = Spec(shape=(2,), axes=("stimulus",), labels=("CS", "US"))

    def init(self, ctx: Context) -> FeederState:
        return ctx.state(FeederState, ctx=ctx)

    def reset(self, state: FeederState) -> Signal:
        return state.ctx.signal(state.ctx.zeros(2))

    def step(self, state: FeederState, action: Array) -> Signal:
        return state.ctx.signal(state.ctx.zeros(2), (action[:, 0] > 0).astype(state.ctx.dtype))


class FeederPlugin:
    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Feeder]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Any:
    plugins = Registry(discover=False)
    plugins.register(FeederPlugin(), "feeder")
    plugins.register(engram_rl_gain, "rl-gain")
    tables = {
        "run": {"steps": 400, "dt": 0.1, "batch": 5, "seed": 3},
        "task": {"use": "feeder"},
        "memory": {
            "use": "rl-gain",
            "update_dt": 0.01,
            "state_space_per_side": 1,
            "gain_space": [-50.0, 50.0],
        },
        "sweep": {"memory.alpha": [0.0, 0.3]},
    }
    [path] = engram.run(tables, out=Path(tmp_path_factory.mktemp("run")) / "q.h5", plugins=plugins)
    with engram.open(path) as run:
        return engram_rl_gain.analyses.compute(run), run.final("memory.q")


def test_values_are_means_over_the_replicas_of_each_point(result: Any) -> None:
    found, q = result
    np.testing.assert_array_equal(found["q"], [q[:5].mean(axis=0), q[5:].mean(axis=0)])
    np.testing.assert_array_equal(found["sd"], [q[:5].std(axis=0), q[5:].std(axis=0)])
    assert not found["q"][0].any()
    assert found["point"].tolist() == ["alpha = 0.0", "alpha = 0.3"]


def test_the_rewarded_gains_have_the_highest_values(result: Any) -> None:
    found, _ = result
    no_change = found["bins"].tolist().index([0, 0])
    values = found["q"][1, no_change]
    assert values[found["gains"][:, 0] > 0].min() > values[found["gains"][:, 0] < 0].max()


def test_the_picture_has_a_panel_a_point_and_names_states_and_actions(result: Any) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure()
    engram_rl_gain.analyses.picture(result[0], figure)
    panels = [axes for axes in figure.axes if axes.get_xlabel() == "gain"]
    assert [axes.get_title() for axes in panels] == ["alpha = 0.0", "alpha = 0.3"]
    assert [label.get_text() for label in panels[0].get_xticklabels()] == [
        "-50, -50",
        "-50, 50",
        "50, -50",
        "50, 50",
    ]
    assert panels[0].get_yticklabels()[4].get_text() == "0, 0"


def test_the_titles_of_many_panels_do_not_cover_each_other(result: Any) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = figures.Figure(layout="constrained")
    names = [f"trained = True, alpha = {index / 10}, gamma = 0.6" for index in range(11)]
    q = np.repeat(result[0]["q"][:1], 11, axis=0)
    engram_rl_gain.analyses.picture({**result[0], "q": q, "point": np.array(names)}, figure)
    FigureCanvasAgg(figure).draw()
    panels = figure.axes[:11]
    boxes = [axes.title.get_window_extent() for axes in panels]
    assert not any(box.overlaps(other) for index, box in enumerate(boxes) for other in boxes[:index])
    assert [axes.get_xlabel() for axes in panels] == [""] * 7 + ["gain"] * 4
