"""`engram recipes`: list the recipes that plugins ship."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engram_cli import options
from engram_cli.show import say, show_json, show_table

if TYPE_CHECKING:
    from engram.plugins import Registry

_HEAD = ("name", "plugin", "title", "task", "memory")


@click.command("recipes")
@options.as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the recipes that plugins ship.

    `engram run NAME` runs one, `engram describe recipe NAME` shows it, and `engram reproduce NAME` compares
    its results with what the literature reports (`expect` in the JSON).
    """
    registry = options.installed()
    found = [summary(registry, name) for name in registry.names("recipe")]
    if as_json:
        show_json(recipes=found)
    elif found:
        show_table(_HEAD, [[item[key] for key in _HEAD] for item in found])
    else:
        say("no plugin ships a recipe; `engram plugins` lists the plugins")
    broken = [item["error"] for item in found if item["error"]]
    for error in broken:
        say(f"error: {error}")
    ctx.exit(3 if broken else 0)


def summary(registry: Registry, name: str) -> dict[str, Any]:
    """Return what a listing says of a shipped recipe; `error` says why it cannot be read, if so."""
    path: Path = registry.find("recipe", name)
    owner = registry.owner("recipe", name)
    tables, error = _read(path, registry)
    return {
        "name": name,
        "plugin": owner.name,
        "title": tables.get("title", ""),
        "task": _use(tables, "task"),
        "memory": _use(tables, "memory"),
        "expect": tables.get("expect", {}),
        "path": path,
        "error": f"recipe {name!r} of {owner.label}: {error}" if error else "",
    }


def _read(path: Path, registry: Registry) -> tuple[dict[str, Any], str]:
    from engram import RecipeError
    from engram.recipe import read

    try:
        return read(path, registry)[2], ""
    except RecipeError as error:
        return {}, str(error)


def _use(tables: dict[str, Any], role: str) -> str:
    table = tables.get(role)
    return str(table.get("use", "")) if isinstance(table, dict) else ""
