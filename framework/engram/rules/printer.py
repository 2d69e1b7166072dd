"""Prints programs for targets that compute one replica, or one element, at a time: C, CUDA C and Numba."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from .tree import (
    Argmax,
    Assign,
    Blocks,
    Constant,
    Draw,
    Expression,
    If,
    Kind,
    Load,
    Loop,
    Name,
    Operation,
    Program,
    Statement,
    Store,
    Table,
)  # fmt: skip

Place = Callable[[str, str], str]
"""Where an element lies: name of the array and flat index of the element to the text of the element."""


def flat(shape: Sequence[int], index: Iterable[str]) -> str:
    """The flat index of an element, last axis fastest."""
    text = ""
    for size, part in zip(shape, index, strict=True):
        text = f"({text} * {size} + {part})" if text else part
    return text or "0"


class Printer(abc.ABC):
    """A scalar language.

    Args:
        double: Whether floats have 64 bits.
        shapes: Lengths of the axes of each array.
        place: Where elements lie.
        prefix: Begins every name, where the programs of several bodies stand in one text.
    """

    def __init__(
        self, double: bool, shapes: dict[str, tuple[int, ...]], place: Place, prefix: str = ""
    ) -> None:
        self.double = double
        self.prefix = prefix
        self._shapes = shapes
        self._place = place
        self._counts: dict[str, int] = {}

    def lines(self, statements: Iterable[Statement], depth: int) -> list[str]:
        """Print statements, one or more lines each."""
        return [line for statement in statements for line in self._statement(statement, depth)]

    def expression(self, value: Expression) -> str:
        """Print an expression."""
        match value:
            case Constant():
                return self._constant(value)
            case Name():
                return self.named(value)
            case Load(array=array, index=index, kind=kind):
                return self._load(self._element(array, index), kind)
            case Operation():
                return self._operation(value.name, value, [self.expression(arg) for arg in value.args])

    def named(self, name: Name) -> str:
        """Print a name."""
        return self.prefix + name.id

    def _element(self, array: str, index: tuple[Expression, ...]) -> str:
        shape = self._shapes[array]
        parts = [
            self.expression(part) if inside(part, size, self._counts) else self._within(part, size)
            for part, size in zip(index, shape, strict=True)
        ]
        return self._place(array, flat(shape, parts))

    def _statement(self, statement: Statement, depth: int) -> list[str]:
        match statement:
            case Assign(name=name, value=value, new=new):
                return [self._pad(depth) + self._assign(name, self.expression(value), new)]
            case Store(array=array, index=index, value=value):
                return [self._pad(depth) + self._store(self._element(array, index), self.expression(value))]
            case If(test=test, then=then, otherwise=otherwise):
                return self._if(self.expression(test), then, otherwise, depth)
            case Loop(index=index, count=count, body=body):
                if isinstance(count, int):
                    self._counts[index.id] = count
                return self._loop(
                    index, str(count) if isinstance(count, int) else self.named(count), body, depth
                )
            case Draw():
                words = self._words(statement.words, statement.stream, depth)
                return [*words, *self.lines(statement.making, depth)]
            case Argmax(making=making):
                return self.lines(making, depth)

    def stream(self, name: str) -> str:
        """What the names of a stream's number and clock begin with."""
        return f"{self.prefix}{name}_stream"

    def _pad(self, depth: int) -> str:
        return "    " * depth

    @abc.abstractmethod
    def _constant(self, value: Constant) -> str: ...

    @abc.abstractmethod
    def _load(self, place: str, kind: Kind) -> str: ...

    @abc.abstractmethod
    def _within(self, index: Expression, size: int) -> str: ...

    @abc.abstractmethod
    def _operation(self, name: str, value: Operation, args: list[str]) -> str: ...

    @abc.abstractmethod
    def _assign(self, name: Name, value: str, new: bool) -> str: ...

    @abc.abstractmethod
    def _store(self, place: str, value: str) -> str: ...

    @abc.abstractmethod
    def _if(
        self, test: str, then: tuple[Statement, ...], otherwise: tuple[Statement, ...], depth: int
    ) -> list[str]: ...

    @abc.abstractmethod
    def _loop(self, index: Name, count: str, body: tuple[Statement, ...], depth: int) -> list[str]: ...

    @abc.abstractmethod
    def _words(self, blocks: Blocks, stream: str, depth: int) -> list[str]: ...

    @abc.abstractmethod
    def table(self, name: str, table: Table) -> str:
        """Print a table of constants."""


def inside(index: Expression, size: int, counts: Mapping[str, int]) -> bool:
    """Whether an index is known to lie on an axis: a number, or the index of a loop that is no longer."""
    return isinstance(index, Constant) or counts.get(getattr(index, "id", ""), size + 1) <= size


def shapes_of(program: Program) -> dict[str, tuple[int, ...]]:
    """The tables of a program by name."""
    return {name: table.shape for name, table in program.tables.items()}


def shortest(value: float, double: bool) -> str:
    """The shortest decimal that reads back as the same float; "inf", "-inf" or "nan"."""
    with np.errstate(over="ignore"):
        number = np.float64(value) if double else np.float32(value)
    text = np.format_float_scientific(number, unique=True, trim="0")
    return text if "e" in text or "n" in text else f"{text}e0"


class CPrinter(Printer):
    """C, as compilers for CUDA and for the host take it."""

    def __init__(
        self, double: bool, shapes: dict[str, tuple[int, ...]], place: Place, prefix: str = ""
    ) -> None:
        super().__init__(double, shapes, place, prefix)
        self.types: dict[Kind, str] = {
            "float": "double" if double else "float",
            "int": "long long",
            "bits": "long long" if double else "int",
            "bool": "int",
        }
        self._suffix = "" if double else "f"

    def table(self, name: str, table: Table) -> str:
        """Print a table of constants."""
        values = ", ".join(self._constant(Constant(value, table.kind)) for value in table.values)
        return f"ENGRAM_TABLE {self.types[table.kind]} {name}[{len(table.values)}] = {{{values}}};"

    def _constant(self, value: Constant) -> str:
        if value.kind == "float":
            text = shortest(float(value.value), self.double)
            if "n" in text:
                text = text.replace("inf", "ENGRAM_INF").replace("nan", "ENGRAM_NAN")
                return f"(({self.types['float']}){text})"
            text += self._suffix
            return f"({text})" if text.startswith("-") else text
        if value.value == -(1 << 63):
            return "(-9223372036854775807LL - 1)"
        text = str(int(value.value)) + ("LL" if self.types[value.kind] == "long long" else "")
        return f"({text})" if text.startswith("-") else text

    def _load(self, place: str, kind: Kind) -> str:
        return place

    def _within(self, index: Expression, size: int) -> str:
        return f"engram_within({self.expression(index)}, {size})"

    def _operation(self, name: str, value: Operation, args: list[str]) -> str:
        joint = {"and": "&&", "or": "||"}.get(name, name)
        if name in ("//", "%"):
            return f"engram_{'quotient' if name == '//' else 'remainder'}({args[0]}, {args[1]})"
        if name in ("+", "-", "*", "<<", "neg") and value.kind in ("int", "bits"):
            return self._round(name, self.types[value.kind], args)
        if len(args) == 2:
            return f"({args[0]} {joint} {args[1]})"
        match name:
            case "select":
                return f"({args[0]} ? {args[1]} : {args[2]})"
            case "neg":
                return f"(-{args[0]})"
            case "not":
                return f"(!{args[0]})"
            case "int" if value.args[0].kind == "float":
                return f"engram_integer({args[0]})"
            case "bits" | "from_bits" | "sqrt" | "floor" | "trunc" | "rint" | "abs":
                return f"engram_{name}{64 if self.double else 32}({args[0]})"
        return f"(({self.types[value.kind]}){args[0]})"

    def _round(self, name: str, signed: str, args: list[str]) -> str:
        """Signed numbers may not overflow in C; unsigned ones go round, as NumPy's do."""
        unsigned = "unsigned" if signed == "int" else "unsigned long long"
        if name == "neg":
            return f"(({signed})(0 - ({unsigned}){args[0]}))"
        other = args[1] if name == "<<" else f"({unsigned}){args[1]}"
        return f"(({signed})(({unsigned}){args[0]} {name} {other}))"

    def _assign(self, name: Name, value: str, new: bool) -> str:
        return f"{self.types[name.kind] + ' ' if new else ''}{self.named(name)} = {value};"

    def _store(self, place: str, value: str) -> str:
        return f"{place} = {value};"

    def _if(
        self, test: str, then: tuple[Statement, ...], otherwise: tuple[Statement, ...], depth: int
    ) -> list[str]:
        pad = self._pad(depth)
        end = (
            [f"{pad}}}"]
            if not otherwise
            else [f"{pad}}} else {{", *self.lines(otherwise, depth + 1), f"{pad}}}"]
        )
        return [f"{pad}if ({test}) {{", *self.lines(then, depth + 1), *end]

    def _loop(self, index: Name, count: str, body: tuple[Statement, ...], depth: int) -> list[str]:
        pad, name = self._pad(depth), self.named(index)
        head = f"{pad}for (long long {name} = 0; {name} < {count}; ++{name}) {{"
        return [head, *self.lines(body, depth + 1), f"{pad}}}"]

    def _words(self, blocks: Blocks, stream: str, depth: int) -> list[str]:
        pad = self._pad(depth)
        lines = []
        for block, names in blocks:
            listed = ", ".join(self.named(name) for name in names)
            outs = ", ".join(f"&{self.named(name)}" for name in names)
            when = f"{self.stream(stream)}_when, replica_, {self.stream(stream)}_id, key0_, key1_"
            lines += [f"{pad}long long {listed};", f"{pad}engram_philox({block}u, {when}, {outs});"]
        return lines


class NumbaPrinter(Printer):
    """Python for Numba: every float literal is typed, every narrow integer is narrowed again."""

    def table(self, name: str, table: Table) -> str:
        """Print a table of constants."""
        values = ", ".join(self._constant(Constant(value, table.kind)) for value in table.values)
        return f"{name} = np.array([{values}], dtype={'F' if table.kind == 'float' else 'np.int64'})"

    def _constant(self, value: Constant) -> str:
        if value.kind == "float":
            text = shortest(float(value.value), self.double)
            return f"F(float({text!r}))" if "n" in text else f"F({text})"
        return f"I({int(value.value)})" if value.kind == "bits" else repr(value.value)

    def _load(self, place: str, kind: Kind) -> str:
        # Numba makes 64 unsigned bits of short unsigned numbers, and floats of these and signed ones.
        return f"np.int64({place})" if kind == "int" else place

    def _within(self, index: Expression, size: int) -> str:
        return f"within({self.expression(index)}, {size})"

    def _operation(self, name: str, value: Operation, args: list[str]) -> str:
        if len(args) == 2:
            return self._binary(name, value.kind, args)
        match name:
            case "select":
                return f"({args[1]} if {args[0]} else {args[2]})"
            case "neg":
                return (
                    f"(-{args[0]})" if value.kind == "float" else self._binary("-", value.kind, ["0", *args])
                )
            case "not":
                return f"(not {args[0]})"
            case "bits":
                return f"view_bits({args[0]})"
            case "from_bits":
                return f"view_float({args[0]})"
            case "sqrt" | "floor" | "trunc" | "rint":
                return f"np.{name}({args[0]})"
            case "abs":
                return f"abs({args[0]})"
            case "int" if value.args[0].kind == "float":
                return f"integer({args[0]})"
        casts: dict[Kind, str] = {"float": "F", "int": "np.int64", "bits": "I", "bool": "bool"}
        return f"{casts[value.kind]}({args[0]})"

    def _binary(self, name: str, kind: Kind, args: list[str]) -> str:
        if name in ("+", "-", "*") and kind == "int":
            # LLVM takes it that signed numbers do not overflow; unsigned ones go round, as NumPy's do.
            return f"np.int64(np.uint64({args[0]}) {name} np.uint64({args[1]}))"
        text = f"({args[0]} {name} {args[1]})"
        return f"I{text}" if kind == "bits" else text

    def _assign(self, name: Name, value: str, new: bool) -> str:
        return f"{self.named(name)} = {value}"

    def _store(self, place: str, value: str) -> str:
        return f"{place} = {value}"

    def _if(
        self, test: str, then: tuple[Statement, ...], otherwise: tuple[Statement, ...], depth: int
    ) -> list[str]:
        pad, rest = self._pad(depth), self._pad(depth + 1) + "pass"
        lines = [f"{pad}if {test}:", *(self.lines(then, depth + 1) or [rest])]
        return lines + ([f"{pad}else:", *self.lines(otherwise, depth + 1)] if otherwise else [])

    def _loop(self, index: Name, count: str, body: tuple[Statement, ...], depth: int) -> list[str]:
        pad, rest = self._pad(depth), self._pad(depth + 1) + "pass"
        return [f"{pad}for {self.named(index)} in range({count}):", *(self.lines(body, depth + 1) or [rest])]

    def _words(self, blocks: Blocks, stream: str, depth: int) -> list[str]:
        when = f"{self.stream(stream)}_when, replica_, {self.stream(stream)}_id, key0_, key1_"
        return [
            f"{self._pad(depth)}{', '.join(self.named(name) for name in names)} = philox({block}, {when})"
            for block, names in blocks
        ]
