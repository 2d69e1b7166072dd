"""The component reference names all that a component may use."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import engram
from engram import engine
from engram.engine import prepare
from engram.plugins import Registry
from engram.random import Stream
from engram.recipe import resolve
from engram.rules.body import SIGNAL


def public(cls: type) -> Iterator[str]:
    """Yield fields, methods and properties of a class."""
    names = {field.name for field in attrs.fields(cls)} if attrs.has(cls) else set()
    yield from sorted(names | {name for name in vars(cls) if not name.startswith("_")})


@pytest.mark.parametrize(
    "cls",
    [
        engram.Memory,
        engram.Synapse,
        engram.Task,
        engram.Signal,
        engram.Spec,
        engram.Choice,
        engram.Context,
        engram.Transitions,
        Stream,
    ],
)
def test_every_member_of_a_class_is_on_the_page(page: Any, cls: type) -> None:
    text = page("docs/components.md").text

    missing = [name for name in public(cls) if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", text)]

    assert missing == []


@pytest.mark.parametrize("function", [engram.param, engram.component, engram.array, engram.events])
def test_every_argument_of_a_declaration_is_in_its_table(page: Any, function: Any) -> None:
    text = page("docs/components.md").text
    table = text.partition(f"`engram.{function.__name__}(...)`")[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)

    named = {name for row in rows for name in re.findall(r"\w+", row)}

    assert named == set(inspect.signature(function).parameters)


def test_every_exported_name_is_documented_somewhere(page: Any) -> None:
    pages = "".join(
        page(f"docs/{name}.md").text
        for name in ("components", "hooks", "recipes", "reproducibility", "file-format")
    )
    classes = {"Array", "Scan", "Stream"}  # described where they are made
    names = {name for name in vars(engram) if not name.startswith("_")} - classes

    missing = {
        name
        for name in names
        if not inspect.ismodule(getattr(engram, name)) and not re.search(rf"engram\.{name}\b", pages)
    }

    assert missing == set()


def test_the_code_of_the_page_runs_as_one_module(page: Any, tmp_path: Path) -> None:
    blocks = [block for block in page("docs/components.md").blocks if block.kind == "python"]
    module = tmp_path / "blocks.py"
    module.write_text("\n\n".join(block.text for block in blocks))

    names = runpy.run_path(str(module))

    assert len(blocks) == 2
    assert names["Values"].name == "values"


def test_what_a_body_may_name_is_on_the_page(page: Any) -> None:
    table = page("docs/components.md").text.partition("| an argument named as |")[2].partition("\n\n")[0]

    assert [name for name in (*SIGNAL, "action", "dt", "self") if f"`{name}`" not in table] == []


def test_the_longest_chunk_is_the_one_stated(page: Any) -> None:
    assert f"at most {engine._CHUNK} steps" in page("docs/components.md").text


@engram.state
class Seen:
    seen: Any = engram.array(doc="the count seen last")


@engram.parameters
class Watcher(engram.Memory):
    name = "watcher"

    def init(self, ctx: Any) -> Any:
        return ctx.state(Seen)

    def step(self, state: Any, signal: Any) -> Any:
        state.seen[...] = signal.observation
        return signal.observation * 100


@engram.state
class Counted:
    count: Any = engram.array(doc="steps taken")
    last: Any = engram.array(doc="the action taken last")
    ctx: Any = engram.fixed()


@engram.parameters
class Counter(engram.Task):
    name = "counter"
    observation = engram.Spec()
    action = engram.Spec()

    def init(self, ctx: Any) -> Any:
        return ctx.state(Counted, ctx=ctx)

    def reset(self, state: Any) -> Any:
        return state.ctx.signal(state.count.copy())

    def step(self, state: Any, action: Any) -> Any:
        state.count += 1
        state.last[...] = action
        return state.ctx.signal(state.count.copy())


class Plugin:
    @engram.hookimpl
    def register_memories(self) -> Any:
        return [Watcher]

    @engram.hookimpl
    def register_tasks(self) -> Any:
        return [Counter]


def test_a_row_holds_what_the_page_says_it_holds() -> None:
    registry = Registry(discover=False)
    registry.register(Plugin(), "plugin")
    variables = ["memory.seen", "memory.action", "task.count", "task.last", "task.observation"]
    tables = {
        "run": {"steps": 8, "dt": 0.5, "backend": "numpy", "chunk": 5},
        "task": {"use": "counter"},
        "memory": {"use": "watcher"},
        "record": {"every": 3, "variables": variables},
    }

    chunks = list(prepare(resolve(tables, plugins=registry)).chunks())

    def rows(path: str) -> list[float]:
        return np.concatenate([chunk.records[path] for chunk in chunks])[:, 0].tolist()

    assert np.concatenate([chunk.steps for chunk in chunks]).tolist() == [0, 3, 6]
    assert np.concatenate([chunk.time for chunk in chunks]).tolist() == [0, 1.5, 3.0]
    assert rows("memory.seen") == [0, 3, 6]
    assert rows("task.observation") == [0, 3, 6]
    assert rows("memory.action") == [0, 300, 600]
    assert rows("task.count") == [0, 3, 6]
    assert rows("task.last") == [0, 200, 500]
