"""Analyses of runs of the arenas: numbers and pictures."""

import numpy as np
import pytest

import engram
import engram_hdf5
import engram_larva
from engram import Array
from engram.plugins import Registry
from engram_larva import contact_time, learning_curve, preference_index, trajectories
from engram_larva.odor import Odor
from engram_larva.preference import nearness, sides
from engram_larva.protocol import interval


@engram.state
class Held:
    gain: Array = engram.array("stimulus", doc="gain", record=True)


@engram.parameters
class HeldGain(engram.Memory):
    """A memory that never changes its gain."""

    name = "held-gain"
    value: float = engram.param(default=150.0, doc="gain")

    def init(self, ctx):
        return Held(gain=ctx.zeros(*ctx.observation.shape) + self.value)

    def step(self, state, signal):
        return state.gain


class Plugin:
    @engram.hookimpl
    def register_memories(self):
        return [HeldGain]


@pytest.fixture(scope="module")
def registry():
    found = Registry(discover=False)
    found.register(engram_larva, "larva")
    found.register(Plugin(), "held")
    return found


def odor_run(folder, registry, sweep, odors=2, changes=None):
    sources = [{"name": "CS", "x": -0.04, "food": True}, {"name": "UCS", "x": 0.04}][:odors]
    recipe = {
        "run": {"steps": 1200, "dt": 0.1, "batch": 20, "seed": 2},
        "task": {
            "use": "odor-arena",
            "odors": sources,
            "train_trials": 2,
            "trial_dur": 10.0,
            "test_dur": 100.0,
        },
        "memory": {"use": "held-gain"},
        "record": {"every": 10, "variables": ["task.position", "memory.gain"]},
        "sweep": sweep,
    }
    for table, values in (changes or {}).items():
        recipe[table].update(values)
    (file,) = engram.run(recipe, out=folder / "run.h5", plugins=registry)
    return engram_hdf5.open(file)


def figure_of(analysis, result):
    """Return the drawn figure, laid out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    analysis.picture(result, figure)
    FigureCanvasAgg(figure).draw()
    return figure


def drawn(analysis, result):
    """Return the pixels of a picture."""
    return np.asarray(figure_of(analysis, result).canvas.buffer_rgba())[..., :3]


def test_sides_and_nearness():
    cs, ucs = Odor(name="CS", x=-0.04), Odor(name="UCS", x=0.04)
    np.testing.assert_array_equal(sides(np.array([-0.03, -0.011, 0.0, 0.02]), 0.1, cs), [1, 1, 0, -1])
    np.testing.assert_array_equal(sides(np.array([-0.03, 0.02]), 0.1, ucs), [-1, 1])
    places = np.array([[-0.04, 0.0], [0.0, 0.03], [0.04, 0.0]])
    np.testing.assert_allclose(nearness(places, [cs, ucs]), [1, 0, -1], atol=1e-12)
    np.testing.assert_allclose(nearness(places, [cs]), [1, 0, -1], atol=1e-12)
    low, high = interval(np.array([0.0, 1.0] * 50))
    assert low < 0.5 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.05, rel=0.01)


def test_trained_larvae_against_naive_twins(tmp_path, registry):
    with odor_run(tmp_path, registry, {"task.trained": [True, False]}, odors=1) as run:
        result = preference_index.compute(run)
        assert result["pi"].shape == (120, 2)
        assert result["side"].shape == (2, 20)
        assert list(result["point"]) == ["trained=True", "trained=False"]
        assert result["mean"] == result["final"][0] > 0.3
        assert result["control"] == result["final"][1]
        assert result["difference"] == pytest.approx(result["mean"] - result["control"])
        assert result["difference_low"] < result["difference"] < result["difference_high"]
        assert result["pi2"][0] > result["pi2"][1]
        assert result["test_start"] == pytest.approx(20.0)
        for analysis in (preference_index, trajectories, learning_curve):
            assert drawn(analysis, analysis.compute(run)).std() > 10


@pytest.mark.parametrize("odors", [1, 2])
def test_a_run_without_sweep(tmp_path, registry, odors):
    with odor_run(tmp_path, registry, {}, odors) as run:
        result = preference_index.compute(run)
        assert result["final"].shape == (1,)
        assert result["mean"] == result["final"][0]
        assert np.isnan(result["difference"])
        curve = learning_curve.compute(run)
        np.testing.assert_array_equal(curve["trial"], [1, 2, 3])
        assert (curve["mean"] == 150).all()
        assert not curve["spread"].any()
        assert list(curve["stimulus"]) == ["CS", "UCS"][:odors]
        paths = trajectories.compute(run)
        assert paths["path"].shape == (100, 1, 12, 2)
        for analysis in (preference_index, trajectories, learning_curve):
            assert drawn(analysis, analysis.compute(run)).std() > 10


def test_no_line_joins_the_end_of_a_trial_with_the_start_of_the_next(tmp_path, registry):
    with odor_run(
        tmp_path, registry, {}, changes={"task": {"test_dur": 40.0}, "run": {"steps": 1100}}
    ) as run:
        result = trajectories.compute(run)
        assert set(result["trial"]) == {3, 4, 5}
        (axes,) = figure_of(trajectories, result).axes
        lines = [line.get_xydata() for line in axes.lines if line.get_linestyle() != "None"]
        assert len(lines) == 3 * 12
        assert max(np.linalg.norm(np.diff(line, axis=0), axis=1).max() for line in lines) < 3  # mm in 1 s


def test_a_run_that_ends_before_the_test_shows_none(tmp_path, registry):
    with odor_run(tmp_path, registry, {}, changes={"run": {"steps": 150}}) as run:
        result = preference_index.compute(run)
        assert np.isnan(result["test_start"])
        labels = figure_of(preference_index, result).axes[0].get_legend_handles_labels()[1]
        assert labels == ["PI"]


@pytest.mark.parametrize("analysis", [preference_index, trajectories, learning_curve])
def test_texts_of_many_sweep_points_do_not_cover_each_other(tmp_path, registry, analysis):
    sweep = {"task.trained": [False, True], "task.innate_gain": [0.0, 50.0, 100.0], "task.decay": [0.1, 0.2]}
    with odor_run(tmp_path, registry, sweep, changes={"run": {"steps": 300, "batch": 2}}) as run:
        figure = figure_of(analysis, analysis.compute(run))
    texts = [axes.title for axes in figure.axes]
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    boxes = [text.get_window_extent() for text in texts if text.get_visible() and text.get_text()]
    assert len(boxes) >= 12
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])
    inside = figure.axes[0].get_legend()
    assert inside is None or len(inside.get_texts()) <= 4


def test_paths_of_touch(tmp_path, registry):
    recipe = {
        "run": {"steps": 300, "dt": 0.1, "batch": 4, "seed": 1},
        "task": {"use": "touch-arena", "arena": {"shape": "rectangle", "width": 0.06}, "train_trials": 1},
        "memory": {"use": "held-gain"},
        "record": {"variables": ["task.position", "task.contact", "task.touched", "memory.gain"]},
    }
    (file,) = engram.run(recipe, out=tmp_path / "touch.h5", plugins=registry)
    with engram_hdf5.open(file) as run:
        result = trajectories.compute(run)
        assert list(result["name"]) == ["patch"]
        assert not result["dish"]
        assert drawn(trajectories, result).std() > 10
        assert (np.diff(run["task.touched"], axis=0) >= -1e-6).all()
        contact = contact_time.compute(run)
        share = run["task.contact"][1:, :, 0].mean()
        np.testing.assert_allclose(contact["share"], [[share]], rtol=1e-3)
        assert drawn(contact_time, contact).std() > 10
        assert list(learning_curve.compute(run)["stimulus"]) == ["front"]
        with pytest.raises(engram.EngramError, match="has no odours"):
            preference_index.compute(run)


def test_the_share_in_contact_does_not_depend_on_how_often_rows_are_recorded(tmp_path, registry):
    task = {"use": "touch-arena", "train_trials": 2, "trial_dur": 10.0, "test_dur": 10.0}
    patch = {"patches": [{"radius": 0.02}], "start": {"width": 0.002, "height": 0.002}}
    shares = {}
    for every in (1, 50):
        recipe = {
            "run": {"steps": 300, "dt": 0.1, "batch": 3, "seed": 1},
            "task": {**task, **patch},
            "memory": {"use": "held-gain"},
            "record": {"every": every, "variables": ["task.touched", "task.position"]},
        }
        (file,) = engram.run(recipe, out=tmp_path / f"{every}.h5", plugins=registry)
        with engram_hdf5.open(file) as run:
            shares[every] = contact_time.compute(run)["share"]
    np.testing.assert_allclose(shares[1], 1, rtol=1e-5)
    np.testing.assert_allclose(shares[50], 1, rtol=1e-5)
