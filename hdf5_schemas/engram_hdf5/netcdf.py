"""Datasets and dimensions by the netCDF-4 rules, so that xarray, ncdump, R and MATLAB see their names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from engram_hdf5.errors import OutputError
from engram_hdf5.schema import NAME, DatasetRule

CHUNK_BYTES = 2 << 20
LEAST_ROWS, MOST_ROWS = 16, 4096
MOST_CHUNK_BYTES = 32 << 20
ATTRIBUTE_BYTES = 64 << 10


def check_name(where: str, name: str) -> None:
    """Refuse a name that some reader cannot take.

    Raises:
        OutputError: The name is not made of ASCII letters, digits and `_`, or starts with a digit.
    """
    if not NAME.match(name):
        raise OutputError(f"{where}: the name {name!r} cannot be stored; use ASCII letters, digits and _")


def chunk_shape(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Shape of the HDF5 chunks of an array that grows along its first axis.

    It depends on the shape of a row alone, never on how rows arrive, so that a file's content does not.

    Args:
        shape: Shape of one row.
        itemsize: Bytes of one value.

    Returns:
        Rows, then the extent along each further axis: about 2 MiB, between 16 and 4096 rows. Rows so large
        that 16 of them would pass 32 MiB are taken fewer at a time, and a single one is split.
    """
    row = max(1, math.prod(shape) * itemsize)
    rows = min(max(CHUNK_BYTES // row, LEAST_ROWS), MOST_ROWS)
    if rows * row > MOST_CHUNK_BYTES:
        rows = max(1, MOST_CHUNK_BYTES // row)
    chunk = [rows, *shape]
    for axis in range(1, len(chunk)):
        excess = math.prod(chunk) * itemsize / MOST_CHUNK_BYTES
        chunk[axis] = max(1, chunk[axis] if excess <= 1 else int(chunk[axis] / excess))
    return tuple(chunk)


def fixed_chunk_shape(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Shape of the HDF5 chunks of an array of known shape: as `chunk_shape`, never beyond the array."""
    return tuple(map(min, chunk_shape(shape[1:], itemsize), shape))


def storable(where: str, value: object) -> object:
    """A Python value as an attribute that every reader takes: bool becomes int8, int int64.

    Args:
        where: Path and name of the attribute, for messages.
        value: Text, bool, number or numbers `(n,)`.

    Raises:
        OutputError: There is no such form of the value.
    """
    if isinstance(value, bool | np.bool_):
        return np.int8(value)
    if isinstance(value, str):
        return _text(where, value)
    if isinstance(value, int):
        return np.int64(value) if -(2**63) <= value < 2**63 else _refuse(where, value)
    if isinstance(value, float):
        return np.float64(value)
    array = np.asarray(value)
    fits = array.dtype.kind in "iuf" and array.ndim <= 1 and array.dtype != np.float16
    return value if fits else _refuse(where, value)


def _text(where: str, value: str) -> str:
    # Names of files and messages may hold bytes that are no UTF-8, as lone surrogates.
    value = value.encode("utf-8", "replace").decode()
    if len(value.encode()) > ATTRIBUTE_BYTES:
        raise OutputError(f"{where}: {len(value)} characters are too long for an attribute; shorten it")
    return value if "\x00" not in value else value.replace("\x00", "\ufffd")


def _refuse(where: str, value: object) -> object:
    shown = f"{type(value).__name__} {str(value)[:40]!r}"
    raise OutputError(f"{where}: {shown} cannot be stored as an attribute; use text or numbers")


def set_attributes(target: Any, values: Mapping[str, object]) -> None:
    """Set attributes of a file, group or dataset; a value None is left out.

    Raises:
        OutputError: A name or a value cannot be stored.
    """
    for name, value in values.items():
        check_name(f"{target.name}: attribute", name)
        if value is not None:
            target.attrs[name] = storable(f"{target.name}: {name}", value)


def create_dataset(
    group: h5py.Group,
    rule: DatasetRule,
    name: str,
    *,
    dims: Mapping[str, h5py.Dataset],
    dtype: str,
    shape: tuple[int, ...] | None = None,
    data: object = None,
    attributes: Mapping[str, object],
    compress: bool = False,
    scale: bool = False,
) -> h5py.Dataset:
    """Create a dataset as its rule asks, with its dimensions attached.

    Args:
        group: Where it goes.
        rule: The rule it must meet.
        name: Its name.
        dims: Its dimensions in order, each with its scale; a scale names itself.
        dtype: Name of the dtype.
        shape: Shape, 0 along an axis that will grow; None takes that of `data`.
        data: The values, where they are known.
        attributes: Attributes.
        compress: Whether to shuffle and deflate.
        scale: Whether it is itself a dimension.

    Raises:
        OutputError: The rule, or the name, forbids it.
    """
    where = f"{group.name.rstrip('/')}/{name}"
    check_name(group.name, name)
    values = {
        key: storable(f"{where}: {key}", value) for key, value in attributes.items() if value is not None
    }
    for finding in rule.findings(where, dtype, tuple(dims), values):
        raise OutputError(f"{where}: {finding.message}")
    array = None if data is None else np.asarray(data, dtype=dtype)
    extent = shape if array is None else array.shape
    assert extent is not None
    dataset = group.create_dataset(
        name, shape=extent, dtype=dtype, data=array, **_storage(extent, dtype, compress=compress, scale=scale)
    )
    set_attributes(dataset, values)
    if scale:
        dataset.make_scale(name)
    else:
        for axis, dimension in enumerate(dims.values()):
            dataset.dims[axis].attach_scale(dimension)
    return dataset


def _storage(shape: tuple[int, ...], dtype: str, *, compress: bool, scale: bool) -> dict[str, Any]:
    kind = np.dtype(dtype).kind
    options: dict[str, Any] = {"fillvalue": np.nan} if kind == "f" and shape else {}
    growing = bool(shape) and shape[0] == 0
    if not shape or (scale and not growing):
        return options
    itemsize = np.dtype(dtype).itemsize
    chunks = chunk_shape(shape[1:], itemsize) if growing else fixed_chunk_shape(shape, itemsize)
    options |= {"chunks": chunks, "maxshape": (None, *shape[1:]) if growing else None, "fletcher32": True}
    return options | ({"shuffle": True, "compression": "gzip", "compression_opts": 1} if compress else {})


def dimension_names(dataset: h5py.Dataset) -> tuple[str, ...] | None:
    """Names of a dataset's dimensions, in order.

    Returns:
        The names; `?` for a dimension without a scale. None where a reference leads nowhere.
    """
    if is_scale(dataset):
        return (dataset.name.rsplit("/", 1)[-1],)
    scales = dimension_scales(dataset)
    # A scale without a name can be reached, but not from its group: one of the two is damaged.
    if scales is None or any(scale is not None and scale.name is None for scale in scales):
        return None
    return tuple("?" if scale is None else scale.name.rsplit("/", 1)[-1] for scale in scales)


def dimension_scales(dataset: h5py.Dataset) -> tuple[h5py.Dataset | None, ...] | None:
    """The scale attached to each dimension, None where there is none.

    Returns:
        The scales, or None where a reference leads nowhere.
    """
    try:
        return tuple(dimension[0] if len(dimension) else None for dimension in dataset.dims)
    except (RuntimeError, KeyError, ValueError, OSError, TypeError, AttributeError):
        return None


def is_scale(dataset: h5py.Dataset) -> bool:
    """Whether a dataset is a dimension scale."""
    return bool(h5py.h5ds.is_scale(dataset.id))
