"""`engram describe`: explain a component, a recipe or an analysis from its own declaration."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import click

from engram_cli import options, recipes
from engram_cli.declaration import arrays, cell, component_facts, parameters
from engram_cli.failure import Failure
from engram_cli.show import say, show_facts, show_json, show_table

if TYPE_CHECKING:
    from engram.plugins import Registry

EXAMPLES = """\b
Examples:
  engram describe                  everything, by kind
  engram describe memory           all memories
  engram describe memory NAME      one of them
"""
KINDS = ("memory", "synapse", "task", "recipe", "analysis")


@click.command("describe", epilog=EXAMPLES)
@click.argument("kind", type=click.Choice(KINDS), metavar="[KIND]", required=False)
@click.argument("name", required=False)
@options.as_json
def command(kind: str | None, name: str | None, as_json: bool) -> None:
    """Explain a component, a recipe or an analysis.

    KIND is memory, synapse, task, recipe or analysis. For a memory, synapse or
    task: what it models, its parameters with defaults, units and ranges, and the arrays of its state, which
    a recipe may record. Without NAME, list what there is.
    """
    registry = options.installed()
    if kind is None or name is None:
        listing([kind] if kind else list(KINDS), registry, as_json)
        return
    found = _find(registry, kind, name)
    describe = {"recipe": _recipe, "analysis": _analysis}.get(kind, _component)
    describe(registry, kind, name, found, as_json)


def listing(kinds: list[str], registry: Registry, as_json: bool) -> None:
    """Print the names of some kinds, with plugin and one line each."""
    rows = [
        (kind, name, registry.owner(kind, name).name, _line(registry, kind, name))
        for kind in kinds
        for name in registry.names(kind)
    ]
    if as_json:
        keys = ("kind", "name", "plugin", "doc")
        show_json(offers=[dict(zip(keys, row, strict=True)) for row in rows])
    elif rows:
        show_table(("kind", "name", "plugin", ""), rows)
    else:
        say("no plugin offers any; `engram plugins` lists the plugins")


def _find(registry: Registry, kind: str, name: str) -> Any:
    try:
        return registry.find(kind, name)
    except LookupError as error:
        raise Failure(f"describe {kind}: {error.args[0]}", 2) from None


def _line(registry: Registry, kind: str, name: str) -> str:
    if kind == "recipe":
        return str(recipes.summary(registry, name)["title"])
    found = registry.find(kind, name)
    return str(found.doc) if kind == "analysis" else (inspect.getdoc(found) or "").partition("\n")[0]


def _component(registry: Registry, kind: str, name: str, cls: Any, as_json: bool) -> None:
    facts = {"kind": kind, "name": name, "plugin": registry.owner(kind, name).label, **component_facts(cls)}
    if as_json:
        show_json(**facts, parameters=parameters(cls), state=arrays(cls))
        return
    click.echo(f"{kind} {name}, of {facts['plugin']}\n\n{facts['doc']}\n")
    _section("Parameters", parameters(cls), f"{name} has no parameters.")
    click.echo()
    declared = arrays(cls)
    if declared is None:
        click.echo("State: not known before a run; `init` is not annotated with the class of the state.")
        return
    _section("State, each array and field of events (batch, axes...)", declared, "It keeps no state.")


def _section(title: str, rows: list[dict[str, Any]], otherwise: str) -> None:
    if not rows:
        click.echo(otherwise)
        return
    click.echo(f"{title}:")
    head = [key.replace("_", " ") for key in rows[0]]
    show_table(head, [[cell(key, item) for key, item in row.items()] for row in rows])


def _recipe(registry: Registry, kind: str, name: str, path: Any, as_json: bool) -> None:
    facts = recipes.summary(registry, name)
    if facts["error"]:
        raise Failure(facts["error"], 3)
    text = path.read_text(encoding="utf-8")
    if as_json:
        show_json(kind=kind, **{key: item for key, item in facts.items() if key != "error"}, text=text)
        return
    click.echo(f"{kind} {name}, of {registry.owner(kind, name).label}\n{path}\n\n{text}", nl=False)


def _analysis(registry: Registry, kind: str, name: str, analysis: Any, as_json: bool) -> None:
    facts = {
        "kind": kind, "name": name, "plugin": registry.owner(kind, name).label, "doc": analysis.doc,
        "details": inspect.getdoc(analysis.compute) or "", "picture": analysis.picture is not None,
        "animation": analysis.animation is not None,
    }  # fmt: skip
    settings = parameters(analysis.settings) if analysis.settings else []
    if as_json:
        show_json(**facts, settings=settings)
        return
    click.echo(f"{kind} {name}, of {facts['plugin']}\n\n{facts['doc']}\n")
    click.echo(f"{facts['details']}\n" if facts["details"] else "", nl=False)
    if settings:
        click.echo()
        _section("Settings, for `engram plot -o NAME=VALUE`", settings, "")
        click.echo()
    drawn = "yes" if facts["picture"] else "no; use engram plot --json"
    show_facts({"draws a picture": drawn, "moves": "yes, with --out NAME.gif" if facts["animation"] else ""})
