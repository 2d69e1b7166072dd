"""The page on performance: its columns, options and limits are those of the code, its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import engram
from engram.rules import alignment, rule, target
from engram_cli import bench
from engram_cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/performance.md"


def commands(page: Any) -> list[list[str]]:
    """The commands of the page, in words."""
    blocks = [block for block in page(PAGE).blocks if block.kind == "sh"]
    return [shlex.split(line) for block in blocks for line in block.text.splitlines()]


def test_the_columns_of_the_table_are_those_that_are_printed(page: Any) -> None:
    table = page(PAGE).text.partition("| column | is |")[2].partition("\n\n")[0]
    first = [row.split("|")[1] for row in table.splitlines()[2:]]

    assert tuple(name for cell in first for name in re.findall(r"`([^`]+)`", cell)) == bench._HEAD


def test_the_backends_named_are_those_of_the_option(page: Any) -> None:
    (option,) = (item for item in bench.command.params if item.name == "backend")

    listed = ", ".join(f"`{name}`" for name in option.type.choices[:-1])
    assert f"`--backend` is {listed} or `{option.type.choices[-1]}`" in page(PAGE).text


def test_the_commands_of_the_page_run(page: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(bench, "_measured", lambda *given: ([], {}))
    monkeypatch.setattr(target, "has_numba", lambda: True)
    asked = [words[1:] for words in commands(page) if words[0] == "engram"]

    done = [CliRunner().invoke(cli, words) for words in asked]

    assert [item.exit_code for item in done] == [0, 0], done[-1].output


def test_the_scripts_named_are_there(page: Any) -> None:
    named = {word for words in commands(page) for word in words if word.endswith(".py")}

    assert named == {
        "benchmarks/bench_distributional_td.py",
        "benchmarks/bench_rules.py",
        "benchmarks/bench_spiking.py",
        "benchmarks/bench_stdp.py",
        "benchmarks/peers/run_jax.py",
        "benchmarks/peers/run_ngclearn.py",
    }
    assert all((ROOT / name).is_file() for name in named)


def test_the_limits_stated_are_those_of_the_code(page: Any) -> None:
    text = page(PAGE).text

    assert f"for {target.LARGE:,} elements or more" in text
    assert f"only above {rule._PARALLEL:,} elements" in text
    assert f"a line of {alignment.LINE} bytes" in text


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_in_a_run_rules_go_by_the_backend_whatever_their_size(
    backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    pytest.importorskip("engram_stdp.hebbian").eligible.cache_clear()
    small: list[bool] = []
    asked = target.wants_numba
    monkeypatch.setattr(target, "wants_numba", lambda size: small.append(asked(size)) or small[-1])

    recipe = {
        "run": {"steps": 3, "dt": 0.001, "backend": backend},
        "task": {"use": "spike-protocol"},
        "memory": {"use": "driven-synapse"},
    }
    engram.run(recipe, out=tmp_path / "run.h5")

    assert small and set(small) == {backend == "numba"}
