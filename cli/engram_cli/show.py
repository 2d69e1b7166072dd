"""Results go to stdout, as text or as JSON; messages go to stderr."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import click

SCHEMA = 1
"""Version of the JSON objects; it changes when a key changes its meaning or goes."""


def say(text: str) -> None:
    """Print a message on stderr."""
    click.echo(text, err=True)


def show_json(**content: Any) -> None:
    """Print an object as JSON, with its schema version first."""
    click.echo(json.dumps({"schema": SCHEMA, **plain(content)}, indent=2, ensure_ascii=False))


def show_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns under a head; columns in which no row has anything are left out."""
    cells = [[printable(str(item)) for item in row] for row in rows]
    kept = [index for index in range(len(head)) if any(row[index] for row in cells)]
    lines = [[head[index].upper() for index in kept], *([row[index] for index in kept] for row in cells)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(kept))]
    for line in lines:
        click.echo("  ".join(item.ljust(width) for item, width in zip(line, widths, strict=True)).rstrip())


def show_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line; empty values are left out."""
    kept = {name: value for name, value in facts.items() if value not in ("", None)}
    width = max((len(name) for name in kept), default=0)
    for name, value in kept.items():
        click.echo(f"{name.ljust(width)}  {printable(str(value))}")


def plain(value: Any) -> Any:
    """Return what JSON can hold: arrays become lists, NaN and infinities null, other objects text."""
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, int) else _encodable(str(value))


def printable(text: str) -> str:
    """Return a text in one line that cannot command the terminal; a file from a stranger names things."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def number(value: float) -> str:
    """Return a number in at most four digits, or as an integer with thousands separated."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _encodable(text: str) -> str:
    """Return a text without lone surrogates, which stand for bytes that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
