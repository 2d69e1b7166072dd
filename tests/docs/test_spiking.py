"""The README of spiking: its recipe resolves, its tables list every component, parameter, recipe and analysis."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import attrs
import pytest

import engram
import engram_spiking
from engram_spiking import SpikingNetwork

README = "plugins/engram_spiking/README.md"


def listed(text: str, heading: str) -> set[str]:
    """The names in the first column of the first table under a heading."""
    part = text.partition(f"## {heading}")[2].partition("\n## ")[0]
    table = next(block for block in part.split("\n\n") if block.startswith("| "))
    return set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE))


def test_the_recipe_resolves(page: Any) -> None:
    pytest.importorskip("engram_stdp")
    first = next(block for block in page(README).blocks if block.kind == "toml")
    recipe = engram.resolve(tomllib.loads(first.text))
    assert isinstance(recipe.memory, SpikingNetwork)
    assert recipe.memory.route("input_hidden") == ("input", "hidden")


def test_every_parameter_of_the_network_is_listed(page: Any) -> None:
    found = listed(page(README).text, "Memory `spiking-network`")
    assert found == {field.name for field in attrs.fields(SpikingNetwork)}


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Layers", {cls.name for cls in engram_spiking.register_memories()} - {"spiking-network"}),
        ("Tasks", {cls.name for cls in engram_spiking.register_tasks()}),
        ("Recipes", {path.stem for path in engram_spiking.register_recipes()}),
        ("Analyses", {analysis.name for analysis in engram_spiking.register_analyses()}),
    ],
)
def test_all_that_the_plugin_offers_is_listed(page: Any, heading: str, names: set[str]) -> None:
    assert listed(page(README).text, heading) == names
