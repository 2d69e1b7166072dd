"""Writes TOML; the standard library only reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def dumps(table: Mapping[str, Any]) -> str:
    """Return the TOML text of nested tables of numbers, strings, booleans and lists; None is left out.

    NumPy's numbers and arrays are written as Python's.

    Raises:
        TypeError: A key or a value has no form in TOML.
    """
    return "\n".join(_table(table, ())) + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [
        f"{_key(key)} = {_value(item)}"
        for key, item in table.items()
        if item is not None and not isinstance(item, Mapping)
    ]
    for key, item in table.items():
        if isinstance(item, Mapping):
            below = (*path, _key(key))
            body = _table(item, below)
            lines += ["", f"[{'.'.join(below)}]", *body]
    return lines


def _key(key: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be a string, not {key!r}")
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(item: Any) -> str:
    item = item.tolist() if hasattr(item, "tolist") else item
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(item, int | float):
        return repr(item)
    if isinstance(item, Mapping):
        inside = ", ".join(
            f"{_key(key)} = {_value(value)}" for key, value in item.items() if value is not None
        )
        return "{" + inside + "}"
    if isinstance(item, list | tuple):
        return "[" + ", ".join(_value(value) for value in item) + "]"
    raise TypeError(f"{item!r} is no number, string, truth value, list or table")
