"""How the arguments of one call fit the spec of a rule."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from ..backend import array_module
from ..errors import EngramError
from .kernel import TYPES
from .spec import Spec


@attrs.frozen
class Fit:
    """Shapes and dtypes of a call.

    Attributes:
        sizes: Length of each axis of the rule, in its order.
        dtypes: Name of the dtype of each array.
        double: Whether floats have 64 bits.
    """

    sizes: tuple[int, ...]
    dtypes: tuple[tuple[str, str], ...]
    double: bool

    @property
    def real(self) -> np.dtype[Any]:
        """The floats of the call."""
        return np.dtype(np.float64 if self.double else np.float32)

    @property
    def elements(self) -> int:
        """Elements that the rule applies to."""
        return math.prod(self.sizes)

    def given(self, spec: Spec, values: Sequence[Any]) -> list[Any]:
        """The arguments of a call with its numbers in the precision of its arrays."""
        with np.errstate(over="ignore"):
            return [
                value if item.axes else self.real.type(value)
                for item, value in zip(spec.arguments, values, strict=True)
            ]

    @cached_property
    def form(self) -> tuple[Any, ...]:
        """What code depends on: all but the lengths."""
        return self.double, self.dtypes


def fitted(name: str, spec: Spec, values: Sequence[Any]) -> Fit:
    """Check arguments in the order of the spec.

    Raises:
        EngramError: Shapes or dtypes do not fit.
    """
    sizes: dict[str, int] = {}
    modules: set[str] = set()
    dtypes: dict[str, str] = {}
    for item, value in zip(spec.arguments, values, strict=True):
        if item.axes:
            shape = getattr(value, "shape", None)
            if shape is None or len(shape) != len(item.axes):
                axes = ", ".join(item.axes)
                raise EngramError(
                    f"rule {name!r}: {item.name} needs an array with the axes ({axes}), has shape {shape}"
                )
            dtypes[item.name] = str(value.dtype)
            modules.add(array_module(value).__name__)
            for axis, size in zip(item.axes, shape, strict=True):
                if sizes.setdefault(axis, size) != size:
                    raise EngramError(
                        f"rule {name!r}: {item.name} has {size} along {axis}, another array {sizes[axis]}"
                    )
        elif not isinstance(value, numbers.Real) and getattr(value, "shape", None) != ():
            raise EngramError(f"rule {name!r}: {item.name} needs one number, is {type(value).__name__}")
    if len(modules) > 1:
        raise EngramError(
            f"rule {name!r}: arrays of {' and '.join(sorted(modules))}; move them to one device"
        )
    return Fit(tuple(sizes[axis] for axis in spec.axes), tuple(dtypes.items()), is_double(name, dtypes))


def is_double(name: str, dtypes: Mapping[str, str]) -> bool:
    """Whether floats have 64 bits, as they do where there are none.

    Raises:
        EngramError: A dtype is none that rules take, or floats differ in precision.
    """
    for array, dtype in dtypes.items():
        if dtype not in TYPES:
            raise EngramError(
                f"rule {name!r}: {array} is {dtype}; convert it to float32, float64, bool or int64"
            )
    floats = sorted({dtype for dtype in dtypes.values() if dtype.startswith("float")})
    if len(floats) > 1:
        raise EngramError(f"rule {name!r}: arrays of {' and '.join(floats)}; convert them to one precision")
    return floats != ["float32"]
