"""A stand-in for CuPy on the processor: arrays that refuse hidden traffic between device and host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# Names of numpy 2.4 that cupy 14.2 lacks, and those that must wait for the device to know a result's shape.
_MISSING = frozenset(
    """asmatrix block bmat busday_count busday_offset einsum_path errstate frompyfunc geomspace insert isnat
    matvec nanpercentile nanquantile ndenumerate nditer nested_iters spacing unstack vecdot vecmat""".split()
)
_WAITS = frozenset(
    """argwhere array_equal array_equiv allclose asnumpy bincount compress delete extract flatnonzero
    intersect1d nonzero setdiff1d setxor1d trim_zeros union1d unique unique_all unique_counts
    unique_inverse unique_values""".split()
)


class HostTraffic(TypeError):
    """A component moved values between device and host, or used what CuPy lacks."""


class DeviceArray(np.ndarray):
    """An array that behaves as if it lay on a GPU: no float(), bool(), boolean index, no host arrays."""

    __hash__ = None

    @property
    def array_module(self) -> Any:
        """The strict namespace, in place of numpy."""
        return device

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out", ())
        _refuse_host((*inputs, *out))
        plain = [_plain(item) for item in inputs]
        if out:
            kwargs["out"] = tuple(_plain(item) for item in out)
        result = getattr(ufunc, method)(*plain, **{key: _plain(item) for key, item in kwargs.items()})
        if out:
            return out[0] if len(out) == 1 else out
        return _wrap(result)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if _waits(func.__name__, args, kwargs):
            raise HostTraffic(f"{func.__name__} waits for the device or is missing in CuPy")
        _refuse_host(args)
        _refuse_host(kwargs.values())
        out = kwargs.get("out")
        result = func(*(_plain(item) for item in args), **{key: _plain(item) for key, item in kwargs.items()})
        return out if out is not None else _wrap(result)

    def __getitem__(self, key: Any) -> Any:
        _refuse_mask(key)
        return _wrap(self.view(np.ndarray)[_plain(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        _refuse_mask(key)
        _refuse_host((value,))
        self.view(np.ndarray)[_plain(key)] = _plain(value)

    def _refused(self, *args: Any) -> Any:
        raise HostTraffic("a device array was turned into a host value inside a step")

    __float__ = __int__ = __bool__ = __index__ = __complex__ = _refused
    item = tolist = tobytes = nonzero = _refused  # type: ignore[assignment]


def _plain(item: Any) -> Any:
    if isinstance(item, DeviceArray):
        return item.view(np.ndarray)
    if isinstance(item, tuple | list):
        return type(item)(_plain(part) for part in item)
    return item


def _wrap(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(_wrap(item) for item in result)
    if isinstance(result, np.ndarray | np.generic):
        return np.asarray(result).view(DeviceArray)
    return result


def _refuse_host(items: Any) -> None:
    for item in items:
        if isinstance(item, tuple | list):
            _refuse_host(item)
        # NumPy makes an array without axes of a number that stands on the left of an operator.
        elif isinstance(item, np.ndarray) and item.ndim and not isinstance(item, DeviceArray):
            raise HostTraffic(f"a host array of shape {item.shape} met device arrays")


def _waits(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether a function must know values before it knows the shape of its result."""
    if name == "where":
        return len(args) + len(kwargs) < 3
    counts = args[1:2] or (kwargs.get("repeats"),)
    return name in _WAITS | _MISSING or (name == "repeat" and isinstance(counts[0], np.ndarray))


def _refuse_mask(key: Any) -> None:
    for part in key if isinstance(key, tuple) else (key,):
        if getattr(part, "dtype", None) == np.bool_:
            raise HostTraffic("boolean indexing waits for the device; use xp.where or an arithmetic mask")


class _Device:
    """The namespace `xp` of the stand-in: numpy's functions on DeviceArrays, less what CuPy lacks."""

    __name__ = "device"
    ndarray = DeviceArray

    def __init__(self) -> None:
        self._stepping = False

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Within this context, making an array from host values is refused as well."""
        self._stepping = True
        try:
            yield
        finally:
            self._stepping = False

    def __getattr__(self, name: str) -> Any:
        if name in _MISSING or name in _WAITS:
            raise HostTraffic(f"xp.{name} waits for the device or is missing in CuPy")
        value = getattr(np, name)
        if isinstance(value, type) or not callable(value):
            return value
        if isinstance(value, np.ufunc):
            return value
        return self._function(name, value)

    def _function(self, name: str, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if _waits(name, args, kwargs):
                raise HostTraffic(f"xp.{name} waits for the device here")
            makes = name in ("array", "asarray", "ascontiguousarray")
            if not makes or self._stepping:
                _refuse_host(args)
            if makes and self._stepping and isinstance(args[0], list | tuple):
                raise HostTraffic(f"xp.{name} copied host values to the device inside a step")
            return _wrap(
                function(*(_plain(item) for item in args), **{k: _plain(v) for k, v in kwargs.items()})
            )

        return call


device = _Device()
