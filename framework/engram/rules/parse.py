"""Reads a scalar Python function of the checked subset into a `Program`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from . import arithmetic, row
from .expression import (
    NODES,
    Argument,
    Array,
    ExpressionReader,
    Shared,
    Static,
    Stream,
    Value,
)  # fmt: skip
from .tree import (
    Argmax,
    Assign,
    Expression,
    If,
    Kind,
    Load,
    Loop,
    Name,
    Program,
    Statement,
    Store,
    StreamArgument,
    spelt,
)  # fmt: skip


def parse(
    function: Callable[..., Any],
    arguments: Mapping[str, Argument],
    *,
    double: bool,
    results: tuple[Kind, ...] | None,
) -> Program:
    """Read a function.

    Args:
        function: Its source must be available.
        arguments: What each of its arguments is.
        double: Whether floats have 64 bits.
        results: Kinds of what it returns; whatever it does return if None.

    Raises:
        RuleError: It is outside the subset.
    """
    names = {name: _bound(name, argument) for name, argument in arguments.items()}
    own = {name for name, value in names.items() if isinstance(value, Array)}
    reader = Reader(function, names, Shared(double, own), set(arguments))
    found = reader.run(results)
    shared = reader.shared
    return Program(function.__name__, tuple(reader.out), found, frozenset(shared.written), shared.tables)


def _bound(name: str, argument: Argument) -> Value:
    if isinstance(argument, Static):
        return argument
    if isinstance(argument, StreamArgument):
        return Stream(name)
    return Array(name, argument.shape, argument.kind) if argument.shape else Name(f"{name}_0", argument.kind)


class Reader(ExpressionReader):
    """One function being read.

    Args:
        function: The function.
        names: Values of its arguments.
        shared: What it shares with the functions that call it.
        outputs: Arguments that it may assign to, of the outermost function only.
    """

    def __init__(
        self, function: Callable[..., Any], names: dict[str, Value], shared: Shared, outputs: set[str]
    ) -> None:
        super().__init__(function, names, shared)
        self._outputs = outputs
        # The call that is the present statement: it need return nothing.
        self._alone: ast.Call | None = None
        self._own |= {
            value.id for name, value in names.items() if name in outputs and isinstance(value, Name)
        }

    def run(self, kinds: tuple[Kind, ...] | None) -> tuple[Expression, ...]:
        """Read it; returns what it returns, as numbers of these kinds."""
        found = self._block(self._tree.body)
        values: tuple[Value, ...] = () if found is None else found if isinstance(found, tuple) else (found,)
        if kinds is None:
            return tuple(self.scalar(value) for value in values)
        if len(values) != len(kinds):
            self.refuse(f"returns {len(values)} values, {len(kinds)} are wanted")
        return tuple(self.cast(value, kind) for value, kind in zip(values, kinds, strict=True))

    def _block(self, body: list[ast.stmt]) -> Value | None:
        for statement in body:
            self._node = statement
            found = self._statement(statement)
            if found is not None:
                if self._depth:
                    self._node = statement
                    self.refuse("return stands at the end of the function, or of a branch chosen beforehand")
                return found
        return None

    def _statement(self, node: ast.stmt) -> Value | None:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return None
            case ast.Expr(value=ast.Call() as call):
                self._alone = call
                self.value(call)
            case ast.Return(value=value):
                return () if value is None else self.value(value)
            case ast.Assign(targets=[target], value=value):
                self._assign(target, self.value(value))
            case ast.AugAssign(target=target, op=op, value=value):
                before, by = self.value(target), self.value(value)
                power = isinstance(op, ast.Pow)
                self._assign(
                    target,
                    self._power(before, by) if power else self._operation(arithmetic.symbol(op), before, by),
                )
            case ast.If():
                return self._if(node)
            case ast.For(target=target, iter=iterable, body=body, orelse=[]):
                self._for(target, iterable, body)
            case _:
                self.refuse("a rule has assignments, if, for, and one return")
        return None

    def _assign(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(id=id):
                self._set(id, value)
            case ast.Tuple(elts=targets):
                values = self._items(value)
                if len(values) != len(targets):
                    self.refuse(f"{len(values)} values for {len(targets)} names")
                held = [self._held(item) for item in values] if len(values) > 1 else list(values)
                for one, item in zip(targets, held, strict=True):
                    self._assign(one, item)
            case ast.Subscript(value=base, slice=index):
                array = self._indexed(self.value(base), index)
                if not isinstance(array, Load) or array.array not in self.shared.own:
                    self.refuse("only elements of the body's own arrays can be assigned")
                self.shared.written.add(array.array)
                self.out.append(Store(array.array, array.index, self.cast(value, array.kind)))
            case _:
                self.refuse("assign to a name, or to an element of an array")

    def _set(self, id: str, value: Value) -> None:
        known = self._names.get(id)
        if isinstance(known, Array | Stream):
            self.refuse(f"{id!r} is an array or a stream; assign to its elements")
        if id in self._outputs:
            self.shared.written.add(id)
        if isinstance(known, Name) and known.id in self._own:
            self.out.append(Assign(known, self.cast(value, known.kind), new=False))
        elif isinstance(value, NODES):
            self._names[id] = self._fresh(id, value)
        else:
            self._names[id] = self._kept(value)

    def _if(self, node: ast.If) -> Value | None:
        test = self.value(node.test)
        if isinstance(test, Static):
            return self._block(node.body if test.value else node.orelse)
        test = self._held(arithmetic.truth(self.scalar(test)))
        self._settle([*node.body, *node.orelse])
        then, otherwise = self._branch(node.body), self._branch(node.orelse)
        self.out.append(If(self.scalar(test), then, otherwise))
        return None

    def _branch(self, body: list[ast.stmt]) -> tuple[Statement, ...]:
        """Read statements that may not be reached; names that begin in them end with them."""
        outer, known = self.out, dict(self._names)
        self.out, self._depth = [], self._depth + 1
        self._block(body)
        inner, self.out, self._depth, self._names = self.out, outer, self._depth - 1, known
        return tuple(inner)

    def _settle(self, body: list[ast.stmt]) -> None:
        """Give a place to every name that a branch or a loop will change."""
        for statement in body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in self._names:
                    value = self._names[node.id]
                    is_number = isinstance(value, Static) and isinstance(
                        value.value, bool | int | float | np.generic
                    )
                    if not is_number and not isinstance(value, NODES):
                        self.refuse(
                            f"{node.id!r} is no number; what changes in a branch or a loop must be one"
                        )
                    if getattr(value, "id", None) not in self._own:
                        self._names[node.id] = self._fresh(node.id, self.scalar(value))

    def _for(self, target: ast.expr, iterable: ast.expr, body: list[ast.stmt]) -> None:
        count = self._worked_out(iterable)
        if count is not None:
            self._loop(target, count, body)
            return
        items = self.value(iterable)
        if (
            isinstance(items, Static)
            and isinstance(items.value, range)
            and items.value == range(len(items.value))
        ):
            self._loop(target, len(items.value), body)
            return
        live = isinstance(iterable, ast.Call)
        for item in [self._kept(item, live) for item in self._items(items)]:
            self._assign(target, item)
            if self._block(body) is not None:
                self.refuse("return stands at the end of the function")

    def _worked_out(self, iterable: ast.expr) -> Name | None:
        """How often `range(n)` repeats where `n` is worked out at run time."""
        match iterable:
            case ast.Call(func=ast.Name(id="range"), args=[arg], keywords=[]):
                count = self.value(arg)
                if not isinstance(count, Static) and self.scalar(count).kind == "int":
                    return self._fresh("count", self.scalar(count))
        return None

    def _loop(self, target: ast.expr, count: int | Name, body: list[ast.stmt]) -> None:
        self._settle(body)
        if not isinstance(target, ast.Name):
            self.refuse("the index of a loop is a name")
        self.shared.serial += 1
        index = Name(f"{spelt(target.id)}_{self.shared.serial}", "int")
        self._names[target.id] = index
        self._loops += 1
        inner = self._branch(body)
        self._loops -= 1
        del self._names[target.id]
        if count != 0:
            self.out.append(Loop(index, count, inner))

    def _inlined(self, function: Callable[..., Any], args: list[Value], named: dict[str, Value]) -> Value:
        if function is row.scalar_argmax and len(args) == 1 and isinstance(args[0], Array):
            return self._argmax(args[0])
        return self._text(function, args, named)

    def _argmax(self, array: Array) -> Name:
        if len(array.index) != len(array.shape) - 1:
            self.refuse("argmax takes a row: an array with all its axes indexed but the last")
        index = tuple(self._once(part) for part in array.index)
        outer, self.out = self.out, []
        found = self._text(row.scalar_argmax, [attrs.evolve(array, index=index)], {})
        making, self.out = tuple(self.out), outer
        assert isinstance(found, Name)
        self.out.append(Argmax(found, array.name, index, making))
        return found

    def _text(self, function: Callable[..., Any], args: list[Value], named: dict[str, Value]) -> Value:
        """The text of a function in place of a call."""
        alone = self._node is self._alone
        try:
            bound = inspect.signature(function).bind(*args, **named)
        except TypeError as error:
            self.refuse(str(error))
        names = {
            name: self._held(value) if not isinstance(value, Name) else value
            for name, value in bound.arguments.items()
        }
        for name, parameter in inspect.signature(function).parameters.items():
            if name not in names:
                names[name] = Static(parameter.default)
        if function is self._function or function in self.shared.inside:
            self.refuse("a rule may not call itself")
        self.shared.inside.append(self._function)
        inner = Reader(function, names, self.shared, set())
        inner.out, inner._loops = self.out, self._loops
        found = inner._block(inner._tree.body)
        self.shared.inside.pop()
        if found is None or found == ():
            if alone:
                return ()
            self.refuse("it returns nothing")
        return tuple(inner.scalar(item) for item in found) if isinstance(found, tuple) else found
