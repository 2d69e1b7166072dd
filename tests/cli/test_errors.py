"""Each mistake is one line saying place, what and remedy, and an exit code."""

import pytest

import engram
from engram_cli import failure

RECIPE = '[run]\nsteps = 5\n[task]\nuse = "ticking"\n[memory]\nuse = "counting"\n'


@pytest.fixture
def fails(command):
    """The lines of a command that must fail with an exit code."""

    def run(code, *arguments):
        done = command(*arguments)
        assert done.exit_code == code, done.output
        assert done.stdout == ""
        return [line for line in done.stderr.splitlines() if line.startswith(("error: ", "note: "))]

    return run


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("memory.rte=1", "memory.rte: unknown parameter; did you mean 'rate'?"),
        ("memory.places=2.5", "memory.places: must be an integer, not 2.5"),
        ('memory.rate="4"', "memory.rate: must be a number, not '4'"),
        ("memory.rate=2", "memory.rate: must be <= 1, not 2"),
        ("memory.rate=nan", "memory.rate: must be a number, not nan"),
        ("memory.mode=even", "memory.mode: must be one of 'plain', 'odd', not 'even'"),
        ("run.batch=0", "run.batch: must be >= 1, not 0"),
        ("run.backend=gpu", "run.backend: must be one of 'auto', 'numpy', 'numba', 'cupy', not 'gpu'"),
        ("memory.use=conting", "memory.use: no memory named 'conting'; did you mean 'counting'?"),
        ("tusk.use=ticking", "tusk: unknown table; did you mean 'task'?"),
    ],
)
def test_a_mistake_in_a_recipe_is_named(fails, tmp_path, override, line):
    (tmp_path / "mine.toml").write_text(RECIPE)
    assert fails(2, "run", "mine.toml", "-o", override) == [f"error: mine.toml: {line}"]
    assert not list(tmp_path.glob("*.h5*"))


def test_nan_written_in_the_recipe_is_refused(fails, tmp_path):
    (tmp_path / "mine.toml").write_text(f"{RECIPE}rate = nan\n")
    assert fails(2, "run", "mine.toml") == ["error: mine.toml: memory.rate: must be a number, not nan"]


def test_several_mistakes_are_a_line_each(fails):
    lines = fails(2, "run", "count", "-o", "memory.rte=1", "-o", "memory.places=0", "-o", "run.batch=-1")
    assert len(lines) == 3
    assert all(line.startswith("error: count.toml: ") for line in lines)


@pytest.mark.parametrize("override", ["memory.rate", "=3", "memory..rate=1"])
def test_a_bad_override_says_how_to_write_one(fails, override):
    (line,) = fails(2, "run", "count", "-o", override)
    assert line == f"error: -o {override}: must be PATH=VALUE, such as memory.alpha=0.1"


def test_a_missing_recipe_file_is_named(fails):
    assert fails(2, "run", "mine.toml") == ["error: mine.toml: no such file"]


def test_an_unknown_recipe_names_the_nearest(fails):
    (line,) = fails(2, "run", "cont")
    assert "did you mean 'count'?" in line
    assert line.endswith("; `engram recipes` lists them")


def test_invalid_toml_is_named_with_its_place(fails, tmp_path):
    (tmp_path / "mine.toml").write_text("[run]\nsteps = = 3\n")
    (line,) = fails(2, "run", "mine.toml")
    assert line.startswith("error: mine.toml: not valid TOML: ")
    assert "line 2" in line


def test_a_binary_recipe_is_one_line(fails, tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    (line,) = fails(2, "run", "mine.toml")
    assert line.startswith("error: mine.toml: cannot be read: ")


def test_an_unknown_component_names_the_plugin_that_failed(broken_shell):
    done = broken_shell("run", "count", "-o", "memory.use=absent")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "no memory named 'absent'" in line
    assert "failed at import: RuntimeError: no data file" in line


def test_a_missing_output_folder_is_named(fails, tmp_path):
    (line,) = fails(2, "run", "count", "--out", "absent/x.h5")
    assert "the folder absent does not exist" in line


def test_an_unwritable_output_folder_is_named(fails, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (line,) = fails(2, "run", "count")
    assert "is not writable" in line


def test_a_folder_as_output_is_refused(fails, tmp_path):
    (tmp_path / "x.h5").mkdir()
    (line,) = fails(2, "run", "count", "--out", "x.h5", "--force")
    assert line == "error: x.h5: is a folder; give the name of a file"


def test_an_existing_file_is_kept_without_force(fails, counted):
    before = counted.read_bytes()
    lines = fails(2, "run", "count")
    assert lines[0].startswith("error: count.h5: exists already")
    assert lines[1] == "note: --force replaces it, --out FILE writes another"
    assert counted.read_bytes() == before


def test_force_replaces_a_file_only_when_the_run_is_complete(command, fails, counted):
    before = counted.read_bytes()
    fails(1, "run", "count", "--force", "-o", "memory.fails_at=3")
    assert counted.read_bytes() == before
    assert command("run", "count", "--force", "--steps", 4).exit_code == 0
    with engram.open(counted) as run:
        assert len(run["memory.total"]) == 4
    assert not counted.with_name("count.h5.part").exists()


def test_a_component_that_raises_leaves_its_part(command, fails, tmp_path):
    lines = fails(1, "run", "count", "-o", "memory.fails_at=13", "-o", "run.chunk=5")
    assert "engram_counting/__init__.py:" in lines[0]
    assert "ZeroDivisionError: the sum is tired" in lines[0]
    assert lines[1] == "note: count.h5.part keeps what was recorded; `engram resume count.h5.part` goes on"
    with engram.open(tmp_path / "count.h5.part") as run:
        assert run.status == "failed"
        assert len(run["memory.total"]) >= 10
    assert command("validate", "count.h5.part").exit_code == 0


def test_the_part_of_a_failed_run_is_not_replaced_silently(fails):
    fails(1, "run", "count", "-o", "memory.fails_at=3")
    lines = fails(2, "run", "count")
    assert "is left by an unfinished run" in lines[0]


def test_an_absent_variable_to_record_names_the_nearest(fails):
    (line,) = fails(2, "run", "count", "-o", 'record.variables=["memory.totl"]')
    assert line.endswith("record.variables: no such variable 'memory.totl'; did you mean 'memory.total'?")


def test_a_backend_that_does_not_work_is_an_error_where_it_was_asked_for(fails, monkeypatch):
    monkeypatch.setattr("engram.backend.missing_gpu", lambda: "no NVIDIA driver is installed")
    (line,) = fails(2, "run", "count", "--backend", "cupy")
    assert line == "error: run.backend: cupy cannot be used here: no NVIDIA driver is installed"


def test_a_hook_that_fails_names_its_plugin_and_exits_with_3(fails, registry):
    class Grumpy:
        @staticmethod
        @engram.hookimpl
        def run_started(run):
            raise OSError("not today")

    registry.register(Grumpy, "grumpy")
    lines = fails(3, "run", "count")
    assert lines[0] == ("error: plugin 'grumpy' failed in run_started: OSError: not today")


def test_a_required_plugin_that_is_missing_exits_with_3(fails, tmp_path):
    (tmp_path / "mine.toml").write_text(f'[plugins]\nrequire = ["absent"]\n{RECIPE}')
    assert fails(3, "run", "mine.toml") == ["error: mine.toml: plugins.require: absent: not installed"]


@pytest.mark.parametrize("arguments", [["inspect"], ["validate"], ["plot"]])
def test_a_missing_file_is_a_usage_error(fails, arguments):
    (line,) = fails(2, *arguments, "absent.h5")
    assert "'absent.h5' does not exist" in line


@pytest.mark.parametrize("arguments", [["inspect", "x.h5"], ["plot", "x.h5", "last-total"]])
def test_a_file_that_is_no_hdf5_exits_with_4(fails, tmp_path, arguments):
    (tmp_path / "x.h5").write_text("not a run")
    (line,) = fails(4, *arguments)
    assert line.startswith("error: x.h5: is no HDF5 file")


def test_exceptions_in_a_group_are_a_line_each():
    group = ExceptionGroup("two", [engram.RecipeError("a: b"), engram.PluginError("c: d")])
    assert failure.explain(group) == ["a: b", "c: d"]


def test_a_full_disk_is_a_failed_run_not_a_wrong_usage():
    from engram_hdf5 import OutputError, StorageError

    assert failure.exit_code(StorageError("x.h5.part: full")) == 1
    assert failure.exit_code(OutputError("x.h5: taken")) == 2


def test_strict_plugins_stop_at_the_first_failure(broken_shell):
    done = broken_shell("recipes", ENGRAM_STRICT_PLUGINS="1")
    assert done.returncode == 3
    assert done.stderr.startswith("error: plugin 'broken' (engram-broken 0.9) failed at import")
