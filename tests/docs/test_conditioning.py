"""The page on conditioning schedules does what it says; the plugin's README lists all keys and presets."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import attrs
import pytest

from engram_conditioning.conditioning import Conditioning
from engram_conditioning.preset import PRESETS

README = "plugins/engram_conditioning/README.md"


@pytest.mark.parametrize("name", ["docs/conditioning.md", README])
def test_every_schedule_is_one(page: Any, name: str) -> None:
    tables = [tomllib.loads(block.text) for block in page(name).blocks if block.kind == "toml"]
    tasks = [table["task"] for table in tables if "task" in table]

    assert tasks
    for task in tasks:
        assert task.pop("use") == "conditioning"
        assert Conditioning(**task).timeline.steps > 1
    assert all(table == {"sweep": {"task.group": [0, 1]}} for table in tables if "task" not in table)


def test_the_python_of_the_page_runs(page: Any) -> None:
    (block,) = [block for block in page("docs/conditioning.md").blocks if block.kind == "python"]

    exec(compile(block.text, "docs/conditioning.md", "exec"), {})


def test_the_mistakes_of_the_page_are_those_of_the_code(page: Any) -> None:
    (block,) = [block for block in page("docs/conditioning.md").blocks if block.kind == "text"]
    said = [re.sub(r"^my-recipe.toml: task[.:] ?", "", line) for line in block.text.splitlines()]
    cue, water = {"stimulus": "A", "at": 1.0}, {"outcome": "water", "at": 9.0}
    simple = {
        "trial": 2.0, "trials": 1, "stimuli": [{"name": "A"}], "outcomes": [{"name": "water"}],
        "types": [{"name": "A+", "events": [cue]}],
    }  # fmt: skip
    wrong: list[dict[str, Any]] = [
        {**simple, "types": [{"name": "A+", "events": [cue, water]}]},
        {**simple, "phases": [{"mix": {"B-": 1.0}}]},
        {**simple, "phases": [{"mix": {"A+": 0.9}}]},
        {"trial": 2.0, "design": "10A(US)/10A>B", "outcome_at": 1.0},
    ]

    for line, given in zip(said, wrong, strict=True):
        with pytest.raises(ValueError) as caught:
            Conditioning(**given)
        assert str(caught.value).removeprefix("conditioning.").removeprefix(": ") == line


def test_the_readme_lists_every_parameter_and_preset(page: Any) -> None:
    text = page(README).text
    parameters = text.partition("## Parameters")[2].partition("\n## ")[0]
    listed = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.+?) \|", parameters, re.MULTILINE)))
    presets = re.findall(r"^\| `([\w-]+)` \|", text.partition("## Presets")[2], re.MULTILINE)

    assert listed == [field.name for field in attrs.fields(Conditioning)]
    assert sorted(presets) == sorted(PRESETS)
