"""The README of reinforce: its recipe runs, its tables list every parameter, recipe, task and analysis."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs

import engram
import engram_reinforce
from engram_reinforce import GaussianPolicy, Reinforce

README = "plugins/engram_reinforce/README.md"


def listed(text: str, heading: str) -> list[str]:
    """The names in the first column of the first table under a heading."""
    part = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    column = re.findall(r"^\| (`.+?) \|", part, re.MULTILINE)
    return re.findall(r"`([\w-]+)`", " ".join(column))


def test_the_recipe_runs(page: Any, tmp_path: Path) -> None:
    first = next(block for block in page(README).blocks if block.kind == "toml")
    recipe = engram.resolve(tomllib.loads(first.text), ["run.steps=3"])
    assert isinstance(recipe.memory, GaussianPolicy)
    assert isinstance(recipe.memory.synapse, Reinforce)
    engram.run(recipe, out=tmp_path / "run.h5")


def test_every_parameter_is_listed_with_its_default(page: Any) -> None:
    text = page(README).text
    assert sorted(listed(text, "Parameters")) == sorted(field.name for field in attrs.fields(Reinforce))
    for name in ("eta", "baseline", "samples", "decay", "semantics"):
        assert f"| `{name}` | {getattr(Reinforce(), name)} |" in text


def test_every_task_recipe_and_analysis_is_listed(page: Any) -> None:
    text = page(README).text
    assert listed(text, "Tasks") == [task.name for task in engram_reinforce.register_tasks()]
    assert listed(text, "Recipes") == [Path(path).stem for path in engram_reinforce.register_recipes()]
    assert listed(text, "Analyses") == [one.name for one in engram_reinforce.register_analyses()]
