"""Prints programs as array code: every scalar becomes an array over elements, or over replicas.

This is the reference that the other targets are held against: NumPy in any precision, and whatever has
NumPy's functions. A branch becomes a choice between two values, so that both are worked out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..backend import array_module
from . import spread
from .printer import flat, inside
from .tree import (
    Argmax,
    Assign,
    Constant,
    Draw,
    Expression,
    If,
    Load,
    Loop,
    Name,
    Operation,
    Program,
    Statement,
    Store,
    Table,
)  # fmt: skip

_LONG = 16
"""Statements from which on it pays to ask whether any element takes a branch."""
_CALLS = {
    "and": "xp.logical_and", "or": "xp.logical_or", "not": "xp.logical_not", "select": "xp.where",
    "sqrt": "xp.sqrt", "floor": "xp.floor", "trunc": "xp.trunc", "rint": "xp.rint", "abs": "abs", "neg": "-",
    "real": "real", "int": "integer", "whole": "whole", "bits": "bits", "from_bits": "from_bits",
}  # fmt: skip


class VectorPrinter:
    """Array code.

    Args:
        program: What is printed.
        shapes: Lengths of the axes of each array, those of the replicas left out.
        narrow: Arrays of integers of fewer than 64 bits.
        replicas: Whether the elements are replicas, along one axis; then loops may be taken at once.
    """

    def __init__(
        self,
        program: Program,
        shapes: Mapping[str, tuple[int, ...]],
        narrow: frozenset[str] = frozenset(),
        replicas: bool = False,
    ) -> None:
        self._narrow = narrow
        self._replicas = replicas
        self.constants: dict[str, float | int] = {}
        self._program = program
        self._shapes = {**{name: table.shape for name, table in program.tables.items()}, **shapes}
        self._masks = 0
        self._begun: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        # Loops that are taken at once around what is printed, outermost first; sums among them.
        self._spread: list[str] = []
        self._sums: frozenset[str] = frozenset()
        # Names that begin in such a loop, and may differ from turn to turn; the indices of all of its turns.
        self._lanes: set[str] = set()
        self.turns: dict[str, tuple[int, int]] = {}

    def lines(self, statements: Iterable[Statement], mask: str, depth: int) -> list[str]:
        """Print statements that take place where `mask` is true, everywhere where it is empty."""
        return [line for statement in statements for line in self._statement(statement, mask, depth)]

    def expression(self, value: Expression) -> str:
        """Print an expression."""
        match value:
            case Constant(kind="float", value=number):
                return self._constant(float(number))
            case Constant(kind="int", value=number):
                # Python's own numbers fail where they do not fit, or are divided by zero.
                return self._constant(int(number))
            case Constant(kind="bool", value=number):
                return f"np.bool_({number})"
            case Constant(value=number):
                return repr(number)
            case Name(id=id):
                return id
            case Load(array=array, index=index):
                place = self._place(array, index)
                return f"wide({place})" if array in self._narrow else place
            case Operation(name=name, args=args) if name in _CALLS:
                text = f"{_CALLS[name]}({', '.join(self.expression(arg) for arg in args)})"
                return f"({text})" if name == "neg" else text
            case Operation(name=name, args=(one, other)):
                return f"({self.expression(one)} {name} {self.expression(other)})"
        raise AssertionError(value)

    def _constant(self, number: float | int) -> str:
        for name, known in self.constants.items():
            if repr(known) == repr(number):
                return name
        name = f"number_{len(self.constants)}_constant"
        self.constants[name] = number
        return name

    def _place(self, array: str, index: tuple[Expression, ...]) -> str:
        sizes = self._shapes[array]
        fixed = all(inside(part, size, self._counts) for part, size in zip(index, sizes, strict=True))
        parts = [self._index(part, size) for part, size in zip(index, sizes, strict=True)]
        if array in self._program.tables:
            return f"{array}[{', '.join(parts)}]"
        along = [part for part in parts if part in self._spread]
        if along and fixed and len(set(along)) == len(along):
            return self._view(array, parts, along)
        if self._is_row(index):
            number = flat((0, *sizes[:-1]), ["replica", *parts[:-1]])
            return f"rows({array}_array, {number}).T{self._widened(along)}"
        return f"{array}_array[{', '.join([':' if fixed and not along else 'replica', *parts])}]"

    def _view(self, array: str, parts: list[str], along: list[str]) -> str:
        """Elements along loops taken at once: the innermost leads, the replicas come last."""
        place = ", ".join([":", *(":" if part in along else part for part in parts)])
        rest = f"[{place}]" if len(along) < len(parts) else ""
        inwards = sorted(along, key=self._spread.index, reverse=True)
        order = ", ".join(str(1 + along.index(part)) for part in inwards)
        turned = f".transpose({order}, 0)" if len(along) > 1 else ".T"
        return f"{array}_array{rest}{turned}{self._widened(along)}"

    def _widened(self, along: list[str]) -> str:
        """An axis of one for each loop around the innermost of these that is not among them."""
        around = self._spread[: max(self._spread.index(part) for part in along)]
        axes = [":", *(":" if part in along else "None" for part in reversed(around)), ":"]
        return f"[{', '.join(axes)}]" if "None" in axes else ""

    def _is_row(self, index: tuple[Expression, ...]) -> bool:
        """Whether a loop taken at once goes along a row, which one that differs between replicas may be."""
        *before, last = index
        names = {name for part in before for name in spread.names_in(part)}
        alone = getattr(last, "id", "") in self._spread
        return alone and bool(before) and names.isdisjoint({*self._spread, *self._lanes})

    def _row(self, array: str, index: tuple[Expression, ...]) -> str:
        """A row along the last axis: of each replica, or of a table."""
        *sizes, _ = self._shapes[array]
        parts = [self._index(part, size) for part, size in zip(index, sizes, strict=True)]
        if array in self._program.tables:
            return f"{array}[{', '.join([*parts, ':'])}]"
        if all(inside(part, size, self._counts) for part, size in zip(index, sizes, strict=True)):
            return f"{array}_array[{', '.join([':', *parts, ':'])}]"
        return f"rows({array}_array, {flat((0, *sizes), ['replica', *parts])})"

    def _index(self, part: Expression, size: int) -> str:
        if isinstance(part, Constant):
            return repr(part.value)
        text = self.expression(part)
        return text if inside(part, size, self._counts) else f"within({text}, {self._constant(size - 1)})"

    def _statement(self, statement: Statement, mask: str, depth: int) -> list[str]:
        pad = "    " * depth
        match statement:
            case Assign():
                lines = [pad + self._assign(statement, mask)]
            case Store(array=array, index=index, value=value):
                place, text = self._place(array, index), self.expression(value)
                if mask:
                    text = f"xp.where({mask}, {text}, {place})"
                elif array in self._narrow:
                    text = f"({text}).astype({array}_array.dtype)"
                lines = [f"{pad}{self._stored(array, index, place, text)}"]
            case If(test=test, then=then, otherwise=otherwise):
                lines = self._if(test, then, otherwise, mask, depth)
            case Loop():
                lines = self._loop(statement, mask, depth)
            case Draw():
                lines = self._draw(statement, pad)
            case Argmax(name=name, array=array, index=index):
                lines = [f"{pad}{name.id} = {self._row(array, index)}.argmax(axis=-1)"]
        return lines

    def _stored(self, array: str, index: tuple[Expression, ...], place: str, text: str) -> str:
        if place.startswith(f"{array}_array") and (".T" in place or ".transpose" in place):
            return f"{place}[...] = {text}"
        if not place.startswith("rows"):
            return f"{place} = {text}"
        sizes = self._shapes[array]
        parts = [self._index(part, size) for part, size in zip(index, sizes, strict=True)]
        return f"{array}_array[{', '.join(['replica', *parts[:-1]])}] = across({text})"

    def _loop(self, loop: Loop, mask: str, depth: int) -> list[str]:
        pad, id, count = "    " * depth, loop.index.id, loop.count
        if isinstance(count, Name):
            self._masks += 1
            going, test = f"mask_{self._masks}_", f"({id} < {self.expression(count)})"
            head = f"{pad}    {going} = {f'xp.logical_and({mask}, {test})' if mask else test}"
            inner = self.lines(loop.body, going, depth + 1)
            return [f"{pad}for {id} in indices(most({self.expression(count)})):", head, *inner]
        around = math.prod(self._counts[outer] for outer in self._spread)
        self._counts[id] = count
        sums = spread.summed(loop, around)
        if not (self._replicas and (sums or spread.independent(loop))):
            inner = self.lines(loop.body, mask, depth + 1) or [f"{pad}    pass"]
            return [f"{pad}for {id} in indices({count}):", *inner]
        # Each loop taken at once leads with an axis of its own.
        outer, self._sums = self._sums, sums
        self._spread.append(id)
        turns = f"turns_{count}_{len(self._spread)}"
        self.turns[turns] = count, len(self._spread)
        head = f"{pad}{id} = {turns}"
        lines = [head, *self.lines(loop.body, mask, depth)]
        self._spread.pop()
        self._sums = outer
        return lines

    def _assign(self, statement: Assign, mask: str) -> str:
        name, value = statement.name.id, statement.value
        if name in self._sums and isinstance(value, Operation):
            count = self._counts[self._spread[-1]]
            total = f"added({name}, {self.expression(value.args[1])}, {count}, {len(self._spread)})"
            return f"{name} = xp.where({mask}, {total}, {name})" if mask else f"{name} = {total}"
        text = self.expression(value)
        if statement.new:
            self._begun[name] = mask
            if self._spread:
                self._lanes.add(name)
        # A name that begins under a mask ends with it.
        if mask and self._begun.get(name) != mask:
            return f"{name} = xp.where({mask}, {text}, {name})"
        # A view would change with the array.
        viewed = isinstance(value, Load) and value.array in self._program.written
        return f"{name} = {text}{'.copy()' if viewed else ''}"

    def _if(
        self,
        test: Expression,
        then: tuple[Statement, ...],
        otherwise: tuple[Statement, ...],
        mask: str,
        depth: int,
    ) -> list[str]:
        pad, text = "    " * depth, self.expression(test)
        lines = []
        for negated, body in ((False, then), (True, otherwise)):
            if body:
                self._masks += 1
                name, truth = f"mask_{self._masks}_", f"xp.logical_not({text})" if negated else text
                lines.append(f"{pad}{name} = {f'xp.logical_and({mask}, {truth})' if mask else truth}")
                lines += self._branch(body, name, depth, not mask)
        return lines

    def _branch(self, body: tuple[Statement, ...], mask: str, depth: int, outermost: bool) -> list[str]:
        """Print a branch; where no element takes it, a long one is left out, save what it draws first.

        A long one that all replicas take, as they do where their trials begin together, needs no mask.
        """
        drawn = list(itertools.takewhile(lambda statement: isinstance(statement, Draw), body))
        rest = body[len(drawn) :]
        long = len(rest) >= _LONG or any(isinstance(statement, Loop) for statement in rest)
        if not long or any(isinstance(statement, Draw) for statement in rest):
            return self.lines(body, mask, depth)
        pad, masked = "    " * depth, self.lines(rest, mask, depth + 1)
        lines = self.lines(drawn, mask, depth)
        if not (outermost and self._replicas):
            return [*lines, f"{pad}if some({mask}):", *masked]
        whole = self.lines(rest, "", depth + 1)
        return [*lines, f"{pad}if every({mask}):", *whole, f"{pad}elif some({mask}):", *masked]

    def _draw(self, statement: Draw, pad: str) -> list[str]:
        call = f"{statement.stream}_stream.{statement.method}({', '.join(map(str, statement.args))})"
        names = [name.id for name in statement.names]
        if len(statement.args) <= (statement.method == "integers"):
            return [f"{pad}{names[0]} = {call}"]
        lines = [f"{pad}drawn = {call}"]
        return lines + [f"{pad}{name} = drawn[:, {index}]" for index, name in enumerate(names)]


def spaces(printer: VectorPrinter, program: Program, xp: Any, dtype: np.dtype[Any]) -> dict[str, Any]:
    """The names that printed array code uses.

    Args:
        printer: It, after printing.
        program: What was printed.
        xp: The array module.
        dtype: float32 or float64.
    """
    integer = np.int32 if dtype == np.float32 else np.int64
    real = dtype.type
    # NumPy takes arrays without axes in half the time that it needs for numbers.
    held: Callable[[Any], Any] = np.array if xp is np else lambda number: number
    zero = held(np.int64(0))
    with np.errstate(over="ignore"):
        tables = {name: _table(xp, table, dtype) for name, table in program.tables.items()}
        constants = {
            name: held(real(value) if isinstance(value, float) else np.int64(value))
            for name, value in printer.constants.items()
        }
    return {
        **tables,
        **constants,
        **{
            name: xp.arange(count, dtype=np.int64).reshape(-1, *(1,) * level)
            for name, (count, level) in printer.turns.items()
        },
        "xp": xp,
        # Elsewhere the host would have to wait for the device.
        "some": np.count_nonzero if xp is np else lambda mask: True,
        "every": (lambda mask: np.count_nonzero(mask) == mask.size) if xp is np else lambda mask: False,
        "np": np,
        "wide": lambda x: x.astype(np.int64),
        "real": lambda x: x.astype(dtype) if hasattr(x, "astype") else real(x),
        "integer": lambda x: _integer(xp, x) if hasattr(x, "astype") else np.int64(x),
        "most": lambda counts: int(counts.max()),
        "indices": lambda count: np.arange(count, dtype=np.int64),
        "across": lambda x: x.T if x.ndim == 2 else x[..., None],
        "whole": lambda x: x.astype(integer),
        "bits": lambda x: x.view(integer),
        "from_bits": lambda x: x.view(dtype),
        # Much faster than indexing by several arrays.
        "rows": lambda x, index: x.reshape(-1, x.shape[-1]).take(index, axis=0),
        "added": lambda *terms: _added(xp, *terms),
        "within": lambda x, last: xp.minimum(xp.maximum(x, zero), last),
    }


def _table(xp: Any, table: Table, dtype: np.dtype[Any]) -> Any:
    """One number after another: nothing is copied from the host, so that it may happen within a step."""
    array = xp.zeros(len(table.values), dtype if table.kind == "float" else np.int64)
    for place, value in enumerate(table.values):
        array[place] = value
    return array.reshape(table.shape)


def _added(xp: Any, total: Any, terms: Any, count: int, level: int) -> Any:
    """A sum and the terms that a loop adds to it, in the loop's order.

    Args:
        xp: The array module.
        total: The sum before it; no axis of the loop's.
        terms: One for each turn, which lead in what has as many axes as loops; else each turn adds the same.
        count: Turns.
        level: Loops taken at once, this one included.
    """
    shape = xp.shape(terms) if xp.ndim(terms) > level else (count, *xp.shape(terms))
    shape = (count, *np.broadcast_shapes(xp.shape(total), shape[1:]))
    held = xp.array(xp.broadcast_to(terms, shape), dtype=getattr(total, "dtype", None))
    if xp is np:
        held[0] += total
        return np.add.accumulate(held, axis=0)[-1]
    for term in held:
        total = total + term
    return total


def _integer(xp: Any, x: Any) -> Any:
    """Towards zero; the smallest integer for what is none, whatever the machine makes of it."""
    if x.dtype.kind != "f":
        return x.astype(np.int64)
    least = x.dtype.type(-(2.0**63))
    return xp.where(xp.logical_and(x >= least, x < -least), x, least).astype(np.int64)


def compiled(name: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Make a function of printed array code; `lines` begin with its head."""
    exec(compile("\n".join(lines), f"<array code of {name}>", "exec"), names)
    function: Callable[..., Any] = names[name]
    return function


def over_replicas(
    program: Program,
    names: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[np.dtype[Any]],
) -> Callable[..., None]:
    """Return the array code of a procedure, a function of arrays that lead with the replicas.

    Args:
        program: What is done for one replica.
        names: Of its arguments, in the order of the arrays.
        shapes: Lengths of their axes after the replicas'.
        dtypes: Of the arrays.
    """
    sized = {name: shape for name, shape in zip(names, shapes, strict=True) if shape}
    narrow = frozenset(n for n, d in zip(names, dtypes, strict=True) if d.kind in "iu" and d != np.int64)
    written = [name for name in names if name not in sized and name in program.written]
    printer = VectorPrinter(program, sized, narrow, replicas=True)
    lines = [
        f"def {program.name}({', '.join(f'{n}_array' if n in sized else f'{n}_0' for n in names)}):",
        *printer.lines(program.statements, "", 1),
        f"    return ({''.join(f'{name}_0, ' for name in written)})",
    ]
    forms: dict[Any, Callable[..., Any]] = {}
    real = np.dtype(np.float64 if np.dtype(np.float32) not in dtypes else np.float32)

    def apply(*arrays: Any) -> None:
        xp, batch = array_module(arrays[0]), len(arrays[0])
        if (xp.__name__, batch) not in forms:
            known = {**spaces(printer, program, xp, real), "replica": xp.arange(batch)}
            forms[xp.__name__, batch] = compiled(program.name, lines, known)
        given = dict(zip(names, arrays, strict=True))
        with np.errstate(all="ignore"):
            wide = [value if name in sized else widened(value) for name, value in given.items()]
            found = forms[xp.__name__, batch](*wide)
            kept = [value.astype(given[name].dtype) for name, value in zip(written, found, strict=True)]
        for name, value in zip(written, kept, strict=True):
            given[name][...] = value

    return apply


def widened(array: Any) -> Any:
    """A number of each replica as wide as bodies compute it.

    A copy, since what is assigned to one array may be what another held.
    """
    return array.astype(np.int64 if array.dtype.kind in "iu" else array.dtype)
