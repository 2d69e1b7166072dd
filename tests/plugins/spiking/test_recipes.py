"""The shipped recipes, short ones in a moment and full ones in CI, and the analyses of a short run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import engram
import engram_spiking
from engram.plugins import registry
from engram_cli.main import cli

pytest.importorskip("engram_stdp")
RECIPES = sorted(path.stem for path in engram_spiking.register_recipes())
RECORDED = [
    "memory.layers.hidden.fired", "memory.layers.output.fired", "memory.layers.hidden.v",
    "memory.connections.input_hidden.w", "memory.layers.output.rate",
]  # fmt: skip


def reproduced(folder: Path, name: str, *overrides: str) -> tuple[int, dict[str, float]]:
    """Exit code of `engram reproduce`, and what it found by result."""
    options = [word for override in overrides for word in ("-o", override)]
    done = CliRunner().invoke(cli, ["reproduce", name, *options, "--out", str(folder / "run.h5"), "--json"])
    assert done.exit_code in (0, 1), done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return done.exit_code, {item["key"]: item["ours"] for item in found}


def test_every_experiment_of_the_literature_is_here() -> None:
    assert RECIPES == [
        "florian-2007-rate",
        "florian-2007-rate-mstdp",
        "florian-2007-temporal",
        "izhikevich-2007",
        "t-maze",
        "t-maze-random",
    ]


def test_moves_at_random_reach_the_goal_as_often_as_is_expected(tmp_path: Path) -> None:
    code, found = reproduced(tmp_path, "t-maze-random")
    assert code == 0, found


@pytest.mark.slow
def test_rate_coded_exclusive_or_is_learnt_by_most_and_by_no_frozen_twin_after_a_fifth_of_the_time(
    tmp_path: Path,
) -> None:
    _, found = reproduced(
        tmp_path, "florian-2007-rate", "run.steps=80000", "task.epochs=40", "task.probes=0", "run.batch=8"
    )  # fmt: skip
    assert found["rate-by-pattern.learnt"] >= 0.75, found
    assert found["rate-by-pattern.frozen"] <= 0.125, found
    assert found["rate-by-pattern.better"] >= 0.8, found


@pytest.mark.slow
def test_the_rat_reaches_its_goal_twice_as_often_as_at_random_after_a_third_of_the_time(
    tmp_path: Path,
) -> None:
    _, found = reproduced(tmp_path, "t-maze", "run.steps=181800", "task.episodes=60", "run.batch=4")
    assert found["maze-goals.mean"] >= 0.8, found
    assert found["maze-goals.complete"] == 1, found


@pytest.mark.slow
def test_a_distal_reward_raises_the_chosen_weight_above_the_yoked_one_after_a_quarter_of_the_time(
    tmp_path: Path,
) -> None:
    reproduced(tmp_path, "izhikevich-2007", "run.steps=1000001", "run.batch=4")
    with engram.open(tmp_path / "run.h5") as opened:
        found = computed(opened, "chosen-weight")

    chosen, yoked, bulk = (found[name][-1].mean() for name in ("chosen", "yoked", "bulk"))
    assert chosen > 3 * bulk, found
    assert chosen > 2 * yoked, found


def test_temporal_exclusive_or_is_better_than_its_frozen_twin_after_a_tenth_of_the_time(
    tmp_path: Path,
) -> None:
    _, found = reproduced(
        tmp_path, "florian-2007-temporal", "run.steps=40000", "task.epochs=20", "task.probes=0", "run.batch=16"
    )  # fmt: skip
    assert found["rate-by-pattern.better"] >= 0.8, found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two epochs of the temporal task, the second a probe."""
    out = tmp_path_factory.mktemp("spiking") / "run.h5"
    changes = ["run.steps=4000", "run.batch=2", "task.epochs=1", "task.probes=1", "record.every=10"]
    (path,) = engram.run(
        "florian-2007-temporal", overrides=[*changes, f"record.variables={RECORDED}"], out=out
    )
    with engram.open(path) as opened:
        yield opened


def computed(run: Any, name: str, **settings: Any) -> Any:
    analysis = registry().find("analysis", name)
    return (
        analysis.compute(run, analysis.settings(**settings)) if analysis.settings else analysis.compute(run)
    )


def test_the_rate_of_a_pattern_is_that_of_the_spikes_in_its_trial(run: Any) -> None:
    events, trials = run.tables()["events"], run.tables()["trials"]
    spikes = {name: events.read(name) for name in ("replica", "source", "step")}
    output = spikes["source"] == spikes["source"].max()
    rates = engram_spiking.rate_by_pattern.compute(run)["rate"]

    for epoch in range(2):
        for pattern in range(4):
            row = (trials.read("outcome") == pattern) & (trials.read("number") // 4 == epoch)
            starts = dict(
                zip(
                    trials.read("replica")[row].tolist(), trials.read("start_step")[row].tolist(), strict=True
                )
            )
            fired = sum(
                (
                    output
                    & (spikes["replica"] == one)
                    & (spikes["step"] >= starts[one])
                    & (spikes["step"] < starts[one] + 499)
                ).sum()
                for one in (0, 1)
            )
            assert rates[epoch, pattern] == pytest.approx(fired / 2 / 0.499)


def test_a_frozen_twin_keeps_its_weights_and_both_do_in_the_probe(run: Any) -> None:
    w, step = run["memory.connections.input_hidden.w"], run.step("memory.connections.input_hidden.w")
    probe = w[step > 2000]

    assert (w[:, 2:] == w[0, 2:]).all()
    assert (probe == probe[0]).all()
    assert not (w[-1, :2] == w[0, :2]).all()


def test_the_raster_holds_the_spikes_of_one_replica_within_its_window(run: Any) -> None:
    events = run.tables()["events"]
    inside = (events.read("replica") == 1) & (events.read("time") >= 0.5) & (events.read("time") < 1.5)

    found = computed(run, "raster", replica=1, start=0.5, length=1.0)

    assert len(found["time"]) == inside.sum() > 0
    assert found["layers"].tolist() == ["hidden", "output"]
    assert found["unit"][found["layer"] == 1].max() == 0


def test_the_histogram_holds_all_weights_of_a_point(run: Any) -> None:
    found = computed(run, "weight-histogram", bins=10)

    np.testing.assert_allclose(found["share"].sum(axis=1), 1.0)
    np.testing.assert_allclose(
        found["mean"], run["memory.connections.input_hidden.w"][:, :2].mean(axis=(1, 2, 3)), rtol=1e-5
    )


def test_the_membrane_is_that_of_the_cells_asked_for(run: Any) -> None:
    found = computed(run, "membrane", units=(3, 7), replica=1, length=0.5)

    np.testing.assert_array_equal(found["v"], run["memory.layers.hidden.v"][:50, 1, [3, 7]])
    assert found["unit"].tolist() == [3, 7]


def test_the_weight_matrix_is_that_of_the_end_of_the_run(run: Any) -> None:
    found = computed(run, "weight-matrix", connection="hidden_output", replica=1)

    np.testing.assert_array_equal(found["w"], run.final("memory.connections.hidden_output.w")[1])
    assert found["z"].shape == found["w"].shape == (20, 1)


def test_an_eligibility_over_its_scale_is_drawn_as_what_it_is(tmp_path: Path) -> None:
    found = {}
    for evaluation in ("dense", "event-driven"):
        changes = ["run.steps=1200", "run.batch=2", "task.epochs=1", "task.probes=0", "record.variables=[]"]
        changes += [f"memory.connections.hidden_output.evaluation={evaluation!r}"]
        (path,) = engram.run("florian-2007-temporal", overrides=changes, out=tmp_path / f"{evaluation}.h5")
        with engram.open(path) as opened:
            found[evaluation] = computed(opened, "weight-matrix", connection="hidden_output", replica=1)["z"]

    assert np.abs(found["dense"]).max() > 0
    np.testing.assert_allclose(found["event-driven"], found["dense"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["rate-by-pattern", "raster", "membrane", "weight-histogram", "weight-matrix"]
)
def test_every_analysis_draws(run: Any, name: str) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()

    registry().find("analysis", name).picture(computed(run, name), figure)

    assert figure.axes


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "raster",
            {"layers": ("input",)},
            r"layers: no spikes of 'input' were recorded; known: hidden, output",
        ),
        ("membrane", {"layer": "output"}, r"layer: potentials recorded of: hidden; add theirs"),
        ("membrane", {"units": (20,)}, r"has 4 replicas and 20 cells; choose"),
        ("membrane", {"start": 99.0}, r"start: nothing was recorded then"),
        (
            "weight-histogram",
            {"connection": "hidden_output"},
            r"connection: weights recorded of: input_hidden; add",
        ),
        (
            "weight-matrix",
            {"connection": "x"},
            r"connection: the final state has weights of: hidden_output, input_hidden; set|connection: the final state has weights of: input_hidden, hidden_output; set",
        ),
        ("weight-matrix", {"replica": 4}, r"replica: is 4, but the last is 3"),
    ],
)
def test_what_was_not_recorded_is_said_in_one_line(run: Any, name: str, settings: Any, message: str) -> None:
    with pytest.raises(engram.EngramError, match=message):
        computed(run, name, **settings)


def test_goals_are_counted_over_the_last_episodes_of_each_replica(tmp_path: Path) -> None:
    changes = ["run.steps=700", "run.batch=3", "task.duration=0.004", "task.episodes=5", "task.longest=20"]
    (path,) = engram.run("t-maze", overrides=[*changes, "run.dt=0.001"], out=tmp_path / "run.h5")
    with engram.open(path) as opened:
        result, found = opened.final("task.result"), computed(opened, "maze-goals", last=2, width=1)

    ended = [own[own >= 0][-2:].mean() for own in result]
    np.testing.assert_allclose(found["reached"], ended)
    assert found["least"] == min(ended)
    assert found["complete"] == (result >= 0).all(axis=1).mean()


def test_a_run_without_episodes_has_no_goals(run: Any) -> None:
    with pytest.raises(engram.EngramError, match=r"the final state holds no results of episodes; use t-maze"):
        computed(run, "maze-goals")
