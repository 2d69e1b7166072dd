"""Files of torch.save, read without torch and without running what they hold.

Since torch 1.6 such a file is a zip archive that is never compressed: NAME/data.pkl, a pickle in which each
tensor refers to a storage, and NAME/data/0, NAME/data/1, ... the bytes of the storages. A tensor is a window
on its storage: element (i, j) stands at offset + i stride[0] + j stride[1].
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from engram import EngramError

from .pickle_machine import Name, PickleMachine

Order = Literal["<", ">", "=", "|"]
_PICKLE = 1 << 24
_AXES = 8
_ORDERS: dict[bytes, Order] = {b"little": "<", b"big": ">"}
_DTYPES = {
    "torch.DoubleStorage": "f8",
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}
_CODES = {
    "b1": "?",
    **{code: code for code in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1")},
}
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_AGAIN = "load it with torch and save it again: torch.save(torch.load(FILE, weights_only=False), FILE)"
_DAMAGED = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, KeyError, ValueError, OverflowError,
)  # fmt: skip


def load(path: Path) -> Any:
    """Return what a file holds: dicts, lists, tuples, numbers and text; tensors and NumPy's arrays as arrays.

    An array of NumPy is found as a `Rebuilt`, whose `value` it is.

    Raises:
        EngramError: One line: it is no such file, is damaged, is in the form of torch before 1.6, or holds
            anything but plain data.
    """
    try:
        _check_form(path)
        with zipfile.ZipFile(path) as archive:
            return _Contents.of(archive, path.stat().st_size).load()
    except EngramError as error:
        raise EngramError(f"{path}: {error}") from None
    except _DAMAGED as error:
        text = (str(error).splitlines() or [type(error).__name__])[0][:80]
        raise EngramError(f"{path}: is damaged ({text}); get it again") from None
    except OSError as error:
        reason = error.strerror or "damaged"
        raise EngramError(f"{path}: cannot be read ({reason}); get it again") from None


def _check_form(path: Path) -> None:
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(_LEGACY) or head[257:262] == b"ustar":
        raise EngramError(f"was saved in the form of torch before 1.6; {_AGAIN}")
    if not zipfile.is_zipfile(path):
        if head.startswith(b"PK\x03\x04"):
            raise EngramError("is cut short; get it again")
        raise EngramError("is no file of torch.save; give one that it wrote")


@attrs.define(eq=False)
class _Contents:
    """The records of an archive.

    Attributes:
        archive: Where they are.
        root: What their names begin with.
        order: Byte order of the storages, "<" or ">".
    """

    archive: zipfile.ZipFile
    root: str
    order: Order = "<"
    _storages: dict[str, bytes] = attrs.field(factory=dict, init=False)
    _encoded: int = attrs.field(default=0, init=False)

    @classmethod
    def of(cls, archive: zipfile.ZipFile, size: int) -> _Contents:
        """Return those of an archive that has `size` bytes, within which all of its records must fit."""
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
        contents = cls(archive, found[0].removesuffix("data.pkl"))
        name = f"{contents.root}byteorder"
        if name in archive.namelist():
            contents.order = _ORDERS[archive.read(name)]
        return contents

    def load(self) -> Any:
        """Return what the pickle builds."""
        size = self.archive.getinfo(f"{self.root}data.pkl").file_size
        if size > _PICKLE:
            raise EngramError(f"has a pickle of {size:,} bytes; up to {_PICKLE:,} are read")
        names = {**_NAMES, "_codecs.encode": self.encode}
        return PickleMachine(names, self.storage).run(self.archive.read(f"{self.root}data.pkl"))

    def storage(self, identity: Any) -> Storage:
        """Return the storage of a persistent id ("storage", class, key, device, number of elements)."""
        kind, cls, key, _, count = identity if type(identity) is tuple and len(identity) == 5 else (None,) * 5
        if kind != "storage" or not isinstance(cls, Name) or not isinstance(key, str):
            raise EngramError("has a reference to what is no storage; get it again")
        if cls.text not in _DTYPES:
            raise EngramError(
                f"has a storage of type {cls.text}; plain ones are read, such as torch.FloatStorage"
            )
        if key not in self._storages:
            self._storages[key] = self.archive.read(f"{self.root}data/{key}")
        dtype = np.dtype(_DTYPES[cls.text]).newbyteorder(self.order)
        if type(count) is not int or count * dtype.itemsize != len(self._storages[key]):
            raise EngramError(
                f"storage {key[:20]}: has another size than the pickle says; get the file again"
            )
        return Storage(self._storages[key], dtype)

    def encode(self, text: Any, encoding: Any) -> bytes:
        """Return bytes, which protocol 2 writes as text; together they cannot be longer than a pickle."""
        if not isinstance(text, str) or encoding != "latin1":
            raise ValueError("bytes are written in another way")
        self._encoded += len(text)
        if self._encoded > _PICKLE:
            raise EngramError("repeats its bytes until they are larger than itself; get it again")
        return text.encode("latin1")


@attrs.frozen(eq=False)
class Storage:
    """The elements that tensors are windows on.

    Attributes:
        data: Their bytes.
        dtype: What they are.
    """

    data: bytes
    dtype: np.dtype[Any]


def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray[Any, Any]:
    """Return the window on a storage, read-only.

    Args:
        storage: A `Storage`.
        offset: Where the first element stands.
        size: Length of each axis.
        stride: Elements from one index to the next, for each axis.

    Raises:
        EngramError: The window reaches past the storage, is empty, or shows elements more than once.
    """
    numbers = [offset, *size, *stride]
    if not isinstance(storage, Storage) or any(type(n) is not int or n < 0 for n in numbers):
        raise EngramError("has a tensor that is none; get the file again")
    if len(size) != len(stride) or len(size) > _AXES:
        raise EngramError(
            f"has a tensor of {len(size)} axes and {len(stride)} strides; up to {_AXES} are read"
        )
    item = storage.dtype.itemsize
    count = len(storage.data) // item
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if 0 in size or last >= count or math.prod(size) > count:
        raise EngramError(
            "has a tensor that is empty or does not fit its storage; call .clone() on it and save again"
        )
    strides = tuple(s * item for s in stride)
    return np.ndarray(size, storage.dtype, storage.data, offset * item, strides)


@attrs.define(eq=False)
class DataType:
    """A dtype of NumPy while it is rebuilt.

    Attributes:
        code: Such as "i8".
        order: Its byte order.
    """

    code: str
    order: Order = "="

    def build(self, state: Any) -> None:
        """Take (version, byte order, ...), in which a plain dtype says no more."""
        order = state[1] if type(state) is tuple and len(state) > 1 else None
        if order not in ("<", ">", "=", "|") or any(item is not None for item in state[2:5]):
            raise EngramError("has a dtype of NumPy that is not plain; numbers are read")
        self.order = order

    @property
    def plain(self) -> np.dtype[Any]:
        """The dtype itself."""
        return np.dtype(_CODES[self.code]).newbyteorder(self.order)


@attrs.define(eq=False)
class Rebuilt:
    """An array of NumPy while it is rebuilt.

    Attributes:
        value: The array, once it has its state.
    """

    value: np.ndarray[Any, Any] | None = None

    def build(self, state: Any) -> None:
        """Take (version, shape, dtype, Fortran order, bytes)."""
        if type(state) is not tuple or len(state) != 5:
            raise ValueError("an array has a state of another form")
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, DataType) or not isinstance(data, bytes) or type(shape) is not tuple:
            raise EngramError("has an array of NumPy that is not plain; numbers are read")
        if any(type(n) is not int or n < 0 for n in shape) or len(shape) > _AXES:
            raise ValueError("an array has no shape")
        self.value = np.frombuffer(data, dtype.plain).reshape(shape, order="F" if fortran else "C")


def _data_type(code: Any, *_: Any) -> DataType:
    if not isinstance(code, str) or code not in _CODES:
        raise EngramError("has a dtype of NumPy that is not plain; numbers are read")
    return DataType(code)


def _scalar(dtype: Any, data: Any) -> Any:
    if not isinstance(dtype, DataType) or not isinstance(data, bytes):
        raise EngramError("has a number of NumPy that is not plain; numbers are read")
    (value,) = np.frombuffer(data, dtype.plain)
    return value


def _array(cls: Any, *_: Any) -> Rebuilt:
    if not isinstance(cls, Name) or cls.text != "numpy.ndarray":
        raise EngramError("has an array of NumPy that is not plain; numbers are read")
    return Rebuilt()


def _dict() -> dict[Any, Any]:
    return {}


_NAMES: dict[str, Callable[..., Any] | None] = {
    **dict.fromkeys(_DTYPES),
    "torch._utils._rebuild_tensor_v2": tensor,
    "collections.OrderedDict": _dict,
    "numpy.dtype": _data_type,
    "numpy.ndarray": None,
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray._reconstruct": _array for core in ("core", "_core")},
}
