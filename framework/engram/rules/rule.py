"""`@engram.rule`: one scalar function, the same bits as array code, with Numba, in C and on the GPU."""

from __future__ import annotations

import ctypes
import functools
import inspect
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Literal, TypeAlias, overload

import numpy as np

from ..backend import array_module
from ..errors import EngramError
from . import arrays, cache, jit, target
from .expression import text_of
from .fit import Fit, fitted, is_double
from .kernel import RuleKernel, kind_of
from .parse import parse
from .procedure import Procedure
from .spec import read
from .tree import ArrayArgument, Program

Text: TypeAlias = Literal["numpy", "numba", "cuda"]
Apply: TypeAlias = Callable[..., None]
_PARALLEL = 1 << 20
_KNOWN = 256
_FORM = attrgetter("shape", "dtype")
_ALIGNMENT = 16


class Rule:
    """A scalar function and the arrays that it applies to. Made by `rule`.

    Called with arrays, it updates those that its spec marks. All floating-point arrays have one precision,
    and all arrays are on one device.

    Args:
        function: The function, within the subset of docs/rules.md.
        text: The index spec.

    Raises:
        EngramError: The spec is none, or does not name the function's arguments.
        RuleError: The function's source cannot be read.
    """

    def __init__(self, function: Callable[..., Any], text: str) -> None:
        functools.update_wrapper(self, function)
        self.__name__: str = function.__name__
        self.scalar_function = function
        text_of(function)
        self.spec = read(text)
        self._arrays = [index for index, item in enumerate(self.spec.arguments) if item.axes]
        self._applied: dict[Any, Apply] = {}
        self._forms: dict[Any, Any] = {}
        names, inputs = list(inspect.signature(function).parameters), [item.name for item in self.spec.inputs]
        if names != inputs:
            given, taken = ", ".join(inputs), ", ".join(names)
            raise EngramError(f"rule {self.__name__!r}: the spec gives {given}, the function takes {taken}")

    def __call__(self, *arguments: Any, **named: Any) -> None:
        """Apply the rule.

        Args:
            *arguments: Arrays and numbers in the order of the spec.
            **named: The same by name.

        Raises:
            EngramError: Shapes or dtypes do not fit the spec.
        """
        values = (
            arguments
            if not named and len(arguments) == len(self.spec.arguments)
            else self._bound(arguments, named)
        )
        try:
            forms = map(_FORM, map(values.__getitem__, self._arrays))
            key = target.choice(), type(values[self._arrays[0]]), *forms
        except AttributeError:
            fitted(self.__name__, self.spec, values)
            raise
        apply = self._applied.get(key)
        if apply is None:
            if len(self._applied) == _KNOWN:
                self._applied.clear()
            apply = self._applied[key] = self._chosen(values)
        apply(*values)

    def reference(self, *arguments: Any, **named: Any) -> None:
        """Apply the rule as array code, whatever the target would be: any precision, any machine."""
        values = self._bound(arguments, named)
        self._array_code(values, fitted(self.__name__, self.spec, values))(*values)

    def on_host(self, *arguments: Any, **named: Any) -> None:
        """Apply the rule by its CUDA text, compiled for the host: how the GPU's code runs without a GPU.

        Raises:
            EngramError: There is no C compiler, or an array is not contiguous.
        """
        values = self._bound(arguments, named)
        self._hosted(fitted(self.__name__, self.spec, values))(*values)

    def source(self, text: Text = "cuda", dtype: str = "float32", **dtypes: str) -> str:
        """Return the code of a target.

        Args:
            text: "numpy", "numba", or "cuda", which the host compiler takes, too.
            dtype: Of the arrays.
            **dtypes: Of arrays that have another one, by name.

        Raises:
            EngramError: A dtype or a name is none.
        """
        names = [item.name for item in self.spec.arguments if item.axes]
        if strange := sorted(set(dtypes) - set(names)):
            raise EngramError(
                f"rule {self.__name__!r}: {strange[0]!r} is none of its arrays {', '.join(names)}"
            )
        given = dict.fromkeys(names, dtype) | dtypes
        fit = Fit(tuple(2 for _ in self.spec.axes), tuple(given.items()), is_double(self.__name__, given))
        if text == "numpy":
            return arrays.source(self._program(fit), self.spec)[0]
        return self._numba_text(fit, parallel=False) if text == "numba" else self._kernel(fit).text()

    def __repr__(self) -> str:
        """Name and arguments."""
        return f"<Rule {self.__name__}({', '.join(item.name for item in self.spec.arguments)})>"

    def _bound(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        names = [item.name for item in self.spec.arguments]
        values = dict(zip(names, arguments, strict=False))
        if len(arguments) > len(names) or set(values) & set(named) or set(values) | set(named) != set(names):
            raise EngramError(f"rule {self.__name__!r} takes {', '.join(names)}, each of them once")
        values |= named
        return tuple(values[name] for name in names)

    def _chosen(self, values: tuple[Any, ...]) -> Apply:
        """What applies the rule to arrays of these types, shapes and dtypes."""
        fit = fitted(self.__name__, self.spec, values)
        xp = array_module(values[self._arrays[0]])
        if not fit.elements:
            return self._clear
        if xp is np and target.wants_numba(fit.elements):
            return self._jitted(fit)
        if xp is np or isinstance(values[self._arrays[0]], np.ndarray):
            return self._array_code(values, fit)
        return self._launched(fit, xp)

    def _clear(self, *values: Any) -> None:
        """A rule on nothing: sums are zero."""
        for item, value in zip(self.spec.arguments, values, strict=True):
            if item.mark == "+":
                value[...] = 0

    def _form(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._forms:
            self._forms[key] = make()
        return self._forms[key]

    def _program(self, fit: Fit) -> Program:
        dtypes = dict(fit.dtypes)
        kinds = {item.name: kind_of(dtypes.get(item.name, "float")) for item in self.spec.arguments}

        def make() -> Program:
            arguments = {item.name: ArrayArgument((), kinds[item.name]) for item in self.spec.inputs}
            results = tuple(kinds[item.name] for item in self.spec.outputs)
            return parse(self.scalar_function, arguments, double=fit.double, results=results)

        program: Program = self._form(("program", fit.form), make)
        return program

    def _array_code(self, values: tuple[Any, ...], fit: Fit) -> Apply:
        xp = array_module(values[self._arrays[0]])
        function = self._form(
            ("array code", fit.form, xp.__name__),
            lambda: arrays.compiled_rule(self._program(fit), self.spec, xp, fit.real),
        )
        return functools.partial(arrays.apply, function, self.spec, xp, fit)

    def _jitted(self, fit: Fit) -> Apply:
        alone = (
            fit.elements <= _PARALLEL or bool(self.spec.summed) or len(fit.sizes) < 2 or target.threads() < 2
        )

        def make() -> Any:
            return cache.numba_module(self.__name__, self._numba_text(fit, parallel=not alone)).run

        run: Apply = self._form(("numba", fit.form, alone), make)
        return run

    def _numba_text(self, fit: Fit, *, parallel: bool) -> str:
        program, dtypes = self._program(fit), dict(fit.dtypes)
        return jit.rule_source(program, self.spec, dtypes, double=fit.double, parallel=parallel)

    def _kernel(self, fit: Fit) -> RuleKernel:
        make = functools.partial(RuleKernel, self._program(fit), self.spec, dict(fit.dtypes), fit.double)
        kernel: RuleKernel = self._form(("kernel", fit.form), make)
        return kernel

    def _hosted(self, fit: Fit) -> Apply:
        if not fit.elements:
            return self._clear
        kernel = self._kernel(fit)
        name, grid, block = kernel.geometry(fit.sizes, most_blocks=3)
        run = getattr(cache.c_library(self.__name__, kernel.text()), f"{name}_grid")
        real = ctypes.c_double if fit.double else ctypes.c_float

        def apply(*values: Any) -> None:
            given: list[Any] = [ctypes.c_int(size) for size in fit.sizes]
            for item, value in zip(self.spec.arguments, values, strict=True):
                if item.axes and not value.flags.c_contiguous:
                    raise EngramError(
                        f"rule {self.__name__!r}: {item.name} must be contiguous for its C text"
                    )
                given.append(ctypes.c_void_p(value.ctypes.data) if item.axes else real(value))
            run(*given, *map(ctypes.c_uint, (*grid, *block)))

        return apply

    def _launched(self, fit: Fit, cupy: Any) -> Apply:
        kernel = self._kernel(fit)
        name, grid, block = kernel.geometry(fit.sizes)
        make = functools.partial(cupy.RawModule, code=kernel.text(), options=("--fmad=false",))
        run = self._form(("cupy", fit.form), make).get_function(name)
        sizes = [np.int32(size) for size in fit.sizes]

        def apply(*values: Any) -> None:
            pairs = zip(self.spec.arguments, fit.given(self.spec, values), strict=True)
            given = [_in_rows(cupy, value) if item.axes else value for item, value in pairs]
            run(grid, (*block, 1), (*sizes, *given))
            for item, value, worked in zip(self.spec.arguments, values, given, strict=True):
                if item.mark and worked is not value:
                    value[...] = worked

        return apply


def _in_rows(cupy: Any, array: Any) -> Any:
    """The array as kernels take it: rows follow one another, and four numbers at a time can be loaded."""
    array = cupy.ascontiguousarray(array)
    return array if array.data.ptr % _ALIGNMENT == 0 else array.copy()


class Function:
    """A scalar function without a spec: part of rules and bodies, and called with arrays, element by element.

    Args:
        function: The function, within the subset.

    Raises:
        RuleError: Its source cannot be read.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        text_of(function)
        functools.update_wrapper(self, function)
        self.__name__: str = function.__name__
        self.scalar_function = function
        self._signature = inspect.signature(function)
        self._forms: dict[Any, Any] = {}

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Apply it element by element.

        Args:
            *arguments: Arrays, which broadcast against each other, and numbers; at least one array.
            **named: Others by name; what is neither array nor number is known to the function beforehand.

        Returns:
            An array, or a tuple of arrays, of the shape that the arguments broadcast to.
        """
        bound = self._signature.bind(*arguments, **named)
        bound.apply_defaults()
        return arrays.call(self.scalar_function, bound.arguments, self._forms)


@overload
def rule(given: str) -> Callable[[Callable[..., Any]], Any]: ...
@overload
def rule(given: Callable[..., Any]) -> Function: ...
def rule(given: str | Callable[..., Any]) -> Function | Callable[[Callable[..., Any]], Any]:
    """Declare a scalar function as a rule.

    Args:
        given: The index spec, such as "w[b,i,j]& x[b,i] y[b,j]; eta", or, where the function has loops of its
            own, such as "w[b,:,:]& x[b,:] eta[b]"; or the function itself, which then applies element by
            element and may be used in other rules and in bodies.
    """
    if isinstance(given, str):
        return lambda function: Procedure(function, given) if ":" in given else Rule(function, given)
    return Function(given)
