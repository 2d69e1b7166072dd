"""`engram plugins`: list the plugins, what they offer, and why one failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engram_cli import extra, options
from engram_cli.show import say, show_json, show_table

if TYPE_CHECKING:
    from engram.plugins import Plugin

_HEAD = ("name", "package", "version", "status", "import", "offers")


@click.command("plugins")
@options.as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the plugins and what they offer.

    A plugin that failed is named with its error, harms no other, and makes the exit code 3. `engram -p
    no:NAME ...` leaves a plugin out; ENGRAM_STRICT_PLUGINS=1 makes the first failure stop everything.
    """
    from engram.plugins import registry

    found = list(registry().plugins.values())
    failed = [plugin for plugin in found if plugin.status == "failed"]
    if as_json:
        show_json(plugins=[_facts(plugin) for plugin in found])
    elif found:
        show_table(_HEAD, [row for plugin in found for row in _rows(plugin)])
    else:
        say("no plugin is installed; a plugin is a Python package: pip install NAME")
    for plugin in failed:
        say(f"error: {plugin.error}")
    ctx.exit(3 if failed else 0)


def _facts(plugin: Plugin) -> dict[str, Any]:
    import attrs

    return {**attrs.asdict(plugin), "commands": _commands(plugin), "importers": _importers(plugin)}


def _rows(plugin: Plugin) -> list[tuple[str, ...]]:
    """Return one row for each kind of thing the plugin offers, its own facts in the first."""
    time = f"{plugin.import_ms:.0f} ms" if plugin.status == "loaded" else ""
    offered = {**plugin.offers, "command": _commands(plugin), "importer": _importers(plugin)}
    offers = [f"{kind}: {', '.join(names)}" for kind, names in offered.items() if names]
    first, *rest = offers or [""]
    facts = (plugin.name, plugin.package, plugin.version, plugin.status, time, first)
    return [facts, *(("", "", "", "", "", offer) for offer in rest)]


def _commands(plugin: Plugin) -> list[str]:
    return extra.names_of(extra.COMMANDS, plugin.target)


def _importers(plugin: Plugin) -> list[str]:
    return extra.names_of(extra.IMPORTERS, plugin.target)
