"""Strict conversion of plain values (TOML, JSON) to declared types; every mistake is collected."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import numpy as np

Problem = tuple[str, str]
Find = Callable[[str, str], type]
METADATA = "engram"
_SCALARS: dict[Any, tuple[Any, str]] = {
    bool: ((bool, np.bool_), "true or false"),
    int: ((int, np.integer), "an integer"),
    float: ((int, float, np.integer, np.floating), "a number"),
    str: (str, "a string"),
}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known name, or what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""


_hints: dict[type, dict[str, Any]] = {}


def hints_of(cls: type) -> dict[str, Any]:
    """Return the resolved annotations of a declared class."""
    if cls not in _hints:
        _hints[cls] = typing.get_type_hints(cls)
    return _hints[cls]


def convert(value: Any, hint: Any, path: str, problems: list[Problem], find: Find | None = None) -> Any:
    """Convert `value` to the type `hint`, or append (path, message) to `problems`.

    Args:
        value: What a recipe, a keyword argument or a sweep axis holds.
        hint: int, float, bool, str, a Literal, tuple[X, ...], X | None, or a declared class (a table).
        path: Where the value stands, for the message.
        problems: Collects one pair for each mistake.
        find: Returns the component class of (role, name); needed for tables that name components.
    """
    origin = typing.get_origin(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _optional(value, hint, path, problems, find)
    if origin is typing.Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            problems.append((path, f"must be one of {', '.join(map(repr, choices))}, not {value!r}"))
        return value
    if origin is tuple:
        return _tuple(value, typing.get_args(hint), path, problems, find)
    if origin is dict:
        return _mapping(value, typing.get_args(hint)[1], path, problems, find)
    if isinstance(hint, type) and attrs.has(hint):
        return _table(value, hint, path, problems, find)
    return _scalar(value, hint, path, problems)


def _optional(value: Any, hint: Any, path: str, problems: list[Problem], find: Find | None) -> Any:
    if value is None and types.NoneType in typing.get_args(hint):
        return None
    attempts: list[list[Problem]] = []
    for arg in typing.get_args(hint):
        attempts.append([])
        result = convert(value, arg, path, attempts[-1], find)
        if not attempts[-1]:
            return result
    # What came furthest into the value is what was meant.
    problems += sorted(attempts, key=lambda found: -len(found[0][0]))[0]
    return value


def _tuple(value: Any, args: tuple[Any, ...], path: str, problems: list[Problem], find: Find | None) -> Any:
    if not isinstance(value, list | tuple | np.ndarray):
        problems.append((path, f"must be a list, not {value!r}"))
        return value
    kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
    if len(kinds) != len(value):
        problems.append((path, f"must be a list of {len(kinds)} values, not {len(value)}"))
        return value
    return tuple(
        convert(item, kind, f"{path}[{index}]", problems, find)
        for index, (item, kind) in enumerate(zip(value, kinds, strict=True))
    )


def _scalar(value: Any, hint: Any, path: str, problems: list[Problem]) -> Any:
    kinds, wanted = _SCALARS.get(hint, ((), repr(hint)))
    if not isinstance(value, kinds) or (hint is not bool and isinstance(value, bool | np.bool_)):
        problems.append((path, f"must be {wanted}, not {value!r}"))
        return value
    if value != value:
        problems.append((path, "must be a number, not nan"))
    return hint(value)


def _mapping(value: Any, hint: Any, path: str, problems: list[Problem], find: Find | None) -> Any:
    if not isinstance(value, Mapping):
        problems.append((path, f"must be a table, not {value!r}"))
        return value
    return {key: convert(item, hint, f'{path}."{key}"', problems, find) for key, item in value.items()}


def _table(value: Any, cls: type, path: str, problems: list[Problem], find: Find | None) -> Any:
    if isinstance(value, cls):
        return value
    table = _mapping(value, Any, path, problems, find)
    return from_mapping(cls, table, path, problems, find) if isinstance(table, Mapping) else value


def from_mapping(
    cls: type, values: Mapping[str, Any], path: str, problems: list[Problem], find: Find | None = None
) -> Any:
    """Build the declared class `cls` from a table, or append every mistake to `problems`.

    Returns:
        The instance, or None where anything was wrong.
    """
    found: list[Problem] = []
    fields = {field.name: field for field in attrs.fields(cls) if field.init}
    hints = hints_of(cls)
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        where = f"{path}.{key}"
        if key not in fields:
            found.append((where, f"unknown parameter{nearest(key, fields) or '; there are none'}"))
            continue
        info = fields[key].metadata.get(METADATA)
        if getattr(info, "role", None):
            arguments[key] = _components(value, info, where, found, find)
        else:
            arguments[key] = convert(value, hints[key], where, found, find)
            text = (
                info.violation(arguments[key])
                if info and not any(p[0].startswith(where) for p in found)
                else None
            )
            if text:
                found.append((where, text))
    for name, field in fields.items():
        info = field.metadata.get(METADATA)
        if name in values:
            continue
        if find and getattr(info, "component", None) and not info.many:
            arguments[name] = component_from({}, info.role, f"{path}.{name}", found, find, info.component)
        elif field.default is attrs.NOTHING:
            found.append((f"{path}.{name}", "is required"))
    problems.extend(found)
    return None if found else _construct(cls, arguments, path, problems)


def _construct(cls: type, arguments: dict[str, Any], path: str, problems: list[Problem]) -> Any:
    try:
        return cls(**arguments)
    except ValueError as error:
        pairs = getattr(error, "problems", [("", str(error))])
        problems.extend((f"{path}.{name}" if name else path, text) for name, text in pairs)
        return None


def _components(value: Any, info: Any, path: str, problems: list[Problem], find: Find | None) -> Any:
    if not info.many:
        return component_from(value, info.role, path, problems, find, info.component)
    if not isinstance(value, Mapping):
        problems.append((path, "must be a table of named components"))
        return value
    return {
        name: component_from(item, info.role, f"{path}.{name}", problems, find, info.component)
        for name, item in value.items()
    }


def component_from(
    value: Any, role: str, path: str, problems: list[Problem], find: Find | None, default: str | None = None
) -> Any:
    """Build the component that a table such as `{use = "NAME", alpha = 0.1}` describes."""
    if not isinstance(value, Mapping):
        problems.append((path, f'must be a table such as {{use = "NAME"}}, not {value!r}'))
        return None
    name = value.get("use", default)
    if not isinstance(name, str):
        problems.append((path, f'names no {role}; add use = "NAME"'))
        return None
    if find is None:
        problems.append((path, "names a component, which only a recipe can"))
        return None
    try:
        cls = find(role, name)
    except LookupError as error:
        problems.append((f"{path}.use", str(error.args[0])))
        return None
    rest = {key: item for key, item in value.items() if key != "use"}
    return from_mapping(cls, rest, path, problems, find)


def to_mapping(instance: Any) -> dict[str, Any]:
    """Return the table from which `from_mapping` builds an equal instance."""
    table: dict[str, Any] = {}
    name = getattr(type(instance), "name", None)
    if isinstance(name, str):
        table["use"] = name
    for field in attrs.fields(type(instance)):
        value = _plain(getattr(instance, field.name))
        if field.init and value is not None:
            table[field.name] = value
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if attrs.has(type(value)):
        return to_mapping(value)
    return value
