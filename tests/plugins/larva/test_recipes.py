"""The shipped recipes resolve, run and learn."""

from pathlib import Path

import pytest

import engram
import engram_hdf5
import engram_larva
from engram.plugins import Registry

RECIPES = sorted(Path(path).stem for path in engram_larva.register_recipes())


@pytest.fixture(scope="module")
def registry():
    rl_gain = pytest.importorskip("engram_rl_gain")
    found = Registry(discover=False)
    found.register(engram_larva, "larva")
    found.register(rl_gain, "rl-gain")
    return found


def results(registry, name, folder, *overrides):
    """Return what the analyses that `[expect]` names give."""
    recipe = engram.resolve(name, overrides, registry)
    (file,) = engram.run(recipe, out=folder / "run.h5", plugins=registry)
    names = {key.partition(".")[0] for key in recipe.expect}
    with engram_hdf5.open(file) as run:
        return recipe, {name: registry.find("analysis", name).compute(run) for name in names}


def test_all_recipes_are_here():
    assert RECIPES == ["odor-preference", "touch-exploration", "two-odors"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_resolves_and_fills_its_run(registry, name):
    recipe = engram.resolve(name, (), registry)
    assert recipe.title
    assert recipe.expect
    task, dt = recipe.task, recipe.run.dt
    assert recipe.run.steps == (task.train_trials * task.trial_dur + task.test_dur) / dt
    assert 60 * recipe.memory.update_dt == task.trial_dur
    assert 60 * recipe.memory.train_dur >= task.train_trials * task.trial_dur


def test_larvae_learn_in_a_short_run(registry, tmp_path):
    overrides = ("task.train_trials=12", "run.steps=8400", "task.test_dur=120.0", "run.batch=48")
    _, found = results(registry, "odor-preference", tmp_path, *overrides)
    result = found["preference-index"]
    print({key: float(result[key]) for key in ("mean", "control", "difference", "difference_low")})
    assert result["difference"] > 0.3
    assert result["difference_low"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_holds_what_it_expects(registry, tmp_path, name, seed):
    recipe, found = results(registry, name, tmp_path, f"run.seed={seed}")
    for key, expected in recipe.expect.items():
        analysis, _, result = key.partition(".")
        value = float(found[analysis][result])
        print(name, seed, key, round(value, 3))
        assert expected.low is None or value >= expected.low
        assert expected.high is None or value <= expected.high
