"""The group of verbs: what it imports, how fast it is, what it refuses."""

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import engram_cli
from engram_cli.main import VERBS, cli

HEAVY = ("numpy", "h5py", "numba", "cupy", "pandas", "matplotlib", "xarray", "engram", "engram_hdf5")
SOURCES = Path(engram_cli.__file__).parent


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["plot", "--help"]])
def test_help_imports_nothing_heavy(shell, arguments):
    code = (
        "import sys\nfrom engram_cli.main import cli\n"
        f"try:\n    cli.main({arguments!r})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=shell.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="no processor time of one child here")
def test_help_takes_less_than_150_ms(shell):
    times = []
    for _ in range(5):
        process = shell.start("--help", stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        times.append(usage.ru_utime + usage.ru_stime)
        assert process.returncode == 0
    assert min(times) < 0.15


def test_the_version_is_the_distributions(shell):
    version = importlib.metadata.version("engram")
    assert shell("--version").stdout == f"engram {version}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_listed_with_the_first_sentence_of_its_own_help(verb):
    command = importlib.import_module(f"engram_cli.{verb}").command
    assert command.name == verb
    assert command.get_short_help_str(limit=200) == VERBS[verb]


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_explained(verb):
    command = importlib.import_module(f"engram_cli.{verb}").command
    unexplained = [p.name for p in command.params if p.param_type_name == "option" and not p.help]
    assert unexplained == []


def test_every_listing_and_inspection_can_print_json():
    without = [
        verb for verb in VERBS
        if "--json" not in [o for p in importlib.import_module(f"engram_cli.{verb}").command.params for o in p.opts]
    ]  # fmt: skip
    assert without == []


def test_modules_stay_small():
    assert {p.name: n for p in SOURCES.glob("*.py") if (n := len(p.read_text().splitlines())) > 140} == {}


def test_no_plugin_is_named_in_the_sources():
    project = SOURCES.parent.parent / "pyproject.toml"
    if not project.exists():
        pytest.skip("the sources are not at hand")
    names = tomllib.loads(project.read_text())["project"]["entry-points"]["engram"]
    pattern = re.compile("|".join(name.replace("-", "[-_ ]") for name in names), re.IGNORECASE)
    assert [p.name for p in SOURCES.glob("*.py") if pattern.search(p.read_text())] == []


def test_no_sub_command_shows_the_help(command):
    done = command()
    assert "engram run RECIPE" in done.output
    assert done.exit_code == 2


def test_an_unknown_verb_names_the_nearest(command):
    done = command("rum")
    assert done.stderr == "error: cli: no command 'rum'; did you mean 'run'?; see `cli --help`\n"
    assert done.exit_code == 2


def test_an_unknown_option_is_one_line(command):
    done = command("run", "count", "--stepz", "3")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: cli run: no such option") and "--stepz" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_closed_pipe_makes_no_traceback(shell):
    words = f"{sys.executable} -m engram_cli describe --json | true"
    done = subprocess.run(
        ["sh", "-c", words], env=shell.environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_plugins_add_commands_that_are_imported_only_when_chosen(shell):
    assert "cheer  from engram-counting 1.2" in shell("--help").stdout
    assert shell("cheer").stdout == "hurrah\n"


def test_a_broken_command_is_listed_and_named_and_harms_no_other(broken_shell):
    assert "collapse       from engram-broken 0.9" in broken_shell("--help").stdout
    done = broken_shell("collapse")
    assert done.returncode == 3
    assert done.stderr == (
        "error: command 'collapse' of engram-broken 0.9: failed at import: RuntimeError: no data file; "
        "update or remove it\n"
    )
    assert broken_shell("cheer").stdout == "hurrah\n"


def test_what_is_no_command_is_said_to_be_none(broken_shell):
    done = broken_shell("not-a-command")
    assert done.returncode == 3
    assert done.stderr == (
        "error: command 'not-a-command' of engram-broken 0.9: json:dumps is no click command; tell its author\n"
    )


def test_a_command_offered_twice_names_both_packages(shell, tmp_path):
    twin = tmp_path / "engram_twin-3.0.dist-info"
    twin.mkdir()
    (twin / "METADATA").write_text("Metadata-Version: 2.1\nName: engram-twin\nVersion: 3.0\n")
    (twin / "entry_points.txt").write_text("[engram.commands]\ncheer = json:dumps\n")
    done = type(shell)((*shell.sites, tmp_path))("cheer")
    assert done.returncode == 3
    assert "engram-counting 1.2 and engram-twin 3.0: offered twice" in done.stderr


def test_a_blocked_plugin_is_not_imported_and_neither_are_its_commands(broken_shell):
    listed = json.loads(broken_shell("-p", "no:broken", "plugins", "--json").stdout)["plugins"]
    assert {item["name"]: item["status"] for item in listed}["broken"] == "blocked"
    assert "collapse" not in broken_shell("-p", "no:broken", "--help").stdout
    assert broken_shell("-p", "no:broken", "collapse").returncode == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [("broken", "must be no:NAME"), ("no:", "must be no:NAME"), ("no:x", "no plugin named 'x'")],
)
def test_a_plugin_that_cannot_be_blocked_is_an_error(shell, value, message):
    done = shell("-p", value, "plugins")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_traceback_comes_only_where_it_is_asked_for(command):
    assert "Traceback" not in command("run", "nothing").stderr
    shown = command("--traceback", "run", "nothing")
    assert "Traceback" in shown.stderr
    assert shown.stderr.splitlines()[-1].startswith("error: nothing: no recipe named 'nothing'")
    assert shown.exit_code == 2


def test_the_help_names_every_exit_code():
    text = inspect.getdoc(cli.callback)
    assert all(f" {code} " in text.replace("\n", " ") for code in (0, 1, 2, 3, 4, 130))
