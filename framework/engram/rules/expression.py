"""Reads the expressions of the subset that rules are written in.

What is known beforehand (module constants, parameters, lengths) is worked out here, in Python's own numbers,
so that targets see only what differs between replicas. Calls of other rules are replaced by their text.
"""

from __future__ import annotations

import abc
import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any, NoReturn, TypeAlias, cast
from weakref import WeakKeyDictionary

import attrs

from ..declare import differs
from ..errors import EngramError
from . import angle, arithmetic, draw, functions, intrinsic
from .tree import (
    ArrayArgument,
    Assign,
    Constant,
    Draw,
    Expression,
    If,
    Kind,
    Load,
    Name,
    Operation,
    Statement,
    StreamArgument,
    Table,
    spelt,
)  # fmt: skip


class RuleError(EngramError):
    """A rule or a body is outside the subset; names line and expression."""


@attrs.frozen
class Static:
    """Something known when the rule is compiled: a number, a tuple, a parameter, a function."""

    value: Any


@attrs.frozen
class Array:
    """An array argument, or a row of it once some of its axes are indexed."""

    name: str
    shape: tuple[int, ...]
    kind: Kind
    index: tuple[Expression, ...] = ()


@attrs.frozen
class Stream:
    """A stream argument."""

    name: str


Value: TypeAlias = "Expression | Static | Array | Stream | tuple[Any, ...]"
Argument: TypeAlias = ArrayArgument | StreamArgument | Static
_LONG = 8  # Steps from which on a choice is a branch; shorter ones are both worked out, as vectors need.
NODES = (Constant, Name, Load, Operation)


@attrs.define
class Shared:
    """What all functions read into one program share: `own` arrays, and those whose calls are read."""

    double: bool
    own: set[str] = attrs.field(factory=set)
    serial: int = 0
    written: set[str] = attrs.field(factory=set)
    drawn: set[str] = attrs.field(factory=set)
    tables: dict[str, Table] = attrs.field(factory=dict)
    table_of: dict[Any, str] = attrs.field(factory=dict)
    inside: list[Any] = attrs.field(factory=list)


_TEXTS: WeakKeyDictionary[Any, tuple[ast.FunctionDef, int]] = WeakKeyDictionary()


def text_of(function: Any) -> tuple[ast.FunctionDef, int]:
    """The text of a function, and the line where it begins, as they were when first asked for: files change.

    Raises:
        RuleError: It is no plain function, or its source cannot be read.
    """
    name = getattr(function, "__name__", repr(function))
    try:
        if function not in _TEXTS:
            lines, first = inspect.getsourcelines(function)
            _TEXTS[function] = cast(Any, ast.parse(textwrap.dedent("".join(lines))).body[0]), first
        tree, first = _TEXTS[function]
    except (OSError, TypeError, SyntaxError):
        raise RuleError(f"rule {name!r}: its source cannot be read; write it with def, in a file") from None
    if not isinstance(tree, ast.FunctionDef):
        raise RuleError(f"rule {name!r}: is no plain function; write it with def")
    return tree, first


class ExpressionReader(abc.ABC):
    """The expressions of one function.

    Args:
        function: The function.
        names: Values of its arguments.
        shared: What it shares with the functions that call it.
    """

    def __init__(self, function: Callable[..., Any], names: dict[str, Value], shared: Shared) -> None:
        self.shared = shared
        self.out: list[Statement] = []
        self._function = cast(FunctionType, function)
        self._names = names
        self._own: set[str] = set()
        self._depth = 0
        self._loops = 0
        self._node: ast.AST | None = None
        self._tree, self._line = text_of(self._function)

    @abc.abstractmethod
    def _inlined(self, function: Callable[..., Any], args: list[Value], named: dict[str, Value]) -> Value:
        """The text of another function in place of a call."""

    def refuse(self, why: str) -> NoReturn:
        """Stop with the place, the expression and why it is refused."""
        node = self._node
        line = self._line + getattr(node, "lineno", 1) - 1
        text = ast.unparse(node).splitlines()[0] if node is not None else ""
        file = inspect.getsourcefile(self._function)
        raise RuleError(f"{file}:{line}: in {self._function.__name__}: `{text}`: {why}")

    def scalar(self, value: Value) -> Expression:
        """A value as one number."""
        if isinstance(value, NODES):
            return value
        if isinstance(value, Static):
            number = value.value
            if type(number) is int and not -(1 << 63) <= number < 1 << 63:
                self.refuse(f"{number} has more than 64 bits; write it as a float")
            if hasattr(number, "item") and getattr(number, "shape", None) == ():
                number = number.item()
            for kind, type_ in (("bool", bool), ("int", int), ("float", float)):
                if type(number) is type_:
                    return Constant(number, cast(Kind, kind))
        if isinstance(value, Array):
            self.refuse(
                f"{value.name!r} has {len(value.shape) - len(value.index)} more axes; index all of them"
            )
        if isinstance(value, Static) and hasattr(value.value, "shape"):
            self.refuse("one number is needed here: index it, or mark its field fixed(per_replica=True)")
        self.refuse("one number is needed here")

    def cast(self, value: Value, kind: Kind) -> Expression:
        """A value as a number of another kind, where no information is lost."""
        try:
            return arithmetic.cast(self.scalar(value), kind)
        except TypeError as error:
            self.refuse(str(error))

    def _operation(self, name: str, *args: Value) -> Value:
        if name in arithmetic.STATIC and all(isinstance(arg, Static) for arg in args):
            return self._known(arithmetic.STATIC[name], *(cast(Static, arg).value for arg in args))
        try:
            return arithmetic.operation(name, *(self.scalar(arg) for arg in args))
        except TypeError as error:
            self.refuse(str(error))

    def _known(self, function: Callable[..., Any], *args: Any, **named: Any) -> Static:
        """What Python makes of what is known beforehand."""
        try:
            return Static(function(*args, **named))
        except Exception as error:
            self.refuse(f"{type(error).__name__}: {error}")

    def _fresh(self, id: str, value: Expression) -> Name:
        """Hold a value under a new name."""
        self.shared.serial += 1
        name = Name(f"{spelt(id)}_{self.shared.serial}", value.kind)
        self._own.add(name.id)
        self.out.append(Assign(name, value, new=True))
        return name

    def _once(self, value: Expression) -> Expression:
        """The value, worked out once however often it is used in one expression."""
        return self._fresh("once", value) if isinstance(value, Load | Operation) else value

    def _held(self, value: Value) -> Value:
        """The value as it is now, whatever its name stands for later."""
        return self._fresh("held", value) if isinstance(value, Load | Operation | Name) else value

    def _kept(self, value: Value, live: bool = False) -> Value:
        """The value, be it a tuple or a row, as it is now; elements of arrays stay as they are if `live`."""
        if isinstance(value, tuple):
            return tuple(self._kept(item, live) for item in value)
        if isinstance(value, Array):
            return attrs.evolve(value, index=tuple(self.scalar(self._kept(part)) for part in value.index))
        is_fixed = isinstance(value, Name) and value.id not in self._own
        return value if is_fixed or (live and isinstance(value, Load)) else self._held(value)

    def _items(self, value: Value) -> tuple[Value, ...]:
        if isinstance(value, tuple):
            return value
        if isinstance(value, Array) and not isinstance(value.index, Load):
            size = value.shape[len(value.index)]
            return tuple(self._element(value, Constant(place, "int")) for place in range(size))
        if isinstance(value, Static):
            try:
                return tuple(Static(item) for item in value.value)
            except TypeError:
                pass
        self.refuse("a loop runs over range(n), a tuple, or an array, whose length is known beforehand")

    # Expressions

    def value(self, node: ast.expr) -> Value:
        """Read an expression."""
        before, self._node = self._node, node
        found = self._value(node)
        self._node = before
        return found

    def _value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=value):
                return Static(value)
            case ast.Name(id=id):
                return self._name(id)
            case ast.Attribute(value=base, attr=attribute):
                return self._attribute(self.value(base), attribute)
            case ast.Tuple(elts=items):
                return self._tuple([self.value(item) for item in items])
            case ast.Subscript(value=base, slice=index):
                return self._indexed(self.value(base), index)
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                return self._choice(self.value(test), then, otherwise)
            case ast.Call(func=function, args=args, keywords=keywords):
                return self._call(function, args, keywords)
        return self._operator(node)

    def _operator(self, node: ast.expr) -> Value:
        match node:
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(self.value(left), self.value(right))
            case ast.BinOp(left=left, op=op, right=right):
                return self._operation(arithmetic.symbol(op), self.value(left), self.value(right))
            case ast.UnaryOp(op=op, operand=operand):
                return self._operation(arithmetic.symbol(op), self.value(operand))
            case ast.BoolOp(op=op, values=values):
                return self._fold(arithmetic.symbol(op), [self.value(value) for value in values])
            case ast.Compare(left=left, ops=ops, comparators=rights):
                return self._compare(left, ops, rights)
        self.refuse("is not part of the subset that rules are written in")

    def _name(self, id: str) -> Value:
        if id in self._names:
            return self._names[id]
        spaces = (
            inspect.getclosurevars(self._function).nonlocals,
            self._function.__globals__,
            vars(builtins),
        )
        for space in spaces:
            if id in space:
                return Static(space[id])
        self.refuse(f"{id!r} is not known here; a name that begins in a branch or a loop ends with it")

    def _attribute(self, base: Value, attribute: str) -> Value:
        if isinstance(base, Static):
            if not hasattr(base.value, attribute):
                self.refuse(f"there is no {attribute!r}")
            if differs(base.value, attribute):
                self.refuse(f"{attribute!r} differs between replicas; make it an argument of its own")
            return Static(getattr(base.value, attribute))
        if isinstance(base, Array) and attribute == "shape":
            return Static(base.shape[len(base.index) :])
        self.refuse("only parameters, modules and streams have attributes here")

    def _tuple(self, items: list[Value]) -> Value:
        if all(isinstance(item, Static) for item in items):
            return Static(tuple(cast(Static, item).value for item in items))
        return tuple(items)

    def _indexed(self, base: Value, index: ast.expr) -> Value:
        parts = [self.value(part) for part in (index.elts if isinstance(index, ast.Tuple) else [index])]
        for part in parts:
            base = self._at(base, part)
        return base

    def _at(self, base: Value, part: Value) -> Value:
        if isinstance(base, Static) and not isinstance(part, Static):
            base = self._table(base.value)
        if isinstance(base, Array):
            return self._element(base, self.scalar(part))
        if isinstance(part, Static) and isinstance(base, Static | tuple):
            items = base.value if isinstance(base, Static) else base
            try:
                found = items[part.value]
            except (IndexError, TypeError, KeyError) as error:
                self.refuse(str(error))
            return Static(found) if isinstance(base, Static) else cast(Value, found)
        self.refuse("only arrays and tuples can be indexed; a tuple of values by what is known beforehand")

    def _element(self, array: Array, part: Expression) -> Value:
        if part.kind != "int":
            self.refuse(f"an index must be an integer, not {part.kind}")
        size = array.shape[len(array.index)]
        if isinstance(part, Constant):
            place = int(part.value) + (size if part.value < 0 else 0)
            if not 0 <= place < size:
                self.refuse(f"index {part.value} of an axis of {size}")
            part = Constant(place, "int")
        array = attrs.evolve(array, index=(*array.index, part))
        return Load(array.name, array.index, array.kind) if len(array.index) == len(array.shape) else array

    def _table(self, values: Any) -> Array:
        """A nested tuple, or an array on the host, that is indexed at run time."""
        try:
            table = arithmetic.table(values)
        except (TypeError, ValueError):
            self.refuse("a table indexed at run time holds numbers, as many in each row")
        key = (table.shape, repr(table.values), table.kind)
        if key not in self.shared.table_of:
            self.shared.table_of[key] = f"numbers_{len(self.shared.tables)}_table"
            self.shared.tables[self.shared.table_of[key]] = table
        return Array(self.shared.table_of[key], table.shape, table.kind)

    def _power(self, base: Value, exponent: Value) -> Value:
        if isinstance(base, Static) and isinstance(exponent, Static):
            return self._known(pow, base.value, exponent.value)
        n = exponent.value if isinstance(exponent, Static) else None
        if type(n) is not int or not 1 <= n <= 16:
            self.refuse("powers are whole numbers from 1 to 16; for others write exact.exp(y * exact.log(x))")
        factor = self._once(self.scalar(base))
        return self._fold("*", [factor] * n)

    def _fold(self, name: str, values: list[Value]) -> Value:
        found = values[0]
        for value in values[1:]:
            found = (
                self._logical(name, found, value)
                if name in ("and", "or")
                else self._operation(name, found, value)
            )
        return found

    def _logical(self, name: str, left: Value, right: Value) -> Value:
        if isinstance(left, Static):
            return (right if left.value else left) if name == "and" else (left if left.value else right)
        return self._operation(name, left, right)

    def _compare(self, left: ast.expr, ops: list[ast.cmpop], rights: list[ast.expr]) -> Value:
        values = [self.value(left)] + [self.value(right) for right in rights]
        if len(values) > 2:
            values = [
                value if isinstance(value, Static) else self._once(self.scalar(value)) for value in values
            ]
        pairs = zip(ops, values[:-1], values[1:], strict=True)
        return self._fold(
            "and", [self._operation(arithmetic.symbol(op), one, other) for op, one, other in pairs]
        )

    def _choice(self, test: Value, then: ast.expr, otherwise: ast.expr) -> Value:
        if isinstance(test, Static):
            return self.value(then if test.value else otherwise)
        (one, first), (other, second) = self._apart(then), self._apart(otherwise)
        if len(first) + len(second) > _LONG and not isinstance(one, tuple) and not isinstance(other, tuple):
            return self._either(test, (one, first), (other, second))
        self.out += first + second
        if isinstance(one, tuple) or isinstance(other, tuple):
            held, ones, others = self._held(test), self._items(one), self._items(other)
            if len(ones) != len(others):
                self.refuse(f"one choice has {len(ones)} values, the other {len(others)}")
            pairs = zip(ones, others, strict=True)
            return tuple(self._operation("select", held, a, b) for a, b in pairs)
        return self._operation("select", self.scalar(test), self.scalar(one), self.scalar(other))

    def _apart(self, node: ast.expr) -> tuple[Value, list[Statement]]:
        """Read an expression and what must be worked out for it."""
        outer, self.out = self.out, []
        value = self.value(node)
        inner, self.out = self.out, outer
        return value, inner

    def _either(
        self, test: Value, then: tuple[Value, list[Statement]], otherwise: tuple[Value, list[Statement]]
    ) -> Value:
        """Of two long computations, only do the one that is needed."""
        held = arithmetic.truth(self.scalar(self._held(test)))
        one, other = arithmetic.joined(self.scalar(then[0]), self.scalar(otherwise[0]))
        chosen = self._fresh("chosen", arithmetic.cast(Constant(0, "bool"), one.kind))
        branches = [
            (*before, Assign(chosen, value, new=False))
            for before, value in ((then[1], one), (otherwise[1], other))
        ]
        self.out.append(If(held, *branches))
        return chosen

    # Calls

    def _call(self, function: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]) -> Value:
        if isinstance(function, ast.Attribute):
            base = self.value(function.value)
            if isinstance(base, Stream):
                return self._draw(base, function.attr, [self.value(arg) for arg in args])
            called = self._attribute(base, function.attr)
        else:
            called = self.value(function)
        if not isinstance(called, Static):
            self.refuse("only functions can be called")
        values = [self.value(arg) for arg in args]
        named = {str(keyword.arg): self.value(keyword.value) for keyword in keywords}
        return self._called(called.value, values, named)

    def _called(self, function: Any, args: list[Value], named: dict[str, Value]) -> Value:
        is_exact = getattr(function, "__module__", "") in (functions.__name__, angle.__name__)
        scalar = getattr(function, "scalar_function", function if is_exact else None)
        if scalar is not None:
            return self._inlined(scalar, args, named)
        if function is len and len(args) == 1 and isinstance(args[0], Array):
            return Static(args[0].shape[len(args[0].index)])
        if function is intrinsic.is_double:
            return Static(self.shared.double)
        if function in (zip, enumerate, tuple, reversed) and not named:
            return self._paired(function, args)
        everything = [*args, *named.values()]
        if all(isinstance(value, Static) for value in everything) and function not in arithmetic.EXACT:
            given = {name: cast(Static, value).value for name, value in named.items()}
            function = arithmetic.KNOWN.get(function, function)
            return self._known(function, *(cast(Static, arg).value for arg in args), **given)
        if function in arithmetic.EXTREMES and len(args) > 1 and not named:
            return self._extreme(function in arithmetic.EXTREMES[:2], args)
        if function in arithmetic.CALLS and len(args) == 1 + (function is intrinsic.real) and not named:
            return self._operation(arithmetic.CALLS[function], args[0])
        self.refuse("this function is no rule; decorate it with engram.rule, or use those of engram.exact")

    def _paired(self, function: Any, args: list[Value]) -> Value:
        parts = [self._items(arg) for arg in args]
        found = function(*parts)
        return tuple(
            tuple(Static(part) if isinstance(part, int) else part for part in item)
            if isinstance(item, tuple)
            else item
            for item in found
        )

    def _extreme(self, least: bool, args: list[Value]) -> Value:
        found = self.scalar(args[0])
        for arg in args[1:]:
            one, other = arithmetic.joined(found, self.scalar(arg))
            one, other = self._once(one), self._once(other)
            found = arithmetic.extreme(least, one, other)
        return found

    def _draw(self, stream: Stream, method: str, args: list[Value]) -> Value:
        numbers = [arg.value for arg in args if isinstance(arg, Static) and type(arg.value) is int]
        whole = method == "integers"
        if method not in ("uniform", "normal", "integers") or not whole <= len(numbers) == len(args):
            self.refuse(
                "a stream has uniform(*shape), normal(*shape) and integers(n, *shape), of known numbers"
            )
        if self._loops or stream.name in self.shared.drawn:
            self.refuse("a stream gives one draw a step; draw once, before the loop or the branches")
        self.shared.drawn.add(stream.name)
        n, shape = (numbers[0], numbers[1:]) if whole else (1, numbers)
        if not 1 <= n <= 1 << 31 or min(shape, default=1) < 1:
            self.refuse("integers(n) needs 1 <= n <= 2**31, and a shape at least 1")
        if len(shape) > 1:
            self.refuse("draw along one axis")
        kind: Kind = "int" if method == "integers" else "float"
        self.shared.serial += 1
        names = tuple(
            Name(f"{stream.name}{index}_{self.shared.serial}", kind) for index in range(*shape or (1,))
        )
        blocks, words = draw.words(names, method, self.shared.double)
        outer, self.out = self.out, []
        for name, pair in zip(names, words, strict=True):
            self.out.append(Assign(name, self._number(method, n, *pair), new=True))
        making, self.out = tuple(self.out), outer
        self.out.append(Draw(names, stream.name, method, tuple(numbers), blocks, making))
        return names if shape else names[0]

    def _number(self, method: str, n: int, word: Name, more: Name) -> Expression:
        if method == "integers":
            return draw.integer(word, n)
        if method == "uniform":
            return draw.uniform(word, more, self.shared.double)
        offset = self._fresh("offset", draw.offset(word, more, self.shared.double))
        return self.scalar(self._inlined(functions.normal, [offset], {}))
