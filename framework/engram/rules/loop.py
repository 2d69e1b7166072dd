"""Runs woven loops: with Numba, as CUDA, or by the CUDA text on the host."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from . import cache
from .weave import Port, Weave

Target: TypeAlias = Literal["numba", "cupy", "host"]
_THREADS = 128


class Loop:
    """A woven loop, compiled.

    Args:
        weave: The loop.
        target: What runs it; "host" is the CUDA text compiled by the system's C compiler.
        xp: Array module of the arrays.
        side_by_side: On the host: lay replicas out as on the GPU.
    """

    def __init__(self, weave: Weave, target: Target, xp: Any, side_by_side: bool = False) -> None:
        self._ports = weave.ports
        self._xp = xp
        self._target = target
        self._beside = side_by_side or target == "cupy"
        self._run: Any
        if target == "numba":
            self._run = cache.numba_module("chunk", weave.numba()).chunk
        elif target == "cupy":
            module = xp.RawModule(code=weave.c(), options=("--fmad=false",))
            self._run = module.get_function("chunk")
        else:
            text = f"#define ENGRAM_SIDE_BY_SIDE\n{weave.c()}" if side_by_side else weave.c()
            self._run = cache.c_library("chunk", text).chunk_grid

    def __call__(
        self, arrays: Mapping[str, Any], numbers: tuple[int, int, int, int], key: tuple[int, int]
    ) -> None:
        """Run a chunk; all arrays are updated in place.

        Args:
            arrays: An array for each port, by name.
            numbers: The first step, how many; trials after which a replica is finished; how many replicas.
            key: The seed's lower and upper word.
        """
        given = [self._taken(port, arrays[port.name]) for port in self._ports]
        if self._target == "numba":
            self._run(*numbers, *key, *given)
        elif self._target == "cupy":
            blocks = (-(-numbers[-1] // _THREADS),)
            typed = [np.int64(number) for number in numbers] + [np.uint32(word) for word in key]
            self._run(blocks, (_THREADS,), (*typed, *given))
        else:
            whole = [ctypes.c_longlong(number) for number in numbers]
            pointers = [ctypes.c_void_p(array.ctypes.data) for array in given]
            self._run(*whole, *map(ctypes.c_uint, key), *pointers, *map(ctypes.c_uint, (2, 1, 1, 8, 1)))
        for port, array in zip(self._ports, given, strict=True):
            self._give_back(port, array, arrays[port.name])

    def _taken(self, port: Port, array: Any) -> Any:
        """An array as the loop takes it: flat, on the GPU with the replicas side by side."""
        if self._beside and port.lead == "replica":
            flat = array.reshape(len(array), -1)
            return self._xp.ascontiguousarray(flat.T)
        flat = self._xp.ascontiguousarray(array)
        return flat.reshape(-1)

    def _give_back(self, port: Port, worked: Any, array: Any) -> None:
        if self._beside and port.lead == "replica":
            array[...] = worked.T.reshape(array.shape)
        elif not array.flags.c_contiguous:
            array[...] = worked.reshape(array.shape)
