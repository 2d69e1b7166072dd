"""Copies what is whole in a damaged run file into a new one, group by group and block by block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import h5py

from engram_hdf5.buffer import Room
from engram_hdf5.contents import text_of
from engram_hdf5.errors import Finding, OutputError, StorageError, reason_of
from engram_hdf5.intact import Read, blocks, intact_rows, stored_rows
from engram_hdf5.layout import Layout, create_text, dataset_rule
from engram_hdf5.links import Entry, walk
from engram_hdf5.netcdf import create_dataset, dimension_names, is_scale
from engram_hdf5.schema import GroupRule, Schema
from engram_hdf5.storage import dtype_name, is_readable, read_attributes
from engram_hdf5.torn import DAMAGE, read_block


class Salvage:
    """The copy of one file.

    Args:
        path: The damaged file.
        source: The same, open for reading.
        target: The new one, open for writing, with its attributes.
        schema: What the new one must follow.
        room: Looked at before each write.
    """

    def __init__(self, path: Path, source: h5py.File, target: h5py.File, schema: Schema, room: Room) -> None:
        self.rows: dict[str, int] = {}
        self.finals: list[str] = []
        self.lost: list[Finding] = []
        self._path = path
        self._source: Any = source
        self._target: Any = target
        self._schema = schema
        self._layout = Layout(target, schema)
        self._room = room
        self._read: Read = partial(read_block, path, committed=0)

    def copy(self) -> None:
        """Copy everything that is there; `lost` says what is not.

        Raises:
            StorageError: The disk is full.
        """
        contents = self._contents()
        self._replace_batch(contents)
        for path, members in contents.items():
            rule = self._schema.group(path) if path else self._schema.root
            if rule is None:
                self._leave(path, members)
                continue
            with self._reporting(path or "/"):
                self._copy_group(path, rule, members)

    def _contents(self) -> dict[str, dict[str, Any]]:
        """The datasets of each group by name, in the order of the file."""
        found: dict[str, dict[str, Any]] = {}
        order: dict[str, tuple[int, ...]] = {"": ()}
        for entry in walk(self._source):
            if isinstance(entry, Finding):
                self.lost.append(entry)
            elif entry.is_group:
                order[entry.path] = (*order.get(entry.parent, ()), len(order)) if entry.path else ()
                found[entry.path] = {}
            else:
                self._note(found, entry)
        return dict(sorted(found.items(), key=lambda item: order[item[0]]))

    def _note(self, found: dict[str, dict[str, Any]], entry: Entry) -> None:
        with self._reporting(entry.path):
            if is_readable(entry.item):
                found[entry.parent][entry.name] = entry.item
            else:
                self._lose("E_DATA", entry.path, "its data do not lie plainly in the file; not copied")

    def _leave(self, path: str, members: Mapping[str, Any]) -> None:
        if members or not any(rule.encloses(path) for rule in self._schema.groups):
            self._lose("W_UNKNOWN", path, "the format knows no such group; not copied")

    def _replace_batch(self, contents: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the index of the replicas anew where it is damaged: it is 0 to n-1 in every file."""
        if "batch" in contents[""]:
            return
        arrays = [
            item for path in contents for item in contents[path].values() if path.startswith("recordings/")
        ]
        sizes = {item.shape[0] for item in contents[""].values()}
        sizes |= {item.shape[1] for item in arrays if len(item.shape) > 1}
        if len(sizes) == 1:
            self._layout.create_columns((), sizes.pop())
            self._lose(
                "W_INCOMPLETE", "batch", "was missing or damaged; written anew, as the index from 0 on"
            )

    def _copy_group(self, path: str, rule: GroupRule, members: dict[str, Any]) -> None:
        group: Any = self._target
        if path:
            group, _ = self._layout.create_group(path, read_attributes(self._source[path]))
        length = None
        if rule.rows:
            members, length = self._whole(path, rule, members)
        # A dimension must be there before an array is attached to it.
        for name in sorted(members, key=lambda name: not is_scale(members[name])):
            with self._reporting(f"{path}/{name}".lstrip("/")):
                self._copy_dataset(group, rule, name, members[name], length)
        if length is not None:
            mark = dataset_rule(rule, "n_rows")
            create_dataset(group, mark, "n_rows", dims={}, dtype="int64", data=length, attributes={})
            self.rows[path] = length
        elif path.startswith("state/final/"):
            self.finals.append(path)

    def _whole(self, path: str, rule: GroupRule, members: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """The arrays of a group of which something is left, without the mark, and their common length."""
        kept = {name: item for name, item in members.items() if name != "n_rows"}
        growing = {name: item for name, item in kept.items() if _dims(item, rule)[:1] == (rule.rows,)}
        asked = self._asked(path, rule, members.get("n_rows"), growing)
        counts = {}
        self._read = partial(read_block, self._path, committed=asked)
        for name, item in growing.items():
            said = rule.dataset(name, scale=is_scale(item))
            counts[name], reason = intact_rows(
                item, asked, self._read, increasing=bool(said and said.monotonic)
            )
            if reason:
                self._lose("E_DATA", f"{path}/{name}", f"{reason} from row {counts[name]} of {asked} on")
        # An array without any row would take those of all others with it; the rows cannot do without theirs.
        empty = {
            name for name, count in counts.items() if not count and asked and name not in ("step", rule.rows)
        }
        length = min((count for name, count in counts.items() if name not in empty), default=0)
        return {name: item for name, item in kept.items() if name not in empty}, length

    def _asked(self, path: str, rule: GroupRule, mark: Any, growing: Mapping[str, Any]) -> int:
        """How many rows were committed; without a mark, how many the shortest array has."""
        shortest = min((item.shape[0] for item in growing.values()), default=0)
        if mark is None or mark.shape != ():
            said = f"n_rows is missing: cut to the {shortest} rows of the shortest array"
            self._lose("W_INCOMPLETE", path, f"{said}, and to where {rule.rows} increases")
            return int(shortest)
        return max(0, int(mark[()]))

    def _copy_dataset(self, group: Any, rule: GroupRule, name: str, item: Any, length: int | None) -> None:
        if dtype_name(item.id.get_type()) == "str":
            text = text_of(item)
            if text is not None:
                create_text(group, rule, name, text, read_attributes(item))
            return
        dims = _dims(item, rule)
        grows = length is not None and dims[:1] == (rule.rows,)
        if not grows:
            _check_stored(item)
        scale = is_scale(item)
        copied = create_dataset(
            group,
            dataset_rule(rule, name, scale=scale),
            name,
            dims={dim: group if scale else self._dimension(group, dim) for dim in dims},
            dtype=dtype_name(item.id.get_type()),
            shape=(0, *item.shape[1:]) if grows else item.shape,
            attributes=read_attributes(item),
            compress=item.compression is not None,
            scale=scale,
        )
        rows = length if grows else None
        if grows:
            copied.resize(length, axis=0)
        self._copy_blocks(item, copied, rows)

    def _dimension(self, group: Any, dim: str) -> Any:
        if dim in group:
            return group[dim]
        if dim in self._target:
            return self._target[dim]
        raise OutputError(f"the scale of its dimension {dim!r} is missing")

    def _copy_blocks(self, item: Any, copied: Any, length: int | None) -> None:
        for part in blocks(item, length):
            values = self._read(item, part)
            self._room.check(values.nbytes)
            try:
                copied[part] = values
            except (OSError, RuntimeError) as error:
                raise StorageError(f"{copied.file.filename}: could not be written ({error})") from error

    @contextlib.contextmanager
    def _reporting(self, where: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except OutputError as error:
            said = str(error).removeprefix("/").removeprefix(f"{where}: ")
            self._lose("E_OBJECT", where, f"{said}; not copied")
        except DAMAGE as error:
            self._lose("E_OBJECT", where, f"cannot be read ({reason_of(error)}); not copied")

    def _lose(self, code: str, where: str, message: str) -> None:
        self.lost.append(Finding(code, where, message))


def _dims(item: h5py.Dataset, rule: GroupRule) -> tuple[str, ...]:
    """Names of an array's dimensions; where a scale is damaged, the name that the format gives."""
    known = dimension_names(item)
    if known is not None:
        return known
    name = str(item.name).rpartition("/")[2]
    said = rule.dataset(name)
    fixed = (said.dims or said.dims_prefix) if said else ()
    given = fixed if len(fixed) != 1 or rule.rows != "time" else (rule.rows, "batch")
    return tuple(_dim(item, axis) or (given[axis] if axis < len(given) else "?") for axis in range(item.ndim))


def _dim(item: h5py.Dataset, axis: int) -> str:
    try:
        dimension = item.dims[axis]
        if not len(dimension):
            return "?"
        # HDF5 finds no path of a scale where any object of the file is damaged; the scale knows its name.
        path = dimension[0].name or h5py.h5ds.get_scale_name(dimension[0].id).decode()
        return str(path).rpartition("/")[2]
    except DAMAGE:
        return ""


def _check_stored(item: h5py.Dataset) -> None:
    if item.chunks and stored_rows(item, item.shape[0]) < item.shape[0]:
        raise OSError("some of its data were never written")
