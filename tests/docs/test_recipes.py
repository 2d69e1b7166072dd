"""The recipe reference has every table and key, with its default, and no other."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import attrs
import pytest

import engram
from engram.recipe import Expectation, RecordSettings, RunSettings

TABLES = {"run": RunSettings, "record": RecordSettings, "expect": Expectation}


def rows(text: str, table: str) -> dict[str, str]:
    """Return default by key of the table under the heading `[table]`."""
    section = text.partition(f"## `[{table}]`")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE))


@pytest.mark.parametrize("table", TABLES)
def test_the_keys_and_defaults_of_a_table_are_those_of_the_code(page: Any, table: str) -> None:
    declared = {
        field.name: "none" if field.default is None else f"`{json.dumps(field.default)}`"
        for field in attrs.fields(TABLES[table])
    }

    assert rows(page("docs/recipes.md").text, table) == declared


@pytest.mark.parametrize("key", ["block", "require"])
def test_the_keys_of_the_table_of_plugins_are_those_of_the_code(page: Any, key: str) -> None:
    assert set(rows(page("docs/recipes.md").text, "plugins")) == {"block", "require"}
    with pytest.raises(engram.EngramError) as caught:
        engram.resolve({"plugins": {f"{key}x": []}})

    assert f"did you mean '{key}'" in str(caught.value)


def test_every_toml_block_is_toml_and_the_first_names_every_table(page: Any) -> None:
    blocks = [tomllib.loads(block.text) for block in page("docs/recipes.md").blocks if block.kind == "toml"]

    assert set(blocks[0]) == {"title", "run", "task", "memory", "record", "sweep", "expect"}
    assert len(blocks) == 4


def test_the_settings_of_an_analysis_are_its_own(page: Any) -> None:
    (settings,) = [
        tomllib.loads(block.text)
        for block in page("docs/recipes.md").blocks
        if block.text.startswith("[analysis.")
    ]
    recipe = engram.resolve(tomllib.loads(page("docs/recipes.md").blocks[0].text) | settings)

    assert recipe.to_mapping()["analysis"]["value-at-time"]["by"] == "asymmetry"


def test_the_first_recipe_resolves(page: Any) -> None:
    recipe = engram.resolve(tomllib.loads(page("docs/recipes.md").blocks[0].text))

    assert recipe.run.batch == 64
    assert recipe.folded() == ["memory.alpha"]


def test_the_signals_that_can_be_recorded_are_those_listed(page: Any) -> None:
    from engram.record import _SIGNAL_DOC

    text = page("docs/recipes.md").text
    listed = re.findall(r"`(task\.\w+|memory\.action)`", text.partition("or one of")[2].partition("\n\n")[0])

    assert set(listed) == {f"task.{name}" for name in _SIGNAL_DOC} | {"memory.action"}
