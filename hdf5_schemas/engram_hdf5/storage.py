"""How a dataset or attribute is stored, told without reading its data."""

from __future__ import annotations

import math
import pickletools
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from engram_hdf5.errors import Finding

CHUNK_LIMIT = 64 << 20
BOMB_FLOOR = 64 << 20
BOMB_RATIO = 2000
FILE_FLOOR = 1 << 30
ATTRIBUTE_LIMIT = 64 << 10
ATTRIBUTE_COUNT = 256
FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32})
DIMENSION_ATTRIBUTES = frozenset({"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"})
_PICKLE_OPCODES = 4

_CLASSES = {
    h5py.h5t.ENUM: "enum",
    h5py.h5t.COMPOUND: "compound",
    h5py.h5t.VLEN: "vlen",
    h5py.h5t.REFERENCE: "reference",
    h5py.h5t.OPAQUE: "opaque",
    h5py.h5t.BITFIELD: "bitfield",
    h5py.h5t.ARRAY: "array",
    h5py.h5t.STRING: "str",
}


def dtype_name(kind: Any) -> str:
    """Name of an HDF5 type: that of the NumPy dtype for numbers, else of its class.

    Args:
        kind: The low-level type, from `dataset.id.get_type()`.
    """
    name = _CLASSES.get(kind.get_class())
    if name is not None:
        return name
    try:
        return str(kind.dtype.name)
    except (TypeError, ValueError):
        return "an unknown type"


def storage_findings(path: str, dataset: h5py.Dataset) -> Iterator[Finding]:
    """Everything about a dataset's storage that makes it unsafe, or impossible elsewhere, to read.

    Yields:
        Findings; where there is one, the data must not be read.
    """
    plist = dataset.id.get_create_plist()
    # The order matters: asking a virtual dataset for its shape already opens the other file.
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        yield Finding("E_VIRTUAL", path, "is a virtual dataset: its data lie in other files")
        return
    if plist.get_external_count():
        yield Finding("E_EXTERNAL_STORAGE", path, "its data lie in another file; they are not read")
        return
    for index in range(plist.get_nfilters()):
        code = plist.get_filter(index)[0]
        if code not in FILTERS:
            yield Finding("E_FILTER", path, f"filter {code} is none of deflate, shuffle and fletcher32")
    yield from _bomb(path, dataset, plist)


class Claims:
    """How much all datasets of a file together claim to hold: many small bombs are a large one.

    Args:
        stored: Length of the file in bytes.
    """

    def __init__(self, stored: int) -> None:
        self._most = max(FILE_FLOOR, BOMB_RATIO * stored)
        self._claimed = 0

    def findings(self, path: str, dataset: h5py.Dataset) -> list[Finding]:
        """Count a dataset; where there is a finding, its data must not be read."""
        size = math.prod(dataset.shape or ()) * dataset.id.get_type().get_size()
        if self._claimed + size > self._most:
            return [Finding("E_BOMB", path, f"is too much: all data may unpack to {self._most >> 20} MiB")]
        self._claimed += size
        return []


def is_readable(dataset: Any) -> bool:
    """Whether it is a dataset whose data lie plainly in the file."""
    return isinstance(dataset, h5py.Dataset) and not any(storage_findings("", dataset))


def _bomb(path: str, dataset: h5py.Dataset, plist: Any) -> Iterator[Finding]:
    itemsize = dataset.id.get_type().get_size()
    if plist.get_layout() == h5py.h5d.CHUNKED and math.prod(plist.get_chunk()) * itemsize > CHUNK_LIMIT:
        yield Finding("E_BOMB", path, f"one chunk unpacks to more than {CHUNK_LIMIT >> 20} MiB")
        return
    logical = math.prod(dataset.shape or ()) * itemsize
    if logical > BOMB_FLOOR and logical > BOMB_RATIO * dataset.id.get_storage_size():
        yield Finding("E_BOMB", path, f"claims {logical >> 20} MiB and stores next to nothing")


def attribute_findings(path: str, item: Any) -> Iterator[Finding]:
    """Attributes that some reader cannot take, or that could harm one.

    Args:
        path: Path of the object.
        item: The object.
    """
    count = h5py.h5a.get_num_attrs(item.id)
    if count > ATTRIBUTE_COUNT:
        yield Finding("E_LIMIT", path, f"has {count} attributes, more than {ATTRIBUTE_COUNT}")
        return
    for index in range(count):
        attribute = h5py.h5a.open(item.id, index=index)
        name = attribute.name.decode("utf-8", "replace")
        if name not in DIMENSION_ATTRIBUTES:
            yield from _attribute_findings(path, name, attribute)


def read_attributes(item: Any) -> dict[str, Any]:
    """The attributes of an object that have a plain form, text as str.

    Returns:
        Name to str, int, float or array `(n,)`; those of any other form are left out.
    """
    values: dict[str, Any] = {}
    for index in range(min(h5py.h5a.get_num_attrs(item.id), ATTRIBUTE_COUNT)):
        attribute = h5py.h5a.open(item.id, index=index)
        name = attribute.name.decode("utf-8", "replace")
        if name in DIMENSION_ATTRIBUTES or any(_form_findings("", name, attribute)):
            continue
        values[name] = _plain(item.attrs[name])
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value


def _attribute_findings(path: str, name: str, attribute: Any) -> Iterator[Finding]:
    found = False
    for finding in _form_findings(path, name, attribute):
        found = True
        yield finding
    if found or dtype_name(attribute.get_type()) != "str" or attribute.shape != ():
        return
    if _is_pickle(_text_of(attribute)):
        yield Finding("E_PICKLE", path, f"attribute {name!r} looks like a pickle; PyTables would run it")


def _form_findings(path: str, name: str, attribute: Any) -> Iterator[Finding]:
    if attribute.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        yield Finding("E_ATTR_TYPE", path, f"attribute {name!r} is empty")
        return
    if len(attribute.shape) > 1:
        yield Finding("E_ATTR_RANK", path, f"attribute {name!r} has {len(attribute.shape)} dimensions")
    kind = dtype_name(attribute.get_type())
    if kind != "str" and not kind.startswith(("int", "uint", "float")):
        yield Finding("E_ATTR_TYPE", path, f"attribute {name!r} is stored as {kind}")
    if attribute.get_storage_size() > ATTRIBUTE_LIMIT:
        yield Finding("E_LIMIT", path, f"attribute {name!r} is longer than {ATTRIBUTE_LIMIT >> 10} KiB")


def _text_of(attribute: Any) -> bytes:
    kind = attribute.get_type()
    buffer = np.empty((), dtype=kind.dtype)
    attribute.read(buffer)
    value = buffer[()]
    return value.encode("utf-8", "replace") if isinstance(value, str) else bytes(value)


def _is_pickle(text: bytes) -> bool:
    if text[:1] == b"\x80":
        return True
    text = text.rstrip(b"\x00")
    # A pickle can name a function only with a line break or a byte that is not printable.
    if not text.endswith(b".") or text.decode("latin-1").isprintable():
        return False
    try:
        # genops only names the operations; nothing of the pickle is run.
        places = [place for _, _, place in pickletools.genops(text)]
    except (ValueError, IndexError, KeyError, OverflowError):
        return False
    return len(places) >= _PICKLE_OPCODES and places[-1] == len(text) - 1
