"""What a caller says about the arrays of a file: names, axes, units, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import OutputError

Compress = Literal["auto", "none", "gzip"]
BOOL_FLAGS: Mapping[int, str] = {0: "false", 1: "true"}


def _dtype_name(value: object) -> str:
    dtype: np.dtype[Any] = np.dtype(value)  # type: ignore[call-overload]
    # NumPy does not understand its own names of text dtypes; like objects, they are refused later.
    return dtype.name if dtype.kind in "biufcmM" else "object"


def _strings(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(values)


def _integers(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(values)


@attrs.frozen
class Variable:
    """One recorded or final array.

    Attributes:
        name: Name of the array.
        axes: Names of its axes after `(time, batch)`, or after `(batch,)` in a final state.
        sizes: Their lengths.
        dtype: Name of the dtype; `bool` is stored as int8.
        units: Unit, such as `mV` or `1`.
        long_name: What it is, in a few words.
        compress: `gzip`, `none`, or `auto`: integers are compressed, floats are not.
        labels: For an axis, the names of its places.
        flags: For an array of codes, the meaning of each code.
        entries: For an axis of which some places are left out, the indices of those kept.
    """

    name: str
    axes: tuple[str, ...] = attrs.field(converter=_strings)
    sizes: tuple[int, ...] = attrs.field(converter=_integers)
    dtype: str = attrs.field(converter=_dtype_name)
    units: str
    long_name: str
    compress: Compress = "auto"
    labels: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    flags: Mapping[int, str] = attrs.field(factory=dict)
    entries: Mapping[str, Sequence[int]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Refuse axes that cannot be dimensions."""
        if len(self.axes) != len(self.sizes):
            raise OutputError(f"{self.name}: axes {self.axes} but sizes {self.sizes}; give one size an axis")
        if len(set(self.axes)) < len(self.axes):
            raise OutputError(
                f"{self.name}: an axis occurs twice in {self.axes}; name them apart, like pre and post"
            )
        if any(size < 1 for size in self.sizes):
            raise OutputError(f"{self.name}: an axis of {self.sizes} is empty; do not record it")
        sizes = dict(zip(self.axes, self.sizes, strict=True))
        for axis, labels in self.labels.items():
            _check_labels(self.name, labels, sizes.get(axis))
        for axis, kept in self.entries.items():
            if len(kept) != sizes.get(axis):
                raise OutputError(f"{self.name}: {len(kept)} entries along {axis!r}; give one a place")

    @property
    def stored_dtype(self) -> str:
        """Name of the dtype in the file."""
        return "int8" if self.dtype == "bool" else self.dtype

    @property
    def compressed(self) -> bool:
        """Whether the file holds it compressed."""
        integer = np.dtype(self.stored_dtype).kind in "iu"
        return self.compress == "gzip" or (self.compress == "auto" and integer)

    @property
    def attributes(self) -> dict[str, object]:
        """Its attributes in the file."""
        return describe(self.name, self.dtype, self.units, self.long_name, self.flags)


@attrs.frozen
class ColumnSpec:
    """A column of a table.

    Attributes:
        name: Name of the column.
        dtype: Name of the dtype; `bool` is stored as int8.
        units: Unit, such as `s` or `1`.
        long_name: What it is, in a few words.
        flags: For a column of codes, the meaning of each code.
        compress: As of a `Variable`.
    """

    name: str
    dtype: str = attrs.field(converter=_dtype_name)
    units: str
    long_name: str
    flags: Mapping[int, str] = attrs.field(factory=dict)
    compress: Compress = "auto"

    @property
    def variable(self) -> Variable:
        """The column as an array without further axes."""
        said = (self.dtype, self.units, self.long_name, self.compress)
        return Variable(self.name, (), (), *said, flags=self.flags)


@attrs.frozen(eq=False)
class Column:
    """A value of each replica, such as its seed or a swept parameter.

    Attributes:
        name: Name of the column.
        values: The values `(batch,)`.
        units: Unit.
        long_name: What it is, in a few words.
        flags: For codes, the meaning of each code.
        path: Dotted name of the parameter, such as `memory.alpha`, where it has one.
    """

    name: str
    values: NDArray[Any] = attrs.field(converter=np.asarray)
    units: str
    long_name: str
    flags: Mapping[int, str] = attrs.field(factory=dict)
    path: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse what is no number."""
        if self.values.dtype.kind not in "biuf":
            raise OutputError(
                f"{self.name}: values are {self.values.dtype.name}; give numbers, or codes with flags"
            )

    @property
    def attributes(self) -> dict[str, object]:
        """Its attributes in the file."""
        said = describe(self.name, self.values.dtype.name, self.units, self.long_name, self.flags)
        return said | ({"path": self.path} if self.path else {})


def describe(
    name: str, dtype: str, units: str, long_name: str, flags: Mapping[int, str]
) -> dict[str, object]:
    """Attributes of an array by the CF rules: units, long_name and, for codes, the flags.

    Raises:
        OutputError: Units or long_name are empty, or codes are asked of a dtype that is no integer.
    """
    if not units or not long_name:
        raise OutputError(f"{name}: units and long_name must be given; write '1' where there is no unit")
    said: dict[str, object] = {"units": units, "long_name": long_name}
    meanings = BOOL_FLAGS if dtype == "bool" else flags
    if meanings:
        stored = "int8" if dtype == "bool" else dtype
        if np.dtype(stored).kind not in "iu":
            raise OutputError(f"{name}: flags need an integer dtype, not {dtype}")
        _check_labels(name, tuple(meanings.values()), None)
        said["flag_values"] = np.array(list(meanings), stored)
        said["flag_meanings"] = " ".join(meanings.values())
    return said


def stored(where: str, array: object, dtype: str, shape: Sequence[int]) -> NDArray[Any]:
    """An array in the form the file takes.

    Args:
        where: Name for messages.
        array: The array.
        dtype: The dtype it was declared with.
        shape: The shape it must have.

    Raises:
        OutputError: Its dtype or its shape is another.
    """
    given = np.asarray(array)
    if given.dtype != np.dtype(dtype):
        raise OutputError(f"{where}: dtype is {given.dtype.name}, declared was {dtype}; convert it first")
    if given.shape != tuple(shape):
        raise OutputError(f"{where}: shape is {given.shape}, must be {tuple(shape)}")
    return given.view(np.int8) if given.dtype == np.bool_ else given


def _check_labels(name: str, labels: Sequence[str], size: int | None) -> None:
    for label in labels:
        if not label or label.split() != [label]:
            raise OutputError(f"{name}: the label {label!r} is empty or holds a blank; write it with _")
    if size is not None and len(labels) != size:
        raise OutputError(f"{name}: {len(labels)} labels for an axis of {size}; give one a place")
