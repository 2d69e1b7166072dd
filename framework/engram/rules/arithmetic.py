"""The operations of rules: which kinds they take, which they give, and what they make of Python numbers."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import intrinsic
from .tree import Constant, Expression, Kind, Operation, Table

_SYMBOLS: Mapping[type, str] = {
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.USub: "neg", ast.UAdd: "plus", ast.Not: "not", ast.Invert: "invert", ast.And: "and", ast.Or: "or",
}  # fmt: skip
STATIC: Mapping[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift,
    ">>": operator.rshift, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne, "neg": operator.neg, "plus": operator.pos, "not": operator.not_,
    "invert": operator.invert, "is": operator.is_, "is not": operator.is_not,
    "in": lambda item, items: item in items, "not in": lambda item, items: item not in items,
    "select": lambda test, then, otherwise: then if test else otherwise,
}  # fmt: skip
CALLS: Mapping[Any, str] = {
    abs: "abs", float: "real", int: "int", bool: "bool", intrinsic.sqrt: "sqrt", intrinsic.floor: "floor",
    intrinsic.trunc: "trunc", intrinsic.rint: "rint", intrinsic.bits: "bits",
    intrinsic.from_bits: "from_bits", intrinsic.whole: "whole", intrinsic.real: "real",
}  # fmt: skip
EXTREMES = (min, intrinsic.min, max, intrinsic.max)
"""Smallest, smallest, largest, largest."""
KNOWN: Mapping[Any, Any] = {intrinsic.min: min, intrinsic.max: max}
"""What Python has in the place of functions of arrays."""
EXACT = frozenset(CALLS) - {abs, float, int, bool}
"""Functions whose result depends on the precision, so that they are not worked out in Python's numbers."""

_ORDER: tuple[Kind, ...] = ("bool", "int", "bits", "float")
_NUMERIC = ("+", "-", "*")
_WHOLE = ("//", "%", "&", "|", "^", "<<", ">>")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_OF_FLOAT = ("sqrt", "floor", "trunc", "rint")
_OF_BITS: Mapping[str, tuple[Kind, Kind]] = {
    "bits": ("float", "bits"),
    "whole": ("float", "bits"),
    "from_bits": ("bits", "float"),
}


def symbol(op: ast.AST) -> str:
    """Name of an operator of Python; "" for one that rules do not have."""
    return _SYMBOLS.get(type(op), "")


def operation(name: str, *args: Expression) -> Expression:
    """An operation on expressions, these brought to one kind where it needs that.

    Raises:
        TypeError: It does not take these kinds.
    """
    if name in _NUMERIC or name in _COMPARISONS:
        one, other = joined(*args)
        if one.kind == "bool" and name not in ("==", "!="):
            one, other = cast(one, "int"), cast(other, "int")
        if name == "*" and Constant(1, one.kind) in (one, other):
            return other if one == Constant(1, one.kind) else one
        return Operation(name, (one, other), "bool" if name in _COMPARISONS else one.kind)
    if name == "/":
        return Operation("/", (cast(args[0], "float"), cast(args[1], "float")), "float")
    if name in ("and", "or") or (name in ("&", "|") and args[0].kind == args[1].kind == "bool"):
        return Operation({"&": "and", "|": "or"}.get(name, name), tuple(truth(arg) for arg in args), "bool")
    if name in _WHOLE:
        return _whole(name, *args)
    if name == "select":
        then, otherwise = joined(args[1], args[2])
        return Operation("select", (truth(args[0]), then, otherwise), then.kind)
    return _unary(name, args[0])


def _whole(name: str, *args: Expression) -> Expression:
    one, other = joined(*args)
    if one.kind == "bool" and name == "^":
        return Operation("!=", (one, other), "bool")
    if one.kind == "bool" and name not in ("&", "|"):
        one, other = cast(one, "int"), cast(other, "int")
    if one.kind not in ("int", "bits") or (one.kind == "bits" and name in ("//", "%")):
        raise TypeError(f"{name} takes integers, not {one.kind}")
    if name in ("<<", ">>") and one.kind == "int":
        other = _places(other)
    return Operation(name, (one, other), one.kind)


def _places(count: Expression) -> Expression:
    """By how many places an integer of 64 bits is shifted; one worked out at run time counts modulo 64."""
    if not isinstance(count, Constant):
        return Operation("&", (count, Constant(63, "int")), "int")
    if not 0 <= count.value < 64:
        raise TypeError(f"integers have 64 bits and cannot be shifted by {count.value}")
    return count


def _unary(name: str, arg: Expression) -> Expression:
    match name:
        case "plus":
            return arg
        case "neg":
            return _negative(cast(arg, "int") if arg.kind == "bool" else arg)
        case "abs":
            return _size(arg)
        case "real":
            return cast(arg, "float")
        case "bool":
            return truth(arg)
        case "int":
            return Operation("int", (arg,), "int") if arg.kind == "float" else cast(arg, "int")
    return _special(name, arg)


def _special(name: str, arg: Expression) -> Expression:
    if name == "not" or (name == "invert" and arg.kind == "bool"):
        return Operation("not", (truth(arg),), "bool")
    if name == "invert" and arg.kind in ("int", "bits"):
        return Operation("^", (arg, Constant(-1, arg.kind)), arg.kind)
    if name in _OF_FLOAT:
        return Operation(name, (cast(arg, "float"),), "float")
    if name in _OF_BITS and arg.kind == _OF_BITS[name][0]:
        return Operation(name, (arg,), _OF_BITS[name][1])
    raise TypeError(f"{name or 'this operator'} does not take {arg.kind}")


def _negative(arg: Expression) -> Expression:
    return Constant(-arg.value, arg.kind) if isinstance(arg, Constant) else Operation("neg", (arg,), arg.kind)


def _size(arg: Expression) -> Expression:
    if arg.kind == "float":
        return Operation("abs", (arg,), "float")
    negative = Operation("<", (arg, cast(Constant(0, "int"), arg.kind)), "bool")
    return Operation("select", (negative, _negative(arg), arg), arg.kind)


def cast(arg: Expression, kind: Kind) -> Expression:
    """The same number as another kind.

    Raises:
        TypeError: A float would become an integer, or a wide integer a narrow one.
    """
    if arg.kind == kind:
        return arg
    if isinstance(arg, Constant) and (kind == "float" or arg.kind != "float") and kind != "bool":
        return Constant(float(arg.value) if kind == "float" else int(arg.value), kind)
    if kind == "float" or (kind == "int" and arg.kind in ("bool", "bits")):
        return Operation("real" if kind == "float" else "int", (arg,), kind)
    raise TypeError(
        f"{arg.kind} where {kind} is needed; convert it: int(x), x != 0, or begin with 0.0 instead of 0"
    )


def truth(arg: Expression) -> Expression:
    """Whether a number is not zero."""
    if arg.kind == "bool":
        return arg
    return Operation("!=", (arg, cast(Constant(0, "int"), arg.kind)), "bool")


def joined(one: Expression, other: Expression) -> tuple[Expression, Expression]:
    """Two numbers brought to one kind.

    Raises:
        TypeError: One is an integer as wide as a float, the other an index.
    """
    kind = max(one.kind, other.kind, key=_ORDER.index)
    return cast(one, kind), cast(other, kind)


def extreme(least: bool, one: Expression, other: Expression) -> Expression:
    """The smaller or larger of two numbers of one kind, the first of equal ones; NaN stays.

    The second is asked whether it is a number: it is a limit most of the time, and the same for a whole loop.
    """
    beaten: Expression = Operation("<" if least else ">", (other, one), "bool")
    if one.kind == "float" and not (isinstance(other, Constant) and other.value == other.value):
        beaten = Operation("or", (beaten, Operation("!=", (other, other), "bool")), "bool")
    return Operation("select", (beaten, other, one), one.kind)


def table(values: Any) -> Table:
    """Nested tuples, or an array, as constants.

    Raises:
        TypeError: They hold something else than numbers.
        ValueError: Rows differ in length.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or not array.ndim or not array.size:
        raise TypeError("no numbers")
    kind: Kind = "float" if array.dtype.kind == "f" else "int"
    flat = tuple(array.reshape(-1).astype(float if kind == "float" else int).tolist())
    return Table(flat, array.shape, kind)
