"""Creates the groups and datasets of a run file as the schema describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import OutputError
from engram_hdf5.netcdf import check_name, create_dataset, set_attributes
from engram_hdf5.schema import DatasetRule, GroupRule, Schema, SchemaError, parse_schema
from engram_hdf5.variables import Column, Variable, stored

_TEXT = h5py.string_dtype("utf-8")
_RESERVED = frozenset({"time", "step", "n_rows", "batch"})


class Layout:
    """The structure of one file that is being written.

    Args:
        file: The open file.
        schema: What it must follow.

    Attributes:
        file: The open file; another of the same structure may take its place.
    """

    def __init__(self, file: h5py.File, schema: Schema) -> None:
        self.file: Any = file
        self._schema = schema
        self._paths: dict[str, str | None] = {}

    def begin(self, title: str, source: str, run_id: str) -> None:
        """Set the attributes of the file."""
        now = timestamp()
        facts = {
            "Conventions": "CF-1.11",
            "engram_format": self._schema.name,
            "engram_format_version": self._schema.version,
            "run_id": run_id,
            "title": title,
            "source": source,
            "history": f"{now} written by {source}",
            "date_created": now,
            "status": "running",
        }
        set_attributes(self.file, facts)
        self.check_attributes("/", self._schema.root, self.file)

    def create_columns(self, columns: Sequence[Column], batch: int) -> None:
        """Create the dimension `batch` and the values of each replica, `(batch,)`."""
        root = self._schema.root
        if batch < 1:
            raise OutputError(f"batch: is {batch}; a run has at least one replica")
        said = {"units": "1", "long_name": "replica"}
        index = self._create_index(self.file, root, "batch", range(batch), said)
        for column in columns:
            refuse_taken(self.file, column.name)
            create_dataset(
                self.file,
                dataset_rule(root, column.name),
                column.name,
                dims={"batch": index},
                dtype="int8" if column.values.dtype == np.bool_ else column.values.dtype.name,
                data=stored(column.name, column.values, column.values.dtype.name, (batch,)),
                attributes=column.attributes,
            )

    def create_provenance(self, facts: Mapping[str, object], texts: Mapping[str, str]) -> None:
        """Create the group `provenance` with its texts; the digest of the recipe is computed here."""
        digest = hashlib.sha256(texts.get("config", "").encode()).hexdigest()
        group, rule = self.create_group("provenance", {**facts, "config_sha256": digest})
        for absent in sorted({item.name for item in rule.datasets if not item.optional} - set(texts)):
            raise OutputError(f"provenance: the text {absent!r} is missing; give it in texts")
        for name, text in texts.items():
            create_text(group, rule, name, text, {})

    def create_schemas(self, schemas: Mapping[str, str]) -> None:
        """Store the texts of the schemas, that of the file first."""
        group, rule = self.create_group("provenance/schemas", {})
        for key, text in {self._schema.name: self._schema.text, **schemas}.items():
            try:
                schema = parse_schema(text, trusted=text is self._schema.text)
            except SchemaError as error:
                raise OutputError(f"the schema {key!r} cannot be stored: {error}") from error
            name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in key)
            said = {"schema": schema.name, "schema_version": schema.version}
            name = name if not name[:1].isdigit() else f"_{name}"
            while name in group:
                name += "_"
            create_text(group, rule, name, text, said)

    def create_group(self, where: str, attributes: Mapping[str, object]) -> tuple[h5py.Group, GroupRule]:
        """Create a group that the schema knows.

        Raises:
            OutputError: The schema knows no such group, it is there already, or an attribute is wrong.
        """
        rule = self._schema.group(where)
        if rule is None:
            raise OutputError(f"{where}: a run file has no such group; kinds are memory, synapse and task")
        if where in self._paths:
            raise OutputError(f"{where}: is there already; give each component a name of its own")
        group = self.file
        for part in where.split("/"):
            check_name(where, part)
            # HDF5 keeps the order of creation for each group apart, so each one is created by itself.
            group = group[part] if part in group else group.create_group(part, track_order=True)
        set_attributes(group, attributes)
        self.check_attributes(where, rule, group)
        self._paths[where] = group.attrs.get("path")
        return group, rule

    def path_of(self, where: str) -> str | None:
        """The component path of a group created before, None where there is none."""
        return self._paths.get(where)

    def create_growing(
        self, group: h5py.Group, rule: GroupRule, name: str, dtype: str, long_name: str, units: str
    ) -> h5py.Dataset:
        """Create the dimension along which the rows of a group grow."""
        return create_dataset(
            group,
            dataset_rule(rule, name),
            name,
            dims={name: group},
            dtype=dtype,
            shape=(0,),
            attributes={"units": units, "long_name": long_name},
            scale=True,
        )

    def create_variables(
        self,
        group: h5py.Group,
        rule: GroupRule,
        variables: Sequence[Variable],
        leading: Mapping[str, h5py.Dataset],
        extent: tuple[int, ...],
        data: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        """Create arrays and the scales of their axes.

        Args:
            group: Where they go.
            rule: The rule of the group.
            variables: What they are.
            leading: Dimensions before the arrays' own axes, each with its scale.
            extent: Lengths of these.
            data: The values, where they are known.
        """
        axes = self._create_axes(group, rule, variables)
        for item in variables:
            # A table has time and step as columns of its own.
            refuse_taken(group, item.name, free={"time"} if "batch" in leading else {"time", "step"})
            create_dataset(
                group,
                dataset_rule(rule, item.name),
                item.name,
                dims={**leading, **{axis: axes[axis] for axis in item.axes}},
                dtype=item.stored_dtype,
                shape=(*extent, *item.sizes),
                data=None if data is None else data[item.name],
                attributes=item.attributes,
                compress=item.compressed,
            )

    def check_attributes(self, where: str, rule: GroupRule, group: h5py.Group) -> None:
        """Refuse a group whose attributes are not what its rule asks.

        Raises:
            OutputError: One is missing or wrong.
        """
        values = dict(group.attrs)
        for attribute in rule.attributes:
            for finding in attribute.findings(where, values):
                raise OutputError(f"{where}: {finding.message}")

    def _create_axes(
        self, group: h5py.Group, rule: GroupRule, variables: Sequence[Variable]
    ) -> dict[str, h5py.Dataset]:
        places: dict[str, Sequence[int]] = {}
        labels: dict[str, str] = {}
        for item in variables:
            for axis, size in zip(item.axes, item.sizes, strict=True):
                kept = item.entries.get(axis, range(size))
                other = places.setdefault(axis, kept)
                if len(other) != size:
                    raise OutputError(
                        f"{group.name}/{item.name}: the axis {axis!r} has {size} places here and "
                        f"{len(other)} in another variable; give it another name"
                    )
                if list(kept) != list(other):
                    raise OutputError(
                        f"{group.name}/{item.name}: along {axis!r} other entries are kept than in another "
                        "variable; keep the same, or give it another name"
                    )
            labels |= {axis: " ".join(names) for axis, names in item.labels.items()}
        return {
            axis: self._create_axis(group, rule, axis, kept, labels.get(axis))
            for axis, kept in places.items()
        }

    def _create_axis(
        self, group: h5py.Group, rule: GroupRule, axis: str, kept: Sequence[int], labels: str | None
    ) -> h5py.Dataset:
        if axis in _RESERVED or axis in group:
            raise OutputError(f"{group.name}: an axis may not be called {axis!r}; choose another name")
        said = {"units": "1", "long_name": f"index of {axis}", "labels": labels}
        return self._create_index(group, rule, axis, kept, said)

    def _create_index(
        self,
        group: h5py.Group,
        rule: GroupRule,
        name: str,
        places: Sequence[int],
        attributes: Mapping[str, object],
    ) -> h5py.Dataset:
        return create_dataset(
            group,
            dataset_rule(rule, name, scale=True),
            name,
            dims={name: group},
            dtype="int32",
            data=places,
            attributes=attributes,
            scale=True,
        )


def dataset_rule(group: GroupRule, name: str, *, scale: bool = False) -> DatasetRule:
    """The rule of a dataset in a group.

    Raises:
        OutputError: The schema allows none of this name.
    """
    rule = group.dataset(name, scale=scale)
    if rule is None:
        raise OutputError(f"{group.path or '/'}: a run file has no {name!r} here; use a name that it knows")
    return rule


def refuse_taken(group: h5py.Group, name: str, free: Set[str] = frozenset({"time"})) -> None:
    """Refuse a name that is in use, or that has a meaning of its own and is not `free` here.

    Raises:
        OutputError: An axis or an array has it.
    """
    if name in group or name in _RESERVED - free:
        raise OutputError(f"{group.name}: the name {name!r} is taken by an axis or index; use another")


def timestamp() -> str:
    """The time now, ISO 8601 in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def create_text(
    group: h5py.Group, rule: GroupRule, name: str, text: str, attributes: Mapping[str, object]
) -> None:
    """Create a text in a group.

    Raises:
        OutputError: The rule, or the name, forbids it.
    """
    check_name(str(group.name), name)
    for finding in dataset_rule(rule, name).findings(f"{group.name}/{name}", "str", (), attributes):
        raise OutputError(f"{finding.where}: {finding.message}")
    set_attributes(group.create_dataset(name, data=text, dtype=_TEXT), attributes)
