"""What plugins add by entry points, commands and importers: imported only when chosen."""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from engram_cli.failure import Failure

COMMANDS = "engram.commands"
IMPORTERS = "engram.importers"
_KINDS: dict[str, tuple[str, str, Callable[[Any], bool]]] = {
    COMMANDS: ("command", "click command", lambda item: isinstance(item, click.Command)),
    IMPORTERS: ("importer", "function", callable),
}


def names(group: str, without: Container[str] = ()) -> list[str]:
    """Return the names that plugins add to a group, those of blocked plugins left out.

    Args:
        group: `COMMANDS` or `IMPORTERS`.
        without: Names that a plugin cannot take, since engram has them itself.
    """
    return sorted({entry.name for entry in _offered(group) if entry.name not in without})


def names_of(group: str, module: str) -> list[str]:
    """Return the names in a group that come with a plugin's module."""
    return sorted(entry.name for entry in _offered(group) if _root(entry) == module.partition(".")[0])


def package(group: str, name: str) -> str:
    """Return name and version of the package, or packages, that offer a name."""
    return " and ".join(sorted(_label(entry) for entry in _offered(group) if entry.name == name))


def place(group: str, name: str) -> str:
    """Return what a message calls it, such as "command 'cheer' of engram-counting 1.2"."""
    return f"{_KINDS[group][0]} {name!r} of {package(group, name)}"


def load(group: str, name: str) -> Any:
    """Import what a plugin adds; None where no plugin offers one of this name.

    Raises:
        Failure: It cannot be imported, is none, or is offered twice; the package is named.
    """
    found = [entry for entry in _offered(group) if entry.name == name]
    if not found:
        return None
    where = place(group, name)
    if len(found) > 1:
        raise Failure(f"{where}: offered twice; block one plugin with -p no:NAME", 3)
    try:
        item = found[0].load()
    except (Exception, SystemExit) as error:
        text = (str(error).splitlines() or [""])[0]
        raise Failure(
            f"{where}: failed at import: {type(error).__name__}: {text}; update or remove it", 3
        ) from error
    _, wanted, fits = _KINDS[group]
    if not fits(item):
        raise Failure(f"{where}: {found[0].value} is no {wanted}; tell its author", 3)
    return item


def _offered(group: str) -> list[EntryPoint]:
    blocked = os.environ.get("ENGRAM_BLOCK", "").split(",")
    roots = {_root(entry) for entry in entry_points(group="engram") if entry.name in blocked}
    return [entry for entry in entry_points(group=group) if _root(entry) not in roots]


def _root(entry: EntryPoint) -> str:
    return entry.module.partition(".")[0]


def _label(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
