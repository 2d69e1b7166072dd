"""How the arguments of one call fit the spec of a rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from ..errors import EngramError
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
            for axis, size in zip(item.axes, shape, strict=True):
                if sizes.setdefault(axis, size) != size:
                    raise EngramError(
                        f"rule {name!r}: {item.name} has {size} along {axis}, another array {sizes[axis]}"
                    )
    return Fit(tuple(sizes[axis] for axis in spec.axes), tuple(dtypes.items()), _is_double(name, dtypes))


def _is_double(name: str, dtypes: dict[str, str]) -> bool:
    for array, dtype in dtypes.items():
        if np.dtype(dtype).kind not in "biuf" or dtype in ("float16", "uint64"):
            raise EngramError(
                f"rule {name!r}: {array} is {dtype}; rules take float32, float64, bool and integers"
            )
    floats = sorted({dtype for dtype in dtypes.values() if dtype.startswith("float")})
    if len(floats) > 1:
        raise EngramError(
            f"rule {name!r}: arrays of {' and '.join(floats)}; all floats must have one precision"
        )
    return floats != ["float32"]
