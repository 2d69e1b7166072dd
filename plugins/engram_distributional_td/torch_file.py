"""Files of torch.save, read without torch and without running what they hold.

Since torch 1.6 such a file is a zip archive that is never compressed: NAME/data.pkl, a pickle in which each
tensor refers to a storage, and NAME/data/0, NAME/data/1, ... the bytes of the storages. A tensor is a window
on its storage: element (i, j) stands at offset + i stride[0] + j stride[1].
"""

from __future__ import annotations

import functools
import math
import zipfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from engram import EngramError

from . import plain_pickle

Host = np.ndarray[Any, Any]
_AXES = 8
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_AGAIN = "load it with torch and save it again: torch.save(torch.load(FILE, weights_only=False), FILE)"
_CODES = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1")


def load(path: Path) -> Any:
    """Return what a file holds: dicts, lists, tuples, numbers and text, tensors as read-only arrays.

    An array of NumPy is found as a `Rebuilt`, whose `value` it is.

    Raises:
        EngramError: One line: it is no such file, is damaged, is in the form of torch before 1.6, or holds
            anything but plain data.
    """
    try:
        _check_form(path)
        with zipfile.ZipFile(path) as archive:
            return _content(archive, path.stat().st_size)
    except EngramError as error:
        raise EngramError(f"{path}: {error}") from None
    except OSError as error:
        reason = error.strerror or "damaged"
        raise EngramError(f"{path}: cannot be read ({reason}); get it again") from None
    except Exception as error:  # what a damaged archive can raise is not documented
        text = (str(error).splitlines() or [type(error).__name__])[0][:80]
        raise EngramError(f"{path}: is damaged ({text}); get it again") from None


def _check_form(path: Path) -> None:
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(_LEGACY) or head[257:262] == b"ustar":
        raise EngramError(f"was saved in the form of torch before 1.6; {_AGAIN}")
    if not zipfile.is_zipfile(path):
        if head.startswith(b"PK\x03\x04"):
            raise EngramError("is cut short; get it again")
        raise EngramError("is no file of torch.save; give one that it wrote")


def _content(archive: zipfile.ZipFile, size: int) -> Any:
    """Return what the pickle of an archive of `size` bytes builds; all records must fit within those."""
    infos = archive.infolist()
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise EngramError("is compressed, as torch.save never does; pack it anew without compression")
    if sum(info.file_size for info in infos) > size:
        raise EngramError("has records that are larger than itself; get it again")
    found = [info.filename for info in infos if info.filename.endswith("/data.pkl")]
    if len(found) != 1:
        raise EngramError(
            "has no single record data.pkl, so it is no file of torch.save; give one that it wrote"
        )
    root = found[0].removesuffix("data.pkl")
    records = {info.filename.removeprefix(root): archive.read(info) for info in infos}
    names = {**_NAMES, "_codecs.encode": functools.partial(_encode, {})}
    return plain_pickle.load(records["data.pkl"], names, functools.partial(_storage, records))


def _storage(records: dict[str, bytes], identity: tuple[Any, ...]) -> Host:
    """Return the storage of a persistent id ("storage", dtype, key, device, number of elements)."""
    _, dtype, key, _, count = identity
    if not isinstance(dtype, np.dtype) or not isinstance(key, str) or f"data/{key}" not in records:
        raise EngramError("has a reference to what is no storage; get it again")
    order: Any = records.get("byteorder", b"little").decode()
    if len(records[f"data/{key}"]) != count * dtype.itemsize:
        raise EngramError(f"storage {key[:20]}: has another size than the pickle says; get the file again")
    return np.frombuffer(records[f"data/{key}"], dtype.newbyteorder(order))


def _tensor(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, metadata: Any = None
) -> Host:
    """Return the window on a storage (element,), where it lies within it; read-only."""
    if not isinstance(storage, np.ndarray) or max(len(size), len(stride)) > _AXES:
        raise EngramError(f"has a tensor of no storage or of over {_AXES} axes; get it again")
    if any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        raise EngramError("has a tensor with a length that is no number; get it again")
    try:
        if math.prod(size) <= storage.size:
            steps = [step * storage.itemsize for step in stride]
            return np.ndarray(size, storage.dtype, storage, offset * storage.itemsize, steps)
    except (ValueError, OverflowError):  # it reaches past the storage
        pass
    raise EngramError("has a tensor that does not fit its storage; call .clone() on it and save again")


@attrs.define(eq=False)
class _DataType:
    """A dtype of NumPy while it is rebuilt; in the end `plain`."""

    plain: np.dtype[Any]

    def build(self, state: tuple[Any, ...]) -> None:
        """Take (version, byte order, ...), in which a plain dtype says no more."""
        self.plain = self.plain.newbyteorder(state[1])


@attrs.define(eq=False)
class Rebuilt:
    """An array of NumPy while it is rebuilt.

    Attributes:
        value: The array, once it has its state.
    """

    value: Host | None = None

    def build(self, state: tuple[Any, ...]) -> None:
        """Take (version, shape, dtype, Fortran order, bytes)."""
        _, shape, dtype, fortran, data = state
        self.value = np.frombuffer(data, dtype.plain).reshape(shape, order="F" if fortran else "C")


def _data_type(code: str, align: Any, copy: Any) -> _DataType:
    if code not in _CODES:
        raise EngramError("has a dtype of NumPy that is not plain; numbers are read")
    return _DataType(np.dtype(code))


def _scalar(dtype: _DataType, data: bytes) -> Any:
    (value,) = np.frombuffer(data, dtype.plain)
    return value


def _array(cls: Any, shape: Any, code: Any) -> Rebuilt:
    return Rebuilt()


def _encode(known: dict[str, bytes], text: Any, encoding: Any) -> bytes:
    """Return bytes, which protocol 2 writes as text; the same ones however often a pickle asks for them."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("bytes are written in another way")
    return known.setdefault(text, text.encode("latin1"))


_NAMES: dict[str, Any] = {
    "torch.DoubleStorage": np.dtype("f8"),
    "torch.FloatStorage": np.dtype("f4"),
    "torch.HalfStorage": np.dtype("f2"),
    "torch.LongStorage": np.dtype("i8"),
    "torch.IntStorage": np.dtype("i4"),
    "torch.ShortStorage": np.dtype("i2"),
    "torch.CharStorage": np.dtype("i1"),
    "torch.ByteStorage": np.dtype("u1"),
    "torch.BoolStorage": np.dtype("?"),
    "torch._utils._rebuild_tensor_v2": _tensor,
    "collections.OrderedDict": lambda: {},
    "numpy.dtype": _data_type,
    "numpy.ndarray": None,
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray._reconstruct": _array for core in ("core", "_core")},
}
