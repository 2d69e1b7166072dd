"""The shipped recipes find what the literature reports, small ones in a moment and full ones in CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import engram_distributional_td
from engram_cli.main import cli

RECIPES = sorted(Path(path).stem for path in engram_distributional_td.register_recipes())
SMALL = {
    "dabney-2020": ("run.trials=30000", "record.every_trial=3"),
    "masset-2025": ("run.trials=300",),
    "starkweather-2017-1": ("run.steps=120000", "analysis.responses.trials=1000"),
    "starkweather-2017-2": ("run.steps=120000", "analysis.responses.trials=1000"),
    "conditioned-inhibition": ("run.batch=4",),
}
pytest.importorskip("engram_conditioning")


def reproduced(folder: Path, name: str, *overrides: str) -> tuple[int, dict[str, float]]:
    """Exit code of `engram reproduce`, and what it found by result."""
    options = [word for override in overrides for word in ("-o", override)]
    out = ["--out", str(folder / "run.h5"), "--json"]
    done = CliRunner().invoke(cli, ["reproduce", name, *options, *out])
    assert done.exit_code in (0, 1), done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return done.exit_code, {item["key"]: item["ours"] for item in found}


def test_every_experiment_of_the_literature_is_here() -> None:
    assert RECIPES == [
        "blocking",
        "conditioned-inhibition",
        "dabney-2020",
        "masset-2025",
        "overshadowing",
        "schultz-1997",
        "starkweather-2017-1",
        "starkweather-2017-2",
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_a_small_run_finds_what_is_expected(tmp_path: Path, name: str) -> None:
    code, found = reproduced(tmp_path, name, *SMALL.get(name, ()))
    assert code == 0, found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_a_full_run_finds_what_is_expected(tmp_path: Path, name: str, seed: int) -> None:
    code, found = reproduced(tmp_path, name, f"run.seed={seed}")
    assert code == 0, found


def test_without_beliefs_the_error_at_an_uncertain_reward_does_not_rise(tmp_path: Path) -> None:
    overrides = (*SMALL["starkweather-2017-2"], 'task.features="serial-compound"')
    code, found = reproduced(tmp_path, "starkweather-2017-2", *overrides)
    assert code == 1
    assert found["responses.slope"] < 0


def test_symmetric_predictors_all_settle_on_the_mean(tmp_path: Path) -> None:
    overrides = (*SMALL["dabney-2020"], "memory.asymmetry=0.5")
    code, found = reproduced(tmp_path, "dabney-2020", *overrides)
    assert code == 1
    assert found["decoded-distribution.wasserstein"] > 1.0
