"""The README of distributional-td: its recipe runs, its tables list every parameter, recipe and analysis."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs

import engram
import engram_distributional_td
from engram_distributional_td import DistributionalTD

README = "plugins/engram_distributional_td/README.md"


def listed(text: str, heading: str) -> list[str]:
    """The names in the first column of the first table under a heading."""
    part = text.partition(f"## {heading}")[2].partition("\n## ")[0]
    column = re.findall(r"^\| (`.+?) \|", part, re.MULTILINE)
    return re.findall(r"`([\w-]+)`", " ".join(column))


def test_the_recipe_resolves(page: Any) -> None:
    first = next(block for block in page(README).blocks if block.kind == "toml")
    recipe = engram.resolve(tomllib.loads(first.text))
    assert isinstance(recipe.memory, DistributionalTD)
    assert recipe.memory.predictors == 1000


def test_every_parameter_is_listed(page: Any) -> None:
    assert sorted(listed(page(README).text, "Parameters")) == sorted(
        field.name for field in attrs.fields(DistributionalTD)
    )


def test_every_recipe_is_listed(page: Any) -> None:
    names = {Path(path).stem for path in engram_distributional_td.register_recipes()}
    found = listed(page(README).text, "Recipes")
    assert {"starkweather-2017-2" if name == "-2" else name for name in found} == names


def test_every_analysis_is_listed(page: Any) -> None:
    names = {analysis.name for analysis in engram_distributional_td.register_analyses()}
    assert names <= set(listed(page(README).text, "Analyses"))
