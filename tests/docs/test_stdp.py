"""The README of stdp: its recipe runs, its tables list every parameter and all that the plugin offers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs

import engram
import engram_stdp

README = "plugins/engram_stdp/README.md"


def test_the_recipe_runs(page: Any, tmp_path: Path) -> None:
    first = next(block for block in page(README).blocks if block.kind == "toml")
    (path,) = engram.run(tomllib.loads(first.text) | {"title": "README"}, out=tmp_path / "readme.h5")
    with engram.open(path) as run:
        assert round(float(run["memory.synapse.w"].max()), 4) == 0.424


def test_every_parameter_of_a_synapse_is_listed(page: Any) -> None:
    table = page(README).text.partition("## Parameters")[2].partition("\n## ")[0]
    column = " ".join(re.findall(r"^\| (`.+?) \|", table, re.MULTILINE))
    listed = sorted(re.findall(r"`(\w+)`", column))
    fields = {field.name for kind in engram_stdp.register_synapses() for field in attrs.fields(kind)}
    assert listed == sorted(fields)


def test_all_that_the_plugin_offers_is_listed(page: Any) -> None:
    offers = {
        "synapse": [kind.name for kind in engram_stdp.register_synapses()],
        "memory": [kind.name for kind in engram_stdp.register_memories()],
        "task": [kind.name for kind in engram_stdp.register_tasks()],
        "recipe": [Path(path).stem for path in engram_stdp.register_recipes()],
        "analysis": [one.name for one in engram_stdp.register_analyses()],
    }
    listed = re.findall(r"^\| (\w+) \| `([\w-]+)` \|", page(README).text, re.MULTILINE)
    assert sorted(listed) == sorted((role, name) for role, names in offers.items() for name in names)
