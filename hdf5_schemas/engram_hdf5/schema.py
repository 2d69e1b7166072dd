"""Schemas as data: TOML texts that the writer creates from and the validator checks against.

A schema describes one group (`attrs` and `var`) and, in the schema of the whole file, the groups below it
(`group`). A component's schema has the same form without `group`; it only adds to what the run schema asks
of a component's recordings.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import attrs
import numpy as np

from engram_hdf5.errors import Finding

RUN_SCHEMA = "engram-run-1.0.0.toml"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str, bytes, np.bytes_),
    "int": (int, np.integer),
    "float": (float, int, np.floating, np.integer),
}


class SchemaError(ValueError):
    """A schema text cannot be understood."""


@attrs.frozen
class AttributeRule:
    """What an attribute must hold.

    Attributes:
        name: Name of the attribute.
        type: `str`, `int`, `float` or `ints` (one-dimensional integers).
        const: The only value allowed, if any.
        enum: The values allowed, where not empty.
        pattern: Regular expression that the text must match, if any.
        contains: Text that must occur in it, if any.
        optional: Whether it may be absent.
    """

    name: str
    type: str = "str"
    const: str | int | float | None = None
    enum: tuple[Any, ...] = ()
    pattern: str | None = None
    contains: str | None = None
    optional: bool = False

    def findings(self, where: str, values: Mapping[str, Any]) -> Iterator[Finding]:
        """Check the attribute among an object's attributes.

        Args:
            where: Path of the object.
            values: All attributes of the object.

        Yields:
            One finding at most.
        """
        if self.name not in values:
            if not self.optional:
                yield Finding("E_ATTR_MISSING", where, f"attribute {self.name!r} is missing")
            return
        value = values[self.name]
        if not self._has_type(value):
            yield Finding("E_ATTR_TYPE", where, f"attribute {self.name!r} must be of type {self.type}")
            return
        wish = self._unmet(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
        if wish:
            yield Finding("E_ATTR_VALUE", where, f"attribute {self.name!r} is {shorten(value)}, {wish}")

    def _has_type(self, value: object) -> bool:
        if self.type == "ints":
            return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu"
        return isinstance(value, _TYPES[self.type]) and not isinstance(value, bool | np.bool_)

    def _unmet(self, value: Any) -> str:
        if self.const is not None and value != self.const:
            return f"must be {self.const!r}"
        if self.enum and value not in self.enum:
            return "must be one of " + ", ".join(map(str, self.enum))
        if self.contains is not None and self.contains not in value:
            return f"must contain {self.contains!r}"
        if self.pattern is not None and not re.search(self.pattern, value):
            return f"must match {self.pattern}"
        return ""


@attrs.frozen
class DatasetRule:
    """What a dataset must be.

    Attributes:
        name: Its name; `*` stands for every name without a rule of its own.
        dtypes: Names of the dtypes allowed; `str` is a scalar text.
        dims: Names of all its dimensions, or None where they are free.
        dims_prefix: Names of its first dimensions.
        scale: Whether it is itself a dimension.
        monotonic: Whether its values must increase strictly.
        optional: Whether it may be absent.
        attributes: Rules of its attributes.
        doc: One sentence for the manual.
    """

    name: str
    dtypes: tuple[str, ...]
    dims: tuple[str, ...] | None = None
    dims_prefix: tuple[str, ...] = ()
    scale: bool = False
    monotonic: bool = False
    optional: bool = False
    attributes: tuple[AttributeRule, ...] = ()
    doc: str = ""

    def findings(
        self, where: str, dtype: str, dims: tuple[str, ...] | None, values: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """Check one dataset.

        Args:
            where: Path of the dataset.
            dtype: Name of its dtype.
            dims: Names of its dimensions, or None where they are not known.
            values: Its attributes.

        Yields:
            Everything that the rule forbids.
        """
        if dtype not in self.dtypes:
            allowed = ", ".join(self.dtypes)
            yield Finding("E_DTYPE", where, f"stored as {dtype}; allowed here: {allowed}")
        if dims is not None:
            yield from self._dims(where, dims)
        for attribute in self.attributes:
            yield from attribute.findings(where, values)

    def _dims(self, where: str, dims: tuple[str, ...]) -> Iterator[Finding]:
        found = "(" + ", ".join(dims) + ")"
        if self.dims is not None and dims != self.dims:
            yield Finding("E_DIMS", where, f"dimensions are {found}, not ({', '.join(self.dims)})")
        elif dims[: len(self.dims_prefix)] != self.dims_prefix:
            first = ", ".join(self.dims_prefix)
            yield Finding("E_DIMS", where, f"dimensions are {found}; first must be {first}")


@attrs.frozen
class GroupRule:
    """What a group must hold.

    Attributes:
        path: Its path, empty for the root; `{kind}` and `{name}` stand for one part each.
        attributes: Rules of its attributes.
        datasets: Rules of the datasets directly in it.
        kinds: What `{kind}` may be.
        rows: Name of the dimension that grows while the run goes on, or empty.
        optional: Whether it may be absent.
        doc: One sentence for the manual.
    """

    path: str
    attributes: tuple[AttributeRule, ...] = ()
    datasets: tuple[DatasetRule, ...] = ()
    kinds: tuple[str, ...] = ()
    rows: str = ""
    optional: bool = False
    doc: str = ""

    def matches(self, path: str) -> bool:
        """Whether the rule is about the group at this path."""
        wanted, given = self.path.split("/"), path.split("/")
        return len(wanted) == len(given) and all(map(self._part_matches, wanted, given))

    def encloses(self, path: str) -> bool:
        """Whether a group that the rule is about may lie below the group at this path."""
        wanted, given = self.path.split("/"), path.split("/")
        return len(wanted) > len(given) and all(map(self._part_matches, wanted, given))

    def dataset(self, name: str, *, scale: bool = False) -> DatasetRule | None:
        """The rule of a dataset: that of its own name, else the one for all others.

        Args:
            name: Name of the dataset.
            scale: Whether the dataset is a dimension scale.
        """
        for rule in self.datasets:
            if rule.name == name:
                return rule
        return next((rule for rule in self.datasets if rule.name == "*" and rule.scale == scale), None)

    def _part_matches(self, wanted: str, given: str) -> bool:
        if wanted == "{kind}" and self.kinds:
            return given in self.kinds
        return wanted == given or wanted.startswith("{")


@attrs.frozen
class Schema:
    """A schema with its source text.

    Attributes:
        name: Name of the schema, such as `engram-run`.
        version: `major.minor.patch`.
        groups: Rules of the groups; the first is the group that the schema is about.
        text: The TOML text it was read from.
    """

    name: str
    version: str
    groups: tuple[GroupRule, ...]
    text: str = attrs.field(repr=False)

    @property
    def root(self) -> GroupRule:
        """The rule of the group that the schema is about."""
        return self.groups[0]

    @property
    def major(self) -> int:
        """The major version: files of a higher one must not be read."""
        return int(self.version.split(".")[0])

    def group(self, path: str) -> GroupRule | None:
        """The rule of the group at this path, or None."""
        return next((rule for rule in self.groups if rule.matches(path)), None)


def parse_schema(text: str, *, trusted: bool = True) -> Schema:
    """Read a schema from its TOML text.

    Args:
        text: The TOML text.
        trusted: Whether the text comes from an installed package. A text found in a file may hold no
            `pattern`, since a regular expression can be made to run for ever.

    Raises:
        SchemaError: The text is no schema; the message says why.
    """
    try:
        table = tomllib.loads(text)
        groups = (_group({**table, "path": ""}), *map(_group, table.get("group", ())))
        schema = Schema(str(table["name"]), str(table["version"]), groups, text)
        int(schema.version.split(".")[0])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SchemaError(f"schema: {type(error).__name__}: {error}") from error
    if not trusted and any(rule.pattern for rule in _attribute_rules(schema)):
        raise SchemaError("schema: an embedded schema may not hold a pattern")
    return schema


@functools.cache
def run_schema() -> Schema:
    """The schema of run files that this version writes."""
    folder = resources.files("engram_hdf5") / "schemas"
    return parse_schema((folder / RUN_SCHEMA).read_text("utf-8"))


def shorten(value: object, length: int = 60) -> str:
    """A value as text for a message, cut to a bearable length."""
    text = repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def _attribute_rules(schema: Schema) -> Iterator[AttributeRule]:
    for group in schema.groups:
        yield from group.attributes
        for dataset in group.datasets:
            yield from dataset.attributes


def _group(table: Mapping[str, Any]) -> GroupRule:
    return GroupRule(
        path=str(table["path"]),
        attributes=_attributes(table),
        datasets=tuple(map(_dataset, table.get("var", ()))),
        kinds=tuple(table.get("kinds", ())),
        rows=str(table.get("rows", "")),
        optional=bool(table.get("optional", False)),
        doc=str(table.get("doc", "")),
    )


def _dataset(table: Mapping[str, Any]) -> DatasetRule:
    return DatasetRule(
        name=str(table["name"]),
        dtypes=tuple(map(str, table["dtype"])),
        dims=tuple(map(str, table["dims"])) if "dims" in table else None,
        dims_prefix=tuple(map(str, table.get("dims_prefix", ()))),
        scale=bool(table.get("scale", False)),
        monotonic=bool(table.get("monotonic", False)),
        optional=bool(table.get("optional", table["name"] == "*")),
        attributes=_attributes(table),
        doc=str(table.get("doc", "")),
    )


def _attributes(table: Mapping[str, Any]) -> tuple[AttributeRule, ...]:
    return tuple(_attribute(name, rule) for name, rule in table.get("attrs", {}).items())


def _attribute(name: str, table: Mapping[str, Any]) -> AttributeRule:
    said: dict[str, Any] = {**table, "enum": tuple(table.get("enum", ()))}
    rule = AttributeRule(name, **said)
    if rule.type not in (*_TYPES, "ints"):
        raise SchemaError(f"attribute {name!r} has the unknown type {rule.type!r}")
    return rule
