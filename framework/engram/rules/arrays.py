"""Runs rules as array code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..backend import array_module
from ..errors import EngramError
from .expression import Argument, RuleError, Static
from .fit import Fit, is_double
from .kernel import kind_of
from .parse import parse
from .spec import Indexed, Spec
from .tree import ArrayArgument, Program
from .vector import VectorPrinter, compiled, spaces


def source(program: Program, spec: Spec) -> tuple[str, VectorPrinter]:
    """The array code of a rule, and what printed it."""
    printer = VectorPrinter(program, {})
    body = printer.lines(program.statements, "", 1)
    results = "".join(f"{printer.expression(value)}, " for value in program.results)
    names = ", ".join(f"{item.name}_0" for item in spec.inputs)
    return "\n".join([f"def {program.name}_rule({names}):", *body, f"    return ({results})"]), printer


def compiled_rule(program: Program, spec: Spec, xp: Any, dtype: np.dtype[Any]) -> Callable[..., Any]:
    """The array code of a rule as a function of arrays that broadcast against each other."""
    text, printer = source(program, spec)
    return compiled(f"{program.name}_rule", text.splitlines(), spaces(printer, program, xp, dtype))


def apply(function: Callable[..., Any], spec: Spec, xp: Any, fit: Fit, *values: Any) -> None:
    """Apply compiled array code to the arguments of a rule."""
    with np.errstate(all="ignore"):
        inputs = [
            _spread(spec, item, value) if item.axes else value
            for item, value in zip(spec.arguments, fit.given(spec, values), strict=True)
            if item.mark != "+"
        ]
        results = [_own(xp.asarray(result)) for result in function(*inputs)]
        outputs = [(item, value) for item, value in zip(spec.arguments, values, strict=True) if item.mark]
        for (item, out), result in zip(outputs, results, strict=True):
            _keep(spec, item, out, xp.broadcast_to(result, fit.sizes))


def _own(result: Any) -> Any:
    """A result that is a view of an argument would change with it."""
    return result if result.base is None else result.copy()


def _spread(spec: Spec, item: Indexed, array: Any) -> Any:
    """View an array along all axes of the rule, integers as wide as rules compute them."""
    if array.dtype.kind in "iu":
        array = array.astype(np.int64, copy=False)
    order = [item.axes.index(axis) for axis in spec.axes if axis in item.axes]
    index = tuple(slice(None) if axis in item.axes else None for axis in spec.axes)
    return array.transpose(order)[index]


def _keep(spec: Spec, item: Indexed, out: Any, result: Any) -> None:
    if item.mark == "+" and spec.summed:
        result = _summed(spec, out, result)
    axes = [axis for axis in spec.axes if axis in item.axes]
    out[...] = result.transpose([axes.index(axis) for axis in item.axes])


def _summed(spec: Spec, out: Any, result: Any) -> Any:
    """Sum over the axes that are summed, in index order."""
    places = [index for index, axis in enumerate(spec.axes) if axis in spec.summed]
    kept = tuple(size for index, size in enumerate(result.shape) if index not in places)
    total = array_module(out).zeros(kept, dtype=out.dtype)
    for index in np.ndindex(*(result.shape[place] for place in places)):
        chosen: list[Any] = [slice(None)] * result.ndim
        for place, part in zip(places, index, strict=True):
            chosen[place] = part
        total = total + result[tuple(chosen)]
    return total


def call(function: Callable[..., Any], arguments: Mapping[str, Any], forms: dict[Any, Any]) -> Any:
    """Apply a scalar function to arrays, element by element.

    Args:
        function: The function.
        arguments: Its arguments by name: arrays, numbers, and what is known beforehand.
        forms: Where its compiled forms are kept.
    """
    given = {name: value for name, value in arguments.items() if hasattr(value, "dtype")}
    if not given:
        raise EngramError(f"{function.__name__}: give at least one array")
    values = list(given.values())
    known = {name: value for name, value in arguments.items() if name not in given}
    numbers = {name: value for name, value in known.items() if type(value) is float}
    fixed = {name: value for name, value in known.items() if name not in numbers}
    xp = array_module(values[0])
    dtypes = tuple((name, value.dtype) for name, value in given.items())
    key = (dtypes, tuple(numbers), _frozen(fixed), xp.__name__)
    if key not in forms:
        forms[key] = _elementwise(function, dict(dtypes), numbers, fixed, xp)
    form, real = forms[key]
    wide = [value.astype(np.int64, copy=False) if value.dtype.kind in "iu" else value for value in values]
    with np.errstate(all="ignore"):
        results = form(*wide, *map(real, numbers.values()))
    shape = values[0].shape if len(values) == 1 else np.broadcast_shapes(*(value.shape for value in values))
    spread = tuple(_spread_out(xp, result, shape) for result in results)
    return spread if len(spread) > 1 else spread[0]


def _spread_out(xp: Any, result: Any, shape: tuple[int, ...]) -> Any:
    """A result of the shape of all arguments together, though it may depend on none of them."""
    if getattr(result, "shape", None) == shape:
        return result
    return xp.zeros(shape, dtype=getattr(result, "dtype", type(result))) + result


def _frozen(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """A key for what is known beforehand: by value where it has one, else by identity."""
    return tuple((name, value if _is_hashable(value) else id(value)) for name, value in values.items())


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _elementwise(
    function: Callable[..., Any],
    dtypes: Mapping[str, np.dtype[Any]],
    numbers: Iterable[str],
    fixed: Mapping[str, Any],
    xp: Any,
) -> tuple[Callable[..., Any], type[Any]]:
    """The array code of a scalar function, and the type of its floats."""
    double = is_double(function.__name__, {name: dtype.name for name, dtype in dtypes.items()})
    dtype = np.dtype(np.float64 if double else np.float32)
    arguments: dict[str, Argument] = {
        name: ArrayArgument((), kind_of(given.name)) for name, given in dtypes.items()
    }
    arguments |= dict.fromkeys(numbers, ArrayArgument((), "float"))
    arguments |= {name: Static(value) for name, value in fixed.items()}
    program = parse(function, arguments, double=double, results=None)
    printer = VectorPrinter(program, {})
    body = printer.lines(program.statements, "", 1)
    results = "".join(f"{printer.expression(value)}, " for value in program.results)
    names = ", ".join(f"{name}_0" for name, value in arguments.items() if isinstance(value, ArrayArgument))
    if not program.results:
        raise RuleError(f"{program.name}: it returns nothing; end it with return and a value")
    lines = [f"def {program.name}_rule({names}):", *body, f"    return ({results})"]
    return compiled(f"{program.name}_rule", lines, spaces(printer, program, xp, dtype)), dtype.type
