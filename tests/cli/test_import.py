"""`engram import`."""

import hashlib
import importlib
import json

import numpy as np
import pytest

import engram
import engram_hdf5


@pytest.fixture
def tally(tmp_path):
    """A file of the format that the counting plugin reads."""
    path = tmp_path / "sheep.txt"
    path.write_text("1\n2\n4\n")
    return path


@pytest.fixture
def altered(command, monkeypatch, tally):
    """`altered(records={...})`: what `import` answers where the importer returns something else there."""
    module = importlib.import_module("engram_counting.tally")
    right = module.read(tally)

    def ask(**tables):
        monkeypatch.setattr(module, "read", lambda path: right | tables)
        return command("import", "tally", tally)

    return ask


def test_a_file_becomes_a_run_file_that_is_valid_and_named(command, tally, tmp_path):
    done = command("import", "tally", tally)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "sheep.h5\n", "")
    assert engram_hdf5.validate(tmp_path / "sheep.h5") == []
    with engram.open(tmp_path / "sheep.h5") as run:
        np.testing.assert_array_equal(run["memory.total"], [[1], [2], [4]])
        np.testing.assert_array_equal(run.time("memory"), [0, 0.5, 1])
        np.testing.assert_array_equal(run.final("memory.total"), [4])
        assert (run.status, run.attrs["title"], len(run.trials())) == ("complete", "A tally", 0)
        assert run.final_variables() == ["memory.total"]


def test_the_file_says_where_it_comes_from_and_names_no_backend_and_no_seed(command, tally, tmp_path):
    command("import", "tally", tally)
    with engram.open(tmp_path / "sheep.h5") as run:
        said = run.provenance
        assert "seed" not in run.columns
        assert "seed" not in run.recipe["run"]
    assert said["imported_sha256"] == hashlib.sha256(tally.read_bytes()).hexdigest()
    assert (said["imported_from"], said["imported_format"]) == (str(tally), "tally")
    assert (said["backend"], said["device"], said["seed"]) == ("none", "none", -1)
    assert not {"wall_time_s", "execution"} & said.keys()


def test_inspect_shows_the_origin_in_place_of_a_seed(command, tally):
    command("import", "tally", tally)
    shown = command("inspect", "sheep.h5").stdout
    assert f"from {tally}, tally, SHA-256 {hashlib.sha256(tally.read_bytes()).hexdigest()}" in shown
    assert "seed" not in shown


def test_an_imported_run_is_not_repeated_as_if_engram_had_run_it(command, tally):
    command("import", "tally", tally)
    done = command("run", "--from", "sheep.h5")
    assert done.exit_code == 2
    assert done.stderr == ("error: sheep.h5: was imported, not run by engram; give a file that engram ran\n")


def test_a_file_is_replaced_only_where_that_is_asked_for(command, answer, tally, tmp_path):
    command("import", "tally", tally)
    before = (tmp_path / "sheep.h5").read_bytes()
    done = command("import", "tally", tally)
    assert done.exit_code == 2
    assert "sheep.h5: exists already" in done.stderr and "--force" in done.stderr
    assert (tmp_path / "sheep.h5").read_bytes() == before
    assert command("import", "tally", tally, "--force").exit_code == 0
    found = answer("import", "tally", tally, "--out", "flock.h5")
    assert found == {"schema": 1, "file": str(tally), "format": "tally", "files": ["flock.h5"]}
    assert (tmp_path / "flock.h5").exists()


def test_the_formats_are_listed(shell):
    done = shell("import")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["FORMAT", "PACKAGE"], ["tally", "engram-counting", "1.2"],
    ]  # fmt: skip
    listed = json.loads(shell("import", "--json").stdout)["formats"]
    assert listed == [{"name": "tally", "package": "engram-counting 1.2"}]


def test_the_formats_of_a_blocked_plugin_are_not_there(shell):
    done = shell("-p", "no:counting", "import")
    assert done.stdout == ""
    assert done.stderr == "no plugin imports anything; `engram plugins` lists the plugins\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tolly", "sheep.txt"], 2, "import: no format 'tolly'; known: "),
        (["tally"], 2, "give the file to read: engram import tally FILE"),
        (["tally", "absent.txt"], 2, "'absent.txt' does not exist"),
        (["tally", "wolves.txt"], 4, "wolves.txt: has what is no number; give one number a line"),
        (["tally", "sheep.txt", "--out", "absent/sheep.h5"], 2, "the folder absent does not exist"),
    ],
)
def test_a_refusal_is_one_line_and_leaves_nothing(command, tally, tmp_path, words, code, said):
    (tmp_path / "wolves.txt").write_text("one two")
    done = command("import", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert not [*tmp_path.glob("**/*.h5*")]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"more": 1}, "returns no dict of recipe, records, trials, final"),
        ({"records": {}}, "records [], but its recipe ['memory.total']"),
        ({"records": {"memory.total": [[1], [2]]}}, "memory.total is (2, 1), but by its recipe (3, 1)"),
        ({"trials": {"number": [0]}}, "trials have ['number'], not ['number', 'outcome', 'replica',"),
        ({"final": {"memory.sum": [1]}}, "its recipe has no state memory.sum"),
        ({"final": {"memory.total": [1, 2]}}, "memory.total is (2,), but by its recipe (1,)"),
    ],
)
def test_an_importer_that_contradicts_its_own_recipe_is_named(altered, tmp_path, tables, said):
    done = altered(**tables)
    assert done.exit_code == 3
    assert done.stderr.startswith(f"error: importer 'tally' of engram-counting 1.2: {said}")
    assert done.stderr.endswith("; tell its author\n") and done.stderr.count("\n") == 1
    assert not [*tmp_path.glob("*.h5*")]


def test_a_recipe_that_cannot_be_is_a_fault_of_the_file(altered):
    done = altered(
        recipe={"run": {"steps": 3}, "task": {"use": "ticking"}, "memory": {"use": "counting", "rate": 2.0}}
    )
    assert done.exit_code == 4
    assert "sheep.txt: as a recipe: memory.rate: " in done.stderr


def test_an_importer_that_fails_is_named(command, tally, monkeypatch):
    module = importlib.import_module("engram_counting.tally")
    monkeypatch.setattr(module, "read", lambda path: int("two\nlines"))
    done = command("import", "tally", tally)
    assert done.exit_code == 3
    assert done.stderr == (
        "error: importer 'tally' of engram-counting 1.2: ValueError: invalid literal for int() with base 10: 'two\\nlines'; tell its author\n"
    )


def test_what_is_no_function_is_said_to_be_none(command, tally, monkeypatch):
    monkeypatch.setattr(importlib.import_module("engram_counting.tally"), "read", "text")
    done = command("import", "tally", tally)
    assert done.exit_code == 3
    assert "engram_counting.tally:read is no function; tell its author" in done.stderr


def test_an_importer_is_imported_only_when_chosen(shell, tally):
    broken = shell.sites[0].parent / "broken_site"
    both = type(shell)((*shell.sites, broken))
    assert "ruin" in both("import").stdout
    assert both("import", "tally", tally).returncode == 0
    done = both("import", "ruin", tally, "--force")
    assert done.returncode == 3
    assert "importer 'ruin' of engram-broken 0.9: failed at import: RuntimeError: no data file" in done.stderr
