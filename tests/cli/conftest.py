"""Runs the command line in this process, with a small plugin, or as a user would, in one of its own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

import engram.plugins
from engram_cli.main import cli

HERE = Path(__file__).parent
COUNTING = HERE / "site"
BROKEN = HERE / "broken_site"

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> engram.plugins.Registry:
    """The registry of this process: nothing but the counting plugin."""
    monkeypatch.syspath_prepend(COUNTING)
    made = engram.plugins.Registry(discover=False)
    made.register(importlib.import_module("engram_counting"), "counting")
    monkeypatch.setattr(engram.plugins, "_registry", [made])
    return made


@pytest.fixture
def command(registry: engram.plugins.Registry) -> Command:
    """`command("run", "count")`: the command line in this process."""
    return lambda *arguments: CliRunner().invoke(cli, [str(item) for item in arguments])


@pytest.fixture
def answer(command: Command) -> Callable[..., dict[str, Any]]:
    """The JSON object that a command prints."""

    def ask(*arguments: object) -> dict[str, Any]:
        return json.loads(command(*arguments, "--json").stdout)

    return ask


@pytest.fixture
def counted(command: Command, tmp_path: Path) -> Path:
    """The file of a complete run."""
    assert command("run", "count").exit_code == 0
    return tmp_path / "count.h5"


@attrs.frozen
class Shell:
    """The command line in processes of its own; of the plugins installed here it sees none."""

    sites: tuple[Path, ...] = (COUNTING,)

    @property
    def environment(self) -> dict[str, str]:
        places = [*map(str, self.sites), os.environ.get("PYTHONPATH", "")]
        hidden = ",".join({entry.name for entry in entry_points(group="engram")} - {"counting", "broken"})
        return {**os.environ, "PYTHONPATH": os.pathsep.join(places), "ENGRAM_BLOCK": hidden}

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "engram_cli", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(words, env=self.environment, text=True, **pipes)

    def __call__(self, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "engram_cli", *map(str, arguments)]
        environment = {**self.environment, **more}
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def shell() -> Shell:
    """`shell("run", "count")`: with the counting plugin."""
    return Shell()


@pytest.fixture
def broken_shell() -> Shell:
    """`broken_shell("plugins")`: with the counting plugin and one that cannot be imported."""
    return Shell((COUNTING, BROKEN))
