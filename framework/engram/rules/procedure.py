"""Rules whose loops are their own: what is done for one replica, over whole rows and matrices of it.

    "w[b,:,:]& z[b,:,:]& x[b,:] m[b]"

The first axis runs over the replicas; the axes written `:` reach the function whole, which loops over them
and assigns to elements of the arrays marked `&`. It so may leave out what needs no work.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Literal

import numpy as np

from ..backend import array_module
from ..errors import EngramError
from . import cache, target
from .expression import text_of
from .whole import ProcedureText, read

_FORM = attrgetter("shape", "dtype")
_PARALLEL = 1 << 20
_KNOWN = 256
_THREADS = 128


class Procedure:
    """What is done for one replica, applied to all. Made by `engram.rule` with a spec that has an axis `:`.

    Its code is written for the lengths of the arrays that it is called with, and for any number of replicas.

    Args:
        function: The function, within the subset of docs/rules.md.
        text: The spec.

    Raises:
        EngramError: The spec is none, or does not name the function's arguments.
        RuleError: The function's source cannot be read.
    """

    def __init__(self, function: Callable[..., Any], text: str) -> None:
        functools.update_wrapper(self, function)
        self.__name__: str = function.__name__
        self.arguments = read(text)
        self._function = function
        self._applied: dict[Any, Callable[..., None]] = {}
        self._modules: dict[Any, tuple[list[np.dtype[Any]], Any]] = {}
        text_of(function)
        given, taken = [item.name for item in self.arguments], list(inspect.signature(function).parameters)
        if given != taken:
            raise EngramError(
                f"rule {self.__name__!r}: the spec gives {', '.join(given)}, the function takes "
                f"{', '.join(taken)}"
            )

    def __call__(self, *arrays: Any) -> None:
        """Apply it.

        Args:
            *arrays: In the order of the spec.

        Raises:
            EngramError: Shapes or dtypes do not fit the spec.
            RuleError: The function is outside the subset, or assigns to what is not marked.
        """
        try:
            key = target.choice(), *map(type, arrays[:1]), *map(_FORM, arrays)
        except AttributeError:
            self._check(arrays)
            raise
        apply = self._applied.get(key)
        if apply is None:
            if len(self._applied) == _KNOWN:
                self._applied.clear()
            apply = self._applied[key] = self._chosen(arrays)
        apply(*arrays)

    def compiles(self, array: Any) -> bool:
        """Whether a call whose first array is this one runs with Numba."""
        return type(array) is np.ndarray and target.wants_numba(array.size)

    def bind(self, *arrays: Any) -> Callable[[], None]:
        """Return a call with these very arrays that costs next to nothing beside what it does.

        Args:
            *arrays: In the order of the spec. They must stay where they are in memory, and are read and
                written there.

        Raises:
            EngramError: Shapes or dtypes do not fit the spec.
        """
        simple = all(array.flags.c_contiguous and array.flags.writeable for array in arrays)
        if not (simple and len(arrays[0]) and self.compiles(arrays[0])):
            self._check(arrays)
            return functools.partial(self, *arrays)
        dtypes, compiled = self._compiled(arrays)
        of_dtype = [[array for array in arrays if array.dtype == dtype] for dtype in dtypes]
        tables = [np.array([array.ctypes.data for array in some], dtype=np.uintp) for some in of_dtype]
        call = ctypes.CFUNCTYPE(None, ctypes.c_longlong, *[ctypes.c_void_p] * len(tables))(compiled.address)
        repeated = functools.partial(call, len(arrays[0]), *(table.ctypes.data for table in tables))
        # The call knows addresses only.
        repeated.held = arrays, tables, compiled  # type: ignore[attr-defined]
        return repeated

    def reference(self, *arrays: Any) -> None:
        """Apply it as array code, whatever the target would be: any precision, any machine."""
        self._check(arrays).array_code()(*arrays)

    def on_host(self, *arrays: Any) -> None:
        """Apply it by its CUDA text, compiled for the host.

        Raises:
            EngramError: There is no C compiler, or an array is not contiguous.
        """
        text = self._check(arrays)
        run = cache.c_library(self.__name__, text.c()).procedure_grid
        if not all(array.flags.c_contiguous for array in arrays):
            raise EngramError(f"rule {self.__name__!r}: its C text takes contiguous arrays only")
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        run(ctypes.c_longlong(len(arrays[0])), *pointers, *map(ctypes.c_uint, (2, 1, 1, 8, 1)))

    def source(self, text: Literal["numba", "cuda"], *arrays: Any) -> str:
        """Return the code of a target for such arrays."""
        found = self._check(arrays)
        return found.c() if text == "cuda" else found.numba(parallel=False)

    def _check(self, arrays: tuple[Any, ...]) -> ProcedureText:
        if len(arrays) != len(self.arguments):
            raise EngramError(
                f"rule {self.__name__!r}: takes {len(self.arguments)} arrays, has {len(arrays)}"
            )
        for item, array in zip(self.arguments, arrays, strict=True):
            shape = getattr(array, "shape", ())
            if len(shape) != 1 + item.axes or len(array) != len(arrays[0]):
                raise EngramError(
                    f"rule {self.__name__!r}: {item.name} needs {1 + item.axes} axes, the first as long as "
                    f"the other arrays', has shape {shape}"
                )
        return ProcedureText(
            self._function,
            self.arguments,
            tuple(array.shape[1:] for array in arrays),
            tuple(array.dtype for array in arrays),
        )

    def _chosen(self, arrays: tuple[Any, ...]) -> Callable[..., None]:
        text = self._check(arrays)
        if not len(arrays[0]):
            return lambda *arrays: None
        if self.compiles(arrays[0]):
            return self._bound_once
        xp = array_module(arrays[0])
        return text.array_code() if isinstance(arrays[0], np.ndarray) else _launched(text, xp)

    def _compiled(self, arrays: tuple[Any, ...]) -> tuple[list[np.dtype[Any]], Any]:
        """The dtypes of the tables, and what takes these."""
        parallel = len(arrays[0]) > 1 and arrays[0].size > _PARALLEL and target.threads() > 1
        key = parallel, *((array.shape[1:], array.dtype) for array in arrays)
        if key not in self._modules:
            text = self._check(arrays)
            module = cache.numba_module(self.__name__, text.numba(parallel=parallel))
            self._modules[key] = text.table_dtypes, module.call
        return self._modules[key]

    def _bound_once(self, *arrays: Any) -> None:
        """Call with copies of arrays that are not contiguous, or may not be written."""
        simple = [array.flags.c_contiguous and array.flags.writeable for array in arrays]
        pairs = zip(arrays, simple, strict=True)
        given = [array if taken else np.array(array, order="C") for array, taken in pairs]
        self.bind(*given)()
        for item, array, worked in zip(self.arguments, arrays, given, strict=True):
            if item.written and worked is not array:
                array[...] = worked


def _launched(text: ProcedureText, cupy: Any) -> Callable[..., None]:
    run = cupy.RawModule(code=text.c(), options=("--fmad=false",)).get_function("procedure")

    def apply(*arrays: Any) -> None:
        given = [cupy.ascontiguousarray(array) for array in arrays]
        run((-(-len(arrays[0]) // _THREADS),), (_THREADS,), (np.int64(len(arrays[0])), *given))
        for item, array, worked in zip(text.arguments, arrays, given, strict=True):
            if item.written and worked is not array:
                array[...] = worked

    return apply
