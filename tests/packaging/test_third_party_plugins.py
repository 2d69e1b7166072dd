"""Plugins that are not ours: a good one is found, described, run and blocked; a broken one harms nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

EXAMPLE = Path(__file__).parent / "example_plugin"
RECIPE = """
title = "The delta rule learns a lottery"
[run]
steps = 2000
batch = 4
seed = 1
backend = "numpy"
[task]
use = "lottery"
[memory]
use = "delta"
alpha = 0.1
[record]
every = 1000
"""
PREAMBLE = """
import engram

@engram.state
class Nothing:
    "Nothing."

@engram.parameters
class Silent(engram.Memory):
    "Does nothing."
    name = "silent"
    def init(self, ctx): return Nothing()
    def step(self, state, signal): return None

@engram.hookimpl
def register_memories(): return [Silent]
"""
BROKEN = {
    "import": ("raise RuntimeError('no data folder')", "failed at import: RuntimeError: no data folder"),
    "exit": ("raise SystemExit(7)", "failed at import: SystemExit: 7"),
    "hook": (
        "import engram\n@engram.hookimpl\ndef register_memoriez(): return []",
        "unknown hook 'register_memoriez'; did you mean 'register_memories'?",
    ),
    "argument": ("import engram\n@engram.hookimpl\ndef chunk_finished(run, chunck): ...", "chunck"),
    "methods": (
        PREAMBLE + "@engram.parameters\nclass Half(engram.Synapse):\n    'Half.'\n    name = 'half'\n"
        "@engram.hookimpl\ndef register_synapses(): return [Half]",
        "Half is not a synapse: it lacks init, learn, propagate",
    ),
    "raising": (
        PREAMBLE + "@engram.hookimpl\ndef register_tasks(): raise OSError('no arena')",
        "failed at hooks: OSError: no arena",
    ),
}


def plugin(folder: Path, name: str, code: str, *, package: str | None = None, version: str = "0.1") -> Path:
    """Write a plugin as pip would leave it: a module, and the metadata that names its entry point."""
    package = package or f"engram-{name}"
    module = package.replace("-", "_")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(dedent(code))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[engram]\n{name} = {module}\n")
    return folder


def listed(done: Any) -> dict[str, dict[str, Any]]:
    """Return the plugins of `engram plugins --json` by name."""
    found = json.loads(done.stdout)
    rows = found["plugins"] if isinstance(found, dict) else found
    return {row["name"]: row for row in rows}


@pytest.fixture(scope="module")
def installed(new_scratch: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An environment in which pip has installed the example plugin from its own folder."""
    scratch = new_scratch(tmp_path_factory.mktemp("third-party"))
    shutil.copytree(EXAMPLE, scratch.folder / "example_plugin")
    done = scratch.run("pip install ./example_plugin")
    assert done.returncode == 0, done.stdout + done.stderr
    (scratch.folder / "lottery.toml").write_text(RECIPE)
    return scratch


@pytest.mark.slow
def test_an_installed_plugin_is_listed_with_package_and_version(installed: Any) -> None:
    done = installed.run("engram plugins --json")

    assert done.returncode == 0, done.stderr
    row = listed(done)["delta"]
    assert (row["package"], row["version"], row["status"]) == ("engram-delta", "0.1.0", "loaded")


@pytest.mark.slow
def test_an_installed_plugin_is_described_from_its_declarations(installed: Any) -> None:
    done = installed.run("engram describe memory delta")

    assert done.returncode == 0, done.stderr
    for said in ("Predicts the reward", "alpha", "learning rate", "0.1"):
        assert said in done.stdout


@pytest.mark.slow
def test_an_installed_plugin_runs_and_learns(installed: Any) -> None:
    done = installed.run("engram run lottery.toml --out lottery.h5 && engram validate lottery.h5")
    code = "import engram; f = engram.open('lottery.h5'); print(f['memory.w'][-1].round(2).tolist())"
    weights = json.loads(installed.run(f'python -c "{code}"').stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert weights == [pytest.approx([1, 0, 0], abs=0.05)] * 4


@pytest.mark.slow
def test_a_blocked_plugin_is_not_imported_and_said_to_be_blocked(installed: Any) -> None:
    done = installed.run("engram -p no:delta plugins --json")
    failed = installed.run("engram -p no:delta run lottery.toml --out blocked.h5")

    assert done.returncode == 0, done.stderr
    assert listed(done)["delta"]["status"] == "blocked"
    assert failed.returncode == 2
    assert "blocked: delta" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_named_and_the_others_load(scratch: Any, tmp_path: Path, kind: str) -> None:
    code, reason = BROKEN[kind]
    place = plugin(tmp_path / "site", "broken", code)
    plugin(place, "good", PREAMBLE.replace("silent", "other"))

    done = scratch.run("engram plugins --json", path=[place])

    assert done.returncode == 3, done.stderr
    rows = listed(done)
    assert rows["broken"]["status"] == "failed"
    assert "engram-broken 0.1" in rows["broken"]["error"]
    assert reason in rows["broken"]["error"]
    assert rows["good"]["status"] == "loaded"
    assert "Traceback" not in done.stderr


def test_a_broken_plugin_registers_nothing_at_all(scratch: Any, tmp_path: Path) -> None:
    place = plugin(tmp_path / "site", "broken", BROKEN["methods"][0])

    done = scratch.run("engram plugins --json", path=[place])

    assert not any(listed(done)["broken"]["offers"].values())
    unknown = scratch.run("engram describe memory silent", path=[place])
    assert unknown.returncode != 0
    assert "it lacks init, learn, propagate" in unknown.stderr


def test_a_broken_plugin_leaves_help_and_recipes_alone(scratch: Any, tmp_path: Path) -> None:
    place = plugin(tmp_path / "site", "broken", BROKEN["import"][0])

    assert scratch.run("engram --help", path=[place]).returncode == 0
    assert scratch.run("engram recipes", path=[place]).returncode == 0


def test_a_name_offered_twice_is_an_error_naming_both_packages(scratch: Any, tmp_path: Path) -> None:
    place = plugin(tmp_path / "site", "first", PREAMBLE)
    plugin(place, "second", PREAMBLE)

    done = scratch.run("engram plugins --json", path=[place])

    rows = listed(done)
    assert done.returncode == 3
    assert rows["first"]["status"] == "loaded"
    assert rows["second"]["status"] == "failed"
    for named in ("memory 'silent'", "engram-first", "engram-second"):
        assert named in rows["second"]["error"]


def test_a_plugin_name_used_by_two_packages_is_an_error_naming_both(scratch: Any, tmp_path: Path) -> None:
    place = plugin(tmp_path / "site", "same", PREAMBLE)
    plugin(place, "same", PREAMBLE.replace("silent", "other"), package="another")

    done = scratch.run("engram plugins --json", path=[place])

    failed = [row["error"] for row in listed(done).values() if row["status"] == "failed"]
    assert done.returncode == 3
    assert len(failed) == 1
    assert "another" in failed[0]
    assert "engram-same" in failed[0]


def test_a_blocked_plugin_is_not_even_imported(scratch: Any, tmp_path: Path) -> None:
    place = plugin(tmp_path / "site", "broken", BROKEN["import"][0])

    done = scratch.run("engram -p no:broken plugins --json", path=[place])

    assert done.returncode == 0, done.stderr
    assert listed(done)["broken"]["status"] == "blocked"


def test_strict_plugins_stop_at_the_first_broken_one(scratch: Any, tmp_path: Path) -> None:
    place = plugin(tmp_path / "site", "broken", BROKEN["import"][0])

    done = scratch.run("engram recipes", path=[place], ENGRAM_STRICT_PLUGINS="1")

    assert done.returncode == 3
    assert "no data folder" in done.stderr
    assert "Traceback" not in done.stderr
