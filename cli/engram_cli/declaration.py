"""What a component declares of itself: documentation, parameters, arrays of its state."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any

import attrs

from engram.convert import METADATA, hints_of, to_mapping
from engram.declare import ArrayField, ChildField, EventsField, parameters_of

_PLURALS = {"number": "numbers", "integer": "integers", "text": "texts", "table": "tables"}


def component_facts(cls: Any) -> dict[str, Any]:
    """Return documentation (with equations and source) and traits of a component class."""
    return {"doc": inspect.getdoc(cls) or "", "class": f"{cls.__module__}.{cls.__qualname__}"}


def parameters(cls: Any, example: Any = None) -> list[dict[str, Any]]:
    """Return one row for each declared parameter, those of tables within it as `table.name`.

    Args:
        cls: The class.
        example: An instance whose values are the defaults, in place of the class's own.
    """
    fields = {field.name: field for field in attrs.fields(cls)}
    hints = hints_of(cls)
    rows = []
    for name, info in parameters_of(cls).items():
        default = fields[name].default if example is None else getattr(example, name)
        kind = type_text(hints[name])
        if info.role is not None:
            kind = f"table of {info.role} components" if info.many else info.role
            default = info.component or ("" if info.many else attrs.NOTHING)
        rows.append({
            "name": name, "type": kind, "default": _default(default),
            "unit": info.unit if info.role is None else "", "range": info.range, "symbol": info.symbol or "",
            "per_replica": info.per_replica, "doc": info.doc, "source": info.source or "",
        })  # fmt: skip
        inner = _table_class(hints[name]) if info.role is None else None
        below = parameters(inner, default if attrs.has(type(default)) else None) if inner else []
        rows += [{**row, "name": f"{name}.{row['name']}"} for row in below]
    return rows


def arrays(cls: Any) -> list[dict[str, Any]] | None:
    """Return one row for each array and field of events; None where `init` does not say what it returns."""
    state = state_class(cls)
    if state is None:
        return None
    rows = []
    for field in attrs.fields(state):
        info = field.metadata.get(METADATA)
        if isinstance(info, ArrayField):
            rows.append({
                "name": field.name, "axes": info.axes, "unit": info.unit, "dtype": info.dtype,
                "recorded": info.record, "doc": info.doc,
            })  # fmt: skip
        elif isinstance(info, EventsField):
            rows.append({
                "name": field.name, "axes": info.axes, "unit": "", "dtype": "events",
                "recorded": info.record, "doc": info.doc,
            })  # fmt: skip
        elif isinstance(info, ChildField):
            rows.append({
                "name": field.name, "axes": (), "unit": "", "dtype": "state", "recorded": False,
                "doc": "the state of what it holds",
            })  # fmt: skip
    return rows


def state_class(cls: Any) -> Any:
    """Return the class that `init` is annotated to return, None where that is no declared state."""
    try:
        found = typing.get_type_hints(cls.init).get("return")
    except (NameError, TypeError):
        return None
    return found if isinstance(found, type) and attrs.has(found) else None


def type_text(hint: Any) -> str:
    """Return a type in the words of a TOML file."""
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_text(item) for item in arguments if item is not types.NoneType)
    if origin is typing.Literal:
        return " | ".join(map(str, arguments))
    if origin is tuple:
        kinds = dict.fromkeys(type_text(item) for item in arguments if item is not Ellipsis)
        return f"list of {' and '.join(_PLURALS.get(kind, kind) for kind in kinds)}"
    if isinstance(hint, type) and attrs.has(hint):
        return "table"
    words = {bool: "true or false", int: "integer", float: "number", str: "text"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def _table_class(hint: Any) -> Any:
    """Return the declared class of a table, or of the tables of a list, None where the type holds none."""
    if isinstance(hint, type) and attrs.has(hint):
        return hint
    found = (_table_class(item) for item in typing.get_args(hint))
    return next((item for item in found if item is not None), None)


def _default(value: Any) -> Any:
    if value is attrs.NOTHING:
        return "required"
    if isinstance(value, tuple):
        return [to_mapping(item) if attrs.has(type(item)) else item for item in value]
    # A table's default is that of each of its rows.
    return "" if attrs.has(type(value)) else value


def cell(key: str, value: Any) -> str:
    """Return a fact of a declaration, of this name, as a table shows it."""
    if key == "recorded" and value > 1:
        return f"{value} entries"
    if isinstance(value, bool) and key != "default":
        return "yes" if value else ""
    if isinstance(value, bool | types.NoneType):
        return str(value).lower()
    if isinstance(value, tuple | list):
        tables = sum(isinstance(item, dict) for item in value)
        return f"{tables} table{'s' * (tables > 1)}" if tables else ", ".join(map(str, value))
    return str(value)
