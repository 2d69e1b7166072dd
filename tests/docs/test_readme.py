"""The README's two commands and its table of verbs; every link of every page leads somewhere."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from engram_cli.main import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md"))),
]


@pytest.fixture
def commands(page: Any) -> tuple[str, str]:
    """The first two commands of the README."""
    first, second = [block.text.strip() for block in page("README.md").blocks if block.kind == "sh"][:2]
    return first, second


def test_the_first_command_makes_an_environment_installs_and_runs_the_main_job(commands: Any) -> None:
    steps = commands[0].split(" && ")

    assert steps[0] == "python3 -m venv .venv"
    assert steps[1].startswith(".venv/bin/pip install")
    assert steps[2] == ".venv/bin/engram run odor-preference"


def test_the_second_command_is_the_line_by_which_ci_runs_the_tests(commands: Any) -> None:
    lines = [line.strip() for line in (ROOT / ".ci/run").read_text().splitlines()]

    assert commands[1].startswith("python3 -m venv .venv && ")
    assert commands[1].endswith(".venv/bin/pytest -n auto")
    assert commands[1] in lines


def test_the_check_script_is_executable_and_asks_nothing() -> None:
    script = ROOT / ".ci/run"

    assert os.access(script, os.X_OK)
    assert {"set -euo pipefail", "exec </dev/null"} <= set(script.read_text().splitlines())


def test_the_table_of_verbs_is_that_of_the_command_line(page: Any) -> None:
    verbs = re.findall(r"^\| `engram ([\w-]+)", page("README.md").text, re.MULTILINE)

    assert verbs == list(VERBS)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_between_pages_leads_somewhere(page: Any, name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page(name).text)

    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_every_file_named_in_the_reading_order_exists(page: Any) -> None:
    section = page("README.md").text.partition("## Read the source")[2]
    named = re.findall(r"`([\w/]+(?:\.py|/))`", section)

    assert len(named) == 4
    assert [path for path in named if not (ROOT / path).exists()] == []
