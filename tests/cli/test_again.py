"""`engram run --from FILE` repeats a run and compares."""

import json

import h5py
import pytest


@pytest.fixture
def finished(shell, tmp_path):
    done = shell("run", "count", "--steps", "30")
    assert done.returncode == 0
    return tmp_path / "count.h5"


def test_a_repeated_run_is_the_same_bit_for_bit(shell, finished, tmp_path):
    done = shell("run", "--from", finished.name, "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the same: ") and done.stdout.endswith(" arrays, bit for bit\n")
    assert [item.name for item in tmp_path.iterdir()] == ["count.h5"]


def test_an_array_that_differs_is_named(shell, finished):
    with h5py.File(finished, "r+") as file:
        group = file["recordings/memory"]
        values = next(iter(group.values()))["total"]
        values[3] = values[3] + 1
    done = shell("run", "--from", finished.name, "--json", "--quiet")
    assert done.returncode == 1
    assert json.loads(done.stdout)["different"] == ["memory.total"]
    assert done.stderr.startswith("error: count.h5: 1 of ") and "differ: memory.total" in done.stderr


def test_the_repetition_can_be_kept(shell, finished, tmp_path):
    assert shell("run", "--from", finished.name, "--out", "again.h5").returncode == 0
    assert (tmp_path / "again.h5").exists()


def test_a_broken_file_is_refused_before_anything_runs(shell, finished, tmp_path):
    with h5py.File(finished, "r+") as file:
        del file["recordings/memory/counting/step"]
    done = shell("run", "--from", finished.name, "--out", "again.h5")
    assert done.returncode == 4
    assert "count.h5: recordings/memory/counting/step: E_MISSING: the dataset is missing" in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["count.h5"]


@pytest.mark.parametrize(
    "words", [[], ["count", "--from", "count.h5"], ["--from", "count.h5", "--seed", "3"]]
)
def test_a_recipe_or_a_file_must_be_given_but_not_both(shell, finished, words):
    done = shell("run", *words)
    assert done.returncode == 2
    assert "give either RECIPE, or --from FILE" in done.stderr
