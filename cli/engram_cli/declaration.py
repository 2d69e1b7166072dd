"""What a component declares of itself: documentation, parameters, arrays of its state."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any

import attrs

from engram.convert import METADATA, hints_of
from engram.declare import ArrayField, ChildField, parameters_of


def component_facts(cls: Any) -> dict[str, Any]:
    """Return documentation (with equations and source) and traits of a component class."""
    return {"doc": inspect.getdoc(cls) or "", "class": f"{cls.__module__}.{cls.__qualname__}"}


def parameters(cls: Any) -> list[dict[str, Any]]:
    """Return one row for each declared parameter."""
    fields = {field.name: field for field in attrs.fields(cls)}
    hints = hints_of(cls)
    rows = []
    for name, info in parameters_of(cls).items():
        kind = type_text(hints[name])
        if info.role is not None:
            kind = f"table of {info.role} components" if info.many else info.role
        rows.append({
            "name": name, "type": kind, "default": _default(fields[name].default, info.component),
            "unit": info.unit if info.role is None else "", "range": info.range, "symbol": info.symbol or "",
            "per_replica": info.per_replica, "doc": info.doc, "source": info.source or "",
        })  # fmt: skip
    return rows


def arrays(cls: Any) -> list[dict[str, Any]] | None:
    """Return one row for each array of the state; None where `init` does not say what it returns."""
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
        return f"list of {' and '.join(kinds)}"
    if isinstance(hint, type) and attrs.has(hint):
        return "table"
    words = {bool: "true or false", int: "integer", float: "number", str: "text"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def _default(value: Any, component: str | None) -> Any:
    if component is not None:
        return component
    if value is attrs.NOTHING:
        return "required"
    # A default that is made anew for each instance has no text of its own.
    return "" if isinstance(value, attrs.Factory) else value  # type: ignore[arg-type]
