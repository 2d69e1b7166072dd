"""Commands that plugins add: entry points of the group `engram.commands`, imported only when chosen."""

from __future__ import annotations

import os
from collections.abc import Container
from importlib.metadata import EntryPoint, entry_points

import click

from engram_cli.failure import Failure

GROUP = "engram.commands"


def names(without: Container[str]) -> list[str]:
    """Return the names of the commands that plugins add, those of blocked plugins left out.

    Args:
        without: Names that a plugin cannot take, since engram has them itself.
    """
    return sorted({entry.name for entry in _offered() if entry.name not in without})


def names_of(module: str) -> list[str]:
    """Return the names of the commands that come with a plugin's module."""
    return sorted(entry.name for entry in _offered() if _root(entry) == module.partition(".")[0])


def package(name: str) -> str:
    """Return name and version of the package, or packages, that offer a command."""
    return " and ".join(sorted(_label(entry) for entry in _offered() if entry.name == name))


def load(name: str) -> click.Command | None:
    """Import a plugin's command; None where no plugin offers one of this name.

    Raises:
        Failure: It cannot be imported, is no command, or is offered twice; the package is named.
    """
    found = [entry for entry in _offered() if entry.name == name]
    if not found:
        return None
    place = f"command {name!r} of {package(name)}"
    if len(found) > 1:
        raise Failure(f"{place}: offered twice; block one plugin with -p no:NAME", 3)
    try:
        command = found[0].load()
    except (Exception, SystemExit) as error:
        text = (str(error).splitlines() or [""])[0]
        raise Failure(
            f"{place}: failed at import: {type(error).__name__}: {text}; update or remove it", 3
        ) from error
    if not isinstance(command, click.Command):
        raise Failure(f"{place}: {found[0].value} is no click command; tell its author", 3)
    return command


def _offered() -> list[EntryPoint]:
    blocked = os.environ.get("ENGRAM_BLOCK", "").split(",")
    roots = {_root(entry) for entry in entry_points(group="engram") if entry.name in blocked}
    return [entry for entry in entry_points(group=GROUP) if _root(entry) not in roots]


def _root(entry: EntryPoint) -> str:
    return entry.module.partition(".")[0]


def _label(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
