"""Options that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engram_cli.show import say

if TYPE_CHECKING:
    from engram.plugins import Registry

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of text.")
file = click.argument("file", type=click.Path(exists=True, path_type=Path))

_RUNNING = (
    click.option(
        "-o", "overrides", metavar="PATH=VALUE", multiple=True,
        help="Change one value of the recipe, such as memory.alpha=0.1; may be repeated.",
    ),
    click.option("--backend", metavar="NAME", help="Same as -o run.backend: auto, numpy or cupy (a GPU)."),
    click.option("--steps", type=int, metavar="N", help="Same as -o run.steps."),
    click.option("--seed", type=int, metavar="N", help="Same as -o run.seed."),
    click.option(
        "--out", type=click.Path(path_type=Path), metavar="FILE",
        help="File to write; RECIPE.h5 in this folder if not given.",
    ),
    click.option("--force", is_flag=True, help="Replace an existing file, once the run is complete."),
    click.option("--quiet", is_flag=True, help="Print no messages, only results and errors."),
)  # fmt: skip


def running(function: F) -> F:
    """Add the options of every verb that runs a recipe."""
    for option in reversed(_RUNNING):
        function = option(function)
    return function


def overridden(overrides: tuple[str, ...], **settings: object) -> list[str]:
    """Return the overrides, those of `[run]` settings that were given last, so that they win."""
    given = [f"run.{name}={json.dumps(value)}" for name, value in settings.items() if value is not None]
    return [*overrides, *given]


def installed(quiet: bool = False) -> Registry:
    """Return the loaded plugins; a line on stderr names each that failed."""
    from engram.plugins import registry

    found = registry()
    for plugin in found.plugins.values():
        if plugin.status == "failed" and not quiet:
            say(f"warning: {plugin.error}")
    return found
