"""The shipped recipes find what they expect, small ones in a moment and full ones in CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import pytest
from click.testing import CliRunner

import engram
import engram_reinforce
from engram_cli.main import cli
from engram_reinforce.course import Span
from engram_reinforce.mean_action import mean_action
from engram_reinforce.success import reach_success

RECIPES = sorted(Path(path).stem for path in engram_reinforce.register_recipes())
SMALL = {
    "reinforce-bandit": (
        "run.steps=8000", "analysis.mean-action.trials=40", "analysis.frozen.trials=40",
    ),
    "reinforce-reach": (
        "run.steps=1200", "analysis.reach-success.trials=50", "analysis.frozen.trials=50",
    ),
}  # fmt: skip


def reproduced(folder: Path, name: str, *overrides: str) -> tuple[int, dict[str, float]]:
    """Exit code of `engram reproduce`, and what it found by result."""
    options = [word for override in overrides for word in ("-o", override)]
    done = CliRunner().invoke(cli, ["reproduce", name, *options, "--out", str(folder / "run.h5"), "--json"])
    assert done.exit_code in (0, 1), done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return done.exit_code, {item["key"]: item["ours"] for item in found}


def test_all_recipes_are_here() -> None:
    assert RECIPES == ["reinforce-bandit", "reinforce-reach"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_small_run_finds_what_is_expected(tmp_path: Path, name: str) -> None:
    code, found = reproduced(tmp_path, name, *SMALL[name])
    assert code == 0, found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", RECIPES)
def test_a_full_run_finds_what_is_expected(tmp_path: Path, name: str, seed: int) -> None:
    code, found = reproduced(tmp_path, name, f"run.seed={seed}")
    assert code == 0, found


def test_the_bandit_is_not_learnt_where_a_reward_meets_the_next_sample(tmp_path: Path) -> None:
    overrides = (
        *SMALL["reinforce-bandit"], 'memory.synapse.semantics="ngclearn-3.2"', "memory.synapse.w_max=10.0",
        "sweep.memory.synapse.eta=[0.0, 0.625]",
    )  # fmt: skip
    code, found = reproduced(tmp_path, "reinforce-bandit", *overrides)
    assert code == 1
    assert found["mean-action.action.max"] - found["mean-action.action.min"] > 0.1


@pytest.fixture(scope="module")
def bandit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bandit")
    overrides = ("run.steps=40", "task.pulls=9", "run.batch=3")
    (path,) = engram.run("reinforce-bandit", overrides=overrides, out=folder / "run.h5")
    return path


def test_the_mean_action_is_that_of_the_pulls_of_the_last_trials(bandit: Path) -> None:
    with engram.open(bandit) as run:
        found = mean_action.compute(run, Span(trials=2))
        pulled = run["memory.action"][:, :, 0].reshape(4, 10, 2, 3)[:, :9]
    assert found["course"].shape == (4, 2, 3)
    assert found["point"].tolist() == ["eta = 0.0", "eta = 0.00625"]
    np.testing.assert_allclose(found["action"], pulled[-2:, :, 1].mean(axis=(0, 1)), rtol=1e-6)


def test_the_success_is_the_share_of_trials_that_end_at_the_target(tmp_path: Path) -> None:
    (path,) = engram.run("reinforce-reach", overrides=("run.steps=400", "run.batch=3"), out=tmp_path / "r.h5")
    with engram.open(path) as run:
        found = reach_success.compute(run, Span(trials=20))
        end, reached = run["task.end"][:, 3:], run["task.reached"][:, 3:]
    trials = len(found["course"])
    wanted = [np.mean(reached[end[:, r], r][trials - 20 : trials]) for r in range(3)]
    np.testing.assert_allclose(found["share"], wanted)
    np.testing.assert_allclose(found["gain"], found["share"] - found["course"][-20:, 0].mean(axis=0))


@pytest.mark.parametrize(
    ("span", "said"),
    [(Span(trials=5), "all replicas ended 4 only"), (Span(trials=1, point=2), "there are 2 sweep points")],
)
def test_trials_and_points_that_the_run_lacks_are_refused(bandit: Path, span: Span, said: str) -> None:
    with engram.open(bandit) as run, pytest.raises(engram.EngramError, match=said):
        mean_action.compute(run, span)


@pytest.mark.parametrize(
    ("override", "said"), [("record.every=2", "record every step"), ("run.steps=50", "no trial was ended")]
)
def test_a_run_without_whole_trials_is_refused(tmp_path: Path, override: str, said: str) -> None:
    overrides = ("run.steps=300", "run.batch=2", override)
    (path,) = engram.run("reinforce-bandit", overrides=overrides, out=tmp_path / "run.h5")
    with engram.open(path) as run, pytest.raises(engram.EngramError, match=said):
        mean_action.compute(run)


@pytest.mark.parametrize("analysis", [mean_action, reach_success])
def test_a_picture_has_a_line_for_each_point(analysis: engram.Analysis) -> None:
    figure = matplotlib.figure.Figure()
    assert analysis.picture is not None
    course = np.random.default_rng(1).random((5, 2, 3))
    analysis.picture({"course": course, "point": np.array(["one", "other"])}, figure)
    assert [line.get_label() for line in figure.axes[0].lines] == ["one", "other"]
    assert figure.axes[0].get_ylabel()
