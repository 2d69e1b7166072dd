"""The shipped recipes from the command line to the file, the protocol, the memory and the analyses."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
import engram_stdp
from engram.testing import parametrize_with_checks, play
from engram_stdp import MSTDP, MSTDPET, DrivenSynapse, SpikeProtocol, TraceSTDP

RECIPES = {path.stem: path for path in map(Path, engram_stdp.register_recipes())}
ANALYSES = {one.name: one for one in engram_stdp.register_analyses()}
GOLDEN = Path(__file__).parents[2] / "golden" / "ngclearn" / "florian_fig1.npz"


def finished(name: str, folder: Path, *overrides: str) -> Any:
    (path,) = engram.run(name, overrides=overrides, out=folder / f"{name}.h5")
    return path


@parametrize_with_checks(
    [
        SpikeProtocol(),
        SpikeProtocol(pre=((), (0.0, 0.3)), reward=((0.1, 1.0), (0.2, -1.0)), duration=0.5),
        DrivenSynapse(),
    ]
)
def test_conformance(check):
    check()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_holds(name, tmp_path):
    table = tomllib.loads(RECIPES[name].read_text())

    with engram.open(finished(name, tmp_path)) as run:
        for key, wanted in table["expect"].items():
            analysis, _, result = key.partition(".")
            one = ANALYSES[analysis]
            found = float(one.compute(run, one.settings())[result])
            assert wanted["low"] <= found <= wanted["high"], key


@pytest.mark.parametrize("name", ["mstdp", "mstdp-et"])
def test_the_whole_course_of_figure_1_is_in_the_file(name, tmp_path):
    golden = np.load(GOLDEN)

    with engram.open(finished(f"florian-2007-{name}", tmp_path)) as run:
        w = run["memory.synapse.w"][:, 0, 0, 0]

    wanted = golden[f"paper_w_{name.replace('-', '')}"]
    np.testing.assert_allclose(w[1:], wanted, rtol=1e-5, atol=2e-6)


def test_another_synapse_is_chosen_by_name(tmp_path):
    chosen = finished("florian-2007-mstdp", tmp_path, "memory.synapse.use=mstdp-et")

    with engram.open(chosen) as run:
        assert run["memory.synapse.w"].max() == pytest.approx(0.4240, abs=1e-4)


def test_rates_of_replicas_are_swept_in_one_launch(tmp_path):
    with engram.open(
        finished("florian-2007-mstdp-et", tmp_path, "sweep.memory.synapse.learning_rate=[0.0, 0.1, 0.2]")
    ) as run:
        w = run["memory.synapse.w"][-1, :, 0, 0]

    assert w[0] == np.float32(0.2)
    assert w[2] - 0.2 == pytest.approx(2 * (w[1] - 0.2), rel=1e-4)


def test_reward_comes_one_signal_after_the_spikes_that_earned_it():
    task = SpikeProtocol(
        pre=((0.002,),), post=((0.004,),), reward=((0.001, 3.0), (0.003, -1.0)), duration=0.005
    )

    trace = play(task, {"steps": 8}, dt=0.001)

    # `play` returns what follows the first signal.
    assert trace["observation"][:, 0, 0].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert trace["observation"][:, 0, 1].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert trace["reward"][:, 0].tolist() == [0, 3, 3, -1, -1, 0, 0, 0]


@pytest.mark.parametrize("kind", [TraceSTDP, MSTDP, MSTDPET])
def test_what_is_not_to_be_learnt_leaves_weights_and_eligibility(kind):
    rng, step = np.random.default_rng(0), np.arange(30)[:, None]
    seen = {
        "observation": (rng.random((30, 1, 4)) < 0.5).astype(float),
        "reward": np.ones((30, 1)),
        "learn": (step < 10) | (step >= 20),
    }
    memory = DrivenSynapse(outputs=2, synapse=kind(tau_weight=1.0))

    trace = play(memory, seen, dt=0.005)

    for name in {"synapse.w", "synapse.z"} & set(trace):
        values = trace[name]
        assert (values[10:20] == values[9]).all(), name
        assert (values[9] != values[0]).any() and (values[20] != values[9]).any(), name


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_has_a_picture(name, tmp_path):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    one = ANALYSES[name]

    with engram.open(finished("stdp-window", tmp_path)) as run:
        one.picture(one.compute(run, one.settings()), figure)

    assert figure.axes[0].get_ylabel()


@pytest.mark.parametrize(
    ("name", "overrides", "text"),
    [
        (
            "weight-over-time",
            ("record.variables=['task.reward']",),
            "memory.synapse.w was not recorded; name it in record.variables",
        ),
        ("stdp-window", ("task.pre=[[0.01, 0.02]]",), "the task gives not each unit one spike"),
    ],
)
def test_a_file_of_another_kind_is_refused(name, overrides, text, tmp_path):
    one = ANALYSES[name]
    with (
        engram.open(finished("florian-2007-mstdp", tmp_path, *overrides)) as run,
        pytest.raises(engram.EngramError, match=text),
    ):
        one.compute(run, one.settings())


def test_a_variable_that_holds_no_weights_is_refused(tmp_path):
    one = ANALYSES["weight-over-time"]
    with (
        engram.open(finished("florian-2007-mstdp", tmp_path)) as run,
        pytest.raises(engram.EngramError, match="task.reward is no matrix of weights"),
    ):
        one.compute(run, one.settings(variable="task.reward"))
