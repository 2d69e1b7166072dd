"""Checks of the datasets of one group: dtype, dimensions, lengths, order and readability of the data."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import h5py
import numpy as np

from engram_hdf5.errors import Finding, reason_of
from engram_hdf5.netcdf import dimension_names, dimension_scales, is_scale
from engram_hdf5.schema import DatasetRule, GroupRule
from engram_hdf5.storage import dtype_name, read_attributes

_BLOCK_BYTES = 16 << 20


@attrs.define(eq=False)
class Contents:
    """A group that the schema knows, as it is in the file.

    Attributes:
        path: Its path, empty for the root.
        rule: Its rule.
        attributes: Its attributes.
        present: Names of its datasets.
        safe: Those whose data may be read.
    """

    path: str
    rule: GroupRule
    attributes: Mapping[str, Any]
    present: set[str] = attrs.field(factory=set)
    safe: dict[str, h5py.Dataset] = attrs.field(factory=dict)

    @property
    def length(self) -> int | None:
        """Committed rows, None where the file does not say."""
        mark = self.safe.get("n_rows")
        if (
            not self.rule.rows
            or mark is None
            or mark.shape != ()
            or dtype_name(mark.id.get_type()) != "int64"
        ):
            return None
        return int(mark[()])


def guarded(where: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Pass findings on; an object that HDF5 cannot read becomes a finding as well."""
    try:
        yield from findings
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield Finding("E_OBJECT", where, f"cannot be read: {reason_of(error)}")


def dataset_findings(
    where: str, dataset: h5py.Dataset, rule: DatasetRule, group: Contents, *, complete: bool
) -> Iterator[Finding]:
    """Check a dataset against its rule, without reading data.

    Args:
        where: Its path.
        dataset: The dataset; its storage must have been found harmless.
        rule: Its rule.
        group: Where it lies.
        complete: Whether the run is complete, so that no row may stand beyond the committed ones.
    """
    dtype = dtype_name(dataset.id.get_type())
    if dataset.shape is None:
        yield Finding("E_DTYPE", where, "is empty: it has no shape")
        return
    dims = dimension_names(dataset)
    if dims is None:
        yield Finding("E_DIM_LIST", where, "a dimension leads to nothing")
    found = list(rule.findings(where, dtype, dims, read_attributes(dataset)))
    yield from found
    if "?" in (dims or ()) and not any(finding.code == "E_DIMS" for finding in found):
        yield Finding("E_DIMS", where, "one of its dimensions has no scale and so no name")
    yield from _size_findings(where, dataset, group, complete=complete)


def _size_findings(
    where: str, dataset: h5py.Dataset, group: Contents, *, complete: bool
) -> Iterator[Finding]:
    length, rows = group.length, group.rule.rows
    scales = (dataset,) if is_scale(dataset) else dimension_scales(dataset) or ()
    for axis, scale in enumerate(scales):
        if scale is None:
            continue
        folder, _, dim = str(scale.name).lstrip("/").rpartition("/")
        size = dataset.shape[axis]
        if folder not in (group.path, ""):
            yield Finding("E_DIMS", where, f"the dimension {dim!r} lies in another group")
        elif dim == rows and length is not None:
            if size < length or (complete and size != length):
                yield Finding("E_DIM_SIZE", where, f"has {size} rows, committed are {length}")
        elif scale.shape and size != scale.shape[0]:
            yield Finding("E_DIM_SIZE", where, f"has {size} places along {dim!r}, not {scale.shape[0]}")


def increase_findings(
    where: str, dataset: h5py.Dataset, length: int | None, alive: Callable[[], None]
) -> Iterator[Finding]:
    """Check that the committed values `(time,)` of a dataset increase strictly."""
    before = None
    for values in _blocks(dataset, length):
        ordered = np.all(values[1:] > values[:-1]) and (before is None or values[0] > before)
        if not ordered:
            yield Finding("E_NOT_MONOTONIC", where, "does not increase strictly")
            return
        before = values[-1]
        alive()


def chunks_findings(where: str, dataset: h5py.Dataset, alive: Callable[[], None]) -> Iterator[Finding]:
    """Read all data once, so that checksums are compared."""
    try:
        for _ in _blocks(dataset, None):
            alive()
    except (OSError, RuntimeError) as error:
        yield Finding("E_DATA", where, f"the data are damaged: {reason_of(error)}")


def text_of(dataset: h5py.Dataset) -> str | None:
    """The text of a scalar text dataset, None for any other."""
    if dataset.shape != () or dtype_name(dataset.id.get_type()) != "str":
        return None
    value = dataset[()]
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _blocks(dataset: h5py.Dataset, length: int | None) -> Iterator[Any]:
    if dataset.shape == ():
        dataset[()]
        return
    shape = dataset.shape if length is None else (min(length, dataset.shape[0]), *dataset.shape[1:])
    steps = _piece(dataset)
    for starts in itertools.product(*map(range, itertools.repeat(0), shape, steps)):
        stops = map(min, map(operator.add, starts, steps), shape)
        yield dataset[tuple(map(slice, starts, stops))]


def _piece(dataset: h5py.Dataset) -> list[int]:
    """Sizes of a block of whole chunks, at most 16 MiB or one chunk, however wide the dataset is."""
    sizes = list(dataset.chunks or [1] * dataset.ndim)
    for axis in reversed(range(dataset.ndim)):
        room = _BLOCK_BYTES // (math.prod(sizes) * max(1, dataset.dtype.itemsize))
        sizes[axis] *= max(1, min(room, -(-dataset.shape[axis] // sizes[axis])))
        if sizes[axis] < dataset.shape[axis]:
            break
    return sizes
