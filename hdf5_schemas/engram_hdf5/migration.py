"""Brings a run file of an earlier version to the present one: on a copy, version by version.

A copy takes over the bytes of the old file, so chunks keep their packing and their checksums. The migrations
then change the copy, and it gets its name when a process of its own has found it sound.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import h5py

from engram_hdf5.buffer import Room
from engram_hdf5.errors import FormatError, OutputError
from engram_hdf5.isolation import judge, refuse_errors
from engram_hdf5.layout import Layout, dataset_rule, timestamp
from engram_hdf5.links import Entry, hard_child, walk
from engram_hdf5.netcdf import create_dataset, set_attributes
from engram_hdf5.place import check_place, replacing, storing, writing
from engram_hdf5.reader import check_version
from engram_hdf5.rows import open_file, rows_of
from engram_hdf5.schema import GroupRule, run_schema
from engram_hdf5.storage import read_attributes

_BLOCK_BYTES = 16 << 20
# What the present schema forbids may be right in a file of an earlier version.
_SCHEMA_CODES = frozenset(
    {"E_MISSING", "E_NAME", "E_ATTR_MISSING", "E_ATTR_TYPE", "E_ATTR_VALUE", "E_DTYPE", "E_DIMS"}
)


@attrs.frozen
class Migration:
    """A step from one version of the format to the next, or to what a file of the same version may lack.

    Attributes:
        before: The version it begins from.
        after: The version it leads to.
        doc: What it changes, in a few words.
        change: Changes an open copy.
        needed: Says of an open file of version `before` whether there is anything to change.
    """

    before: str
    after: str
    doc: str
    change: Callable[[h5py.File], None]
    needed: Callable[[h5py.File], bool] = lambda file: True


@attrs.frozen
class Migrated:
    """What `migrate` did.

    Attributes:
        path: The new file; None where there was nothing to migrate, so that none was written.
        before: Version of the old file.
        after: The present version.
        changes: What was changed, in order.
    """

    path: Path | None
    before: str
    after: str
    changes: tuple[str, ...]


def mark_rows(file: h5py.File) -> None:
    """Write the number of rows where a group of rows lacks it: those of its shortest array."""
    for rule, group in list(_unmarked(file)):
        length = rows_of(str(group.name), group, growing=True).length
        mark = dataset_rule(rule, "n_rows")
        create_dataset(group, mark, "n_rows", dims={}, dtype="int64", data=length, attributes={})


def embed_schema(file: h5py.File) -> None:
    """Keep the text of the present schema in the file, in place of one of another version."""
    schema = run_schema()
    for text in _schema_texts(file):
        del file[text.name]
    Layout(file, schema).create_schemas({})


def _unmarked(file: h5py.File) -> Iterator[tuple[GroupRule, h5py.Group]]:
    for entry in walk(file):
        if isinstance(entry, Entry) and entry.path and entry.is_group:
            rule = run_schema().group(entry.path)
            if rule is not None and rule.rows and "n_rows" not in entry.item:
                yield rule, entry.item


def _schema_texts(file: h5py.File) -> list[h5py.Dataset]:
    """The texts of the format's own schema in a file."""
    provenance = hard_child(file, "provenance")
    schemas = hard_child(provenance, "schemas") if isinstance(provenance, h5py.Group) else None
    texts = [hard_child(schemas, name) for name in schemas] if isinstance(schemas, h5py.Group) else []
    return [text for text in texts if read_attributes(text).get("schema") == run_schema().name]


def _lacks_schema(file: h5py.File) -> bool:
    versions = [read_attributes(text).get("schema_version") for text in _schema_texts(file)]
    return versions != [run_schema().version]


MIGRATIONS: tuple[Migration, ...] = (
    Migration("1.0.0", "1.0.0", "committed rows (n_rows)", mark_rows, lambda file: any(_unmarked(file))),
    Migration("1.0.0", "1.0.0", "text of the schema", embed_schema, _lacks_schema),
)
"""All steps, in the order of their versions; each begins where one before it has led."""


def migrate(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    force: bool = False,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> Migrated:
    """Write a copy of a run file as the present version would have written it.

    Args:
        path: The old file; it is never changed.
        out: The new one.
        force: Whether to replace an existing file.
        migrations: The steps there are.

    Returns:
        What was changed; where there is nothing to change, no file is written.

    Raises:
        FormatError: The file is absent, being written, damaged, harmful, of a later version, or of one from
            which no step leads to the present; or the new file would break the format.
        OutputExistsError: The new file is there and `force` is false.
        OutputError: The new file cannot be written there.
        StorageError: The disk is full.
    """
    path, out = Path(path), Path(out)
    if out.exists() and path.exists() and out.samefile(path):
        raise OutputError(f"{out}: is the file to migrate itself; choose another name")
    check_place(out, out, force=force)
    before = _judged_version(path)
    steps = chain(path, before, migrations)
    with open_file(path) as source:
        needed = any(step.needed(source) for step in steps)
    if not needed:
        return Migrated(None, before, run_schema().version, ())
    return _write(path, out, before, steps)


def chain(place: Path, before: str, migrations: Sequence[Migration]) -> list[Migration]:
    """The steps that lead from a version to the present one.

    Args:
        place: The file, for the message.
        before: Its version.
        migrations: The steps there are.

    Raises:
        FormatError: None do.
    """
    version, present = before, run_schema().version
    steps = []
    for step in migrations:
        if step.before == version:
            steps.append(step)
            version = step.after
    if version == present:
        return steps
    if _numbers(version) > _numbers(present):
        text = f"has format {before}, this engram writes {present}; upgrade engram to migrate it"
    else:
        text = f"has format {before!r}, from which nothing leads to {present}; the first format was 1.0.0"
    raise FormatError(f"{place}: {text}", "E_SCHEMA_VERSION")


def _judged_version(path: Path) -> str:
    """The version of a file that a process of its own has found harmless, and sound if it is the present."""
    found = judge(path, data=False)
    refuse_errors(path, [finding for finding in found if finding.code not in _SCHEMA_CODES])
    with open_file(path) as source:
        facts = read_attributes(source)
    check_version(path, facts)
    version = str(facts.get("engram_format_version", ""))
    if version == run_schema().version:
        refuse_errors(path, found)
    return version


def _write(path: Path, out: Path, before: str, steps: Sequence[Migration]) -> Migrated:
    work = out.with_name(f"{out.name}.migrating")
    after = run_schema().version
    line = f"{timestamp()} migrated from {path.name}, format {before}, by engram {metadata.version('engram')}"
    with storing(work), replacing(work, out):
        _copy(path, work)
        changes = _change(work, steps, {"engram_format_version": after}, line)
        refuse_errors(path, judge(work))
    return Migrated(out, before, after, changes)


def _copy(path: Path, work: Path) -> None:
    room = Room(work)
    with path.open("rb") as source, work.open("wb") as target:
        while block := source.read(_BLOCK_BYTES):
            room.check(len(block))
            target.write(block)
    room.check(0)


def _change(work: Path, steps: Sequence[Migration], said: dict[str, Any], line: str) -> tuple[str, ...]:
    changes = []
    with writing(h5py.File(work, "r+", libver=("v108", "v108"))) as file:
        for step in steps:
            if step.needed(file):
                step.change(file)
                changes.append(step.doc)
        history = str(read_attributes(file).get("history", ""))
        set_attributes(file, {**said, "history": f"{history}\n{line}".strip()})
    return tuple(changes)


def _numbers(version: str) -> list[int]:
    return [int(number[:9]) for number in re.findall(r"\d+", version)[:3]]
