"""Checks a file against the schemas: that of the run, and those of its components kept in the file itself.

Nothing outside the file is ever opened, no link is followed, and data are read block by block, only where
the storage was found harmless.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py

from engram_hdf5.contents import (
    Contents,
    chunks_findings,
    dataset_findings,
    guarded,
    increase_findings,
    text_of,
)
from engram_hdf5.errors import Finding, FormatError
from engram_hdf5.links import Entry, walk
from engram_hdf5.netcdf import is_scale
from engram_hdf5.rows import open_file
from engram_hdf5.schema import NAME, DatasetRule, Schema, SchemaError, parse_schema, run_schema
from engram_hdf5.storage import Claims, attribute_findings, read_attributes, storage_findings

_UNFINISHED = ("running", "failed", "interrupted")


def validate(path: str | os.PathLike[str], *, data: bool = False) -> list[Finding]:
    """Check a file.

    Args:
        path: The file.
        data: Whether to read all data, too, and so find damaged chunks.

    Returns:
        What is wrong, in the order of the file; empty for a sound and complete one. Codes that start with
        `E_` are errors, with `W_` warnings.
    """
    return list(findings(path, data=data))


def findings(
    path: str | os.PathLike[str], *, data: bool = False, alive: Callable[[], None] = lambda: None
) -> Iterator[Finding]:
    """Check a file and give each finding as it is found.

    Args:
        path: The file.
        data: Whether to read all data, too.
        alive: Called after each block of data.

    Yields:
        What `validate` returns.
    """
    try:
        # Each chunk is read once, so keeping it would only make memory grow with the number of arrays.
        file = open_file(Path(path), cache=False)
    except FormatError as error:
        yield Finding(error.code, "/", str(error))
        return
    seen = set()
    with file:
        for finding in guarded("/", _check(file, data=data, alive=alive)):
            if finding not in seen:
                seen.add(finding)
                yield finding


def _check(file: h5py.File, *, data: bool, alive: Callable[[], None]) -> Iterator[Finding]:
    # A generator, so that attributes of the root that cannot be read are a finding, too.
    yield from _Check(file, data=data, alive=alive).findings()


class _Check:
    """One check of one open file."""

    def __init__(self, file: h5py.File, *, data: bool, alive: Callable[[], None]) -> None:
        self._file = file
        self._data = data
        self._alive = alive
        self._claims = Claims(os.path.getsize(file.filename))
        self._schema = run_schema()
        self._root = read_attributes(file)
        self._groups: dict[str, Contents] = {}
        self._embedded: dict[str, Schema] = {}

    def findings(self) -> Iterator[Finding]:
        refusal = self._refusal()
        if refusal is not None:
            yield refusal
            return
        if self._root.get("status") in _UNFINISHED:
            yield Finding("W_INCOMPLETE", "/", f"the run is {self._root['status']}, not complete")
        yield from self._objects()
        yield from self._read_embedded()
        for group in self._groups.values():
            yield from self._group(group)
        yield from self._config()

    def _refusal(self) -> Finding | None:
        version = self._root.get("engram_format_version")
        major = version.split(".")[0] if isinstance(version, str) else ""
        if not major.isdecimal() or int(major[:9]) <= self._schema.major:
            return None
        message = f"format {version} is newer than {self._schema.version}; upgrade engram to check this file"
        return Finding("E_SCHEMA_VERSION", "/", message)

    def _objects(self) -> Iterator[Finding]:
        unfit: set[str] = set()
        for entry in walk(self._file):
            if isinstance(entry, Finding):
                unfit.add(entry.where)
                yield entry
                continue
            where = entry.path or "/"
            yield from guarded(where, attribute_findings(where, entry.item))
            if entry.path and not NAME.match(entry.name):
                yield Finding("E_NAME", where, "the name is not made of ASCII letters, digits and _")
            enter = self._enter_group if entry.is_group else self._enter_dataset
            yield from guarded(where, enter(entry))
        for rule in self._schema.groups:
            if not rule.optional and not {rule.path} & (self._groups.keys() | unfit):
                yield Finding("E_MISSING", rule.path, "the group is missing")

    def _enter_group(self, entry: Entry) -> Iterator[Finding]:
        rule = self._schema.group(entry.path)
        if rule is not None:
            self._groups[entry.path] = Contents(entry.path, rule, read_attributes(entry.item))
        elif not any(item.encloses(entry.path) for item in self._schema.groups):
            yield Finding("W_UNKNOWN", entry.path, "the schema has no such group")

    def _enter_dataset(self, entry: Entry) -> Iterator[Finding]:
        unsafe = list(storage_findings(entry.path, entry.item))
        unsafe += [] if unsafe else self._claims.findings(entry.path, entry.item)
        yield from unsafe
        group = self._groups.get(entry.parent)
        if group is None:
            yield Finding("W_UNKNOWN", entry.path, "the schema has no such dataset")
        else:
            group.present.add(entry.name)
            group.safe |= {} if unsafe else {entry.name: entry.item}

    def _read_embedded(self) -> Iterator[Finding]:
        group = self._groups.get("provenance/schemas")
        for name in group.safe if group else ():
            assert group is not None
            text = text_of(group.safe[name])
            try:
                schema = parse_schema(text or "", trusted=text == self._schema.text)
                self._embedded[schema.name] = schema
            except SchemaError as error:
                yield Finding("E_SCHEMA", f"{group.path}/{name}", str(error))

    def _group(self, group: Contents) -> Iterator[Finding]:
        where = group.path or "/"
        component = self._component(group)
        for attribute in (*group.rule.attributes, *(component.root.attributes if component else ())):
            if not group.path.startswith("state/") or attribute in group.rule.attributes:
                yield from attribute.findings(where, group.attributes)
        for rule in group.rule.datasets:
            if not rule.optional and rule.name not in group.present:
                yield Finding("E_MISSING", f"{group.path}/{rule.name}".lstrip("/"), "the dataset is missing")
        length = group.length
        if group.rule.rows and length is None and self._root.get("status") in _UNFINISHED:
            yield Finding("W_INCOMPLETE", where, "n_rows is missing: how many rows are whole is not known")
        for name, dataset in group.safe.items():
            place = f"{group.path}/{name}".lstrip("/")
            yield from guarded(place, self._dataset(group, place, name, dataset, component))

    def _dataset(
        self, group: Contents, where: str, name: str, dataset: h5py.Dataset, component: Schema | None
    ) -> Iterator[Finding]:
        scale = is_scale(dataset)
        rule = group.rule.dataset(name, scale=scale)
        if rule is None:
            yield Finding("W_UNKNOWN", where, "the schema has no such dataset")
            return
        complete = self._root.get("status") == "complete"
        found = list(dataset_findings(where, dataset, rule, group, complete=complete))
        own = None if component is None or scale else _own_rule(component, name, group)
        if own is not None:
            found += dataset_findings(where, dataset, own, group, complete=False)
        yield from found
        if any(finding.code == "E_DTYPE" for finding in found):
            return
        if rule.monotonic and dataset.ndim == 1:
            yield from increase_findings(where, dataset, group.length, self._alive)
        if self._data:
            yield from chunks_findings(where, dataset, self._alive)

    def _component(self, group: Contents) -> Schema | None:
        if group.path.startswith("state/final/"):
            group = self._groups.get(group.path.replace("state/final", "recordings", 1), group)
        return self._embedded.get(str(group.attributes.get("schema", "")))

    def _config(self) -> Iterator[Finding]:
        group = self._groups.get("provenance")
        text = text_of(group.safe["config"]) if group and "config" in group.safe else None
        digest = group.attributes.get("config_sha256") if group else None
        if text is None or digest is None:
            return
        if hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest() != digest:
            yield Finding("E_CONFIG_HASH", "provenance/config", "is not the text whose digest is stored")


def _own_rule(component: Schema, name: str, group: Contents) -> DatasetRule | None:
    """What a component's schema says of an array; in a final state its dimensions lack time."""
    rule = component.root.dataset(name)
    if rule is None or name in ("time", "step", "n_rows"):
        return None
    dims = rule.dims[1:] if rule.dims and group.rule.rows == "" and rule.dims[0] == "time" else rule.dims
    return DatasetRule(rule.name, rule.dtypes, dims, attributes=rule.attributes)
