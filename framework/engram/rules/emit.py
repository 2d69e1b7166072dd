"""Writes loops and conditions around printed bodies, in C or for Numba."""

from __future__ import annotations

import abc

import numpy as np

from .kernel import TYPES, kind_of
from .printer import CPrinter, NumbaPrinter, Place, Printer
from .tree import Kind


class Emitter(abc.ABC):
    """A text that grows line by line.

    Args:
        double: Whether floats have 64 bits.
    """

    def __init__(self, double: bool) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.double = double

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append("    " * self.depth + text)

    def body(self, printed: list[str]) -> None:
        """Add printed statements, indented already."""
        self.lines += printed

    def close(self) -> None:
        """End a loop or a condition."""
        self.depth -= 1

    @abc.abstractmethod
    def printer(self, shapes: dict[str, tuple[int, ...]], place: Place, prefix: str) -> Printer:
        """What prints a body."""

    @abc.abstractmethod
    def declare(self, kind: Kind, name: str, value: str) -> None:
        """Begin a name."""

    @abc.abstractmethod
    def set(self, place: str, value: str) -> None:
        """Give a name or an element a value."""

    @abc.abstractmethod
    def loop(self, index: str, count: str) -> None:
        """Begin a loop."""

    @abc.abstractmethod
    def condition(self, test: str) -> None:
        """Begin what happens only if."""

    @abc.abstractmethod
    def read(self, place: str, dtype: np.dtype[np.generic]) -> str:
        """An element as the kind that bodies compute with."""

    @abc.abstractmethod
    def stored(self, value: str, dtype: np.dtype[np.generic]) -> str:
        """What remains of a number in an array of this dtype: integers go round."""

    @abc.abstractmethod
    def constant(self, kind: Kind, value: float | bool | int) -> str:
        """A number."""

    @abc.abstractmethod
    def negated(self, name: str) -> str:
        """A truth value turned round."""

    @abc.abstractmethod
    def place(self, array: str, index: str) -> str:
        """An element at an index that is never negative."""

    @abc.abstractmethod
    def replica_place(self, array: str, size: int, element: str) -> str:
        """An element of this replica."""


class CEmitter(Emitter):
    """C for CUDA and the host."""

    def printer(self, shapes: dict[str, tuple[int, ...]], place: Place, prefix: str) -> Printer:
        """What prints a body."""
        return CPrinter(self.double, shapes, place, prefix)

    def close(self) -> None:
        """End a loop or a condition."""
        super().close()
        self.line("}")

    def replicas(self) -> None:
        """Begin the loop of a thread over its replicas, `r_` of `replicas_`."""
        self.line("for (long long r_ = (long long)blockIdx.x * blockDim.x + threadIdx.x; r_ < replicas_;")
        self.line("     r_ += (long long)gridDim.x * blockDim.x) {")
        self.depth += 1

    def declare(self, kind: Kind, name: str, value: str) -> None:
        """Begin a name."""
        types: dict[Kind, str] = CPrinter(self.double, {}, lambda array, place: array).types
        self.line(f"{types[kind]} {name} = {value};")

    def set(self, place: str, value: str) -> None:
        """Give a name or an element a value."""
        self.line(f"{place} = {value};")

    def loop(self, index: str, count: str) -> None:
        """Begin a loop."""
        self.line(f"for (long long {index} = 0; {index} < {count}; ++{index}) {{")
        self.depth += 1

    def condition(self, test: str) -> None:
        """Begin what happens only if."""
        self.line(f"if ({test}) {{")
        self.depth += 1

    def read(self, place: str, dtype: np.dtype[np.generic]) -> str:
        """An element as the kind that bodies compute with: C converts by itself."""
        return place

    def stored(self, value: str, dtype: np.dtype[np.generic]) -> str:
        """What remains of a number in an array of this dtype: integers go round."""
        return f"({c_type(dtype)}){value}" if dtype.kind in "iu" else value

    def constant(self, kind: Kind, value: float | bool | int) -> str:
        """A number."""
        return repr(float(value)) if kind == "float" else str(int(value))

    def negated(self, name: str) -> str:
        """A truth value turned round."""
        return f"!{name}"

    def place(self, array: str, index: str) -> str:
        """An element at an index that is never negative."""
        return f"{array}[{index}]"

    def replica_place(self, array: str, size: int, element: str) -> str:
        """An element of this replica: replicas are side by side on the GPU, one after another on the host."""
        return f"{array}[ENGRAM_AT({element}, {size})]"


class NumbaEmitter(Emitter):
    """Python for Numba."""

    def printer(self, shapes: dict[str, tuple[int, ...]], place: Place, prefix: str) -> Printer:
        """What prints a body."""
        return NumbaPrinter(self.double, shapes, place, prefix)

    def declare(self, kind: Kind, name: str, value: str) -> None:
        """Begin a name."""
        self.line(f"{name} = {value}")

    def set(self, place: str, value: str) -> None:
        """Give a name or an element a value."""
        self.line(f"{place} = {value}")

    def loop(self, index: str, count: str) -> None:
        """Begin a loop."""
        self.line(f"for {index} in range({count}):")
        self.depth += 1

    def condition(self, test: str) -> None:
        """Begin what happens only if."""
        self.line(f"if {test}:")
        self.depth += 1

    def read(self, place: str, dtype: np.dtype[np.generic]) -> str:
        """An element as the kind that bodies compute with."""
        return f"np.int64({place})" if dtype.kind in "iu" else place

    def stored(self, value: str, dtype: np.dtype[np.generic]) -> str:
        """What remains of a number in an array of this dtype: integers go round."""
        return f"np.int64(np.{dtype.name}({value}))" if dtype.kind in "iu" else value

    def constant(self, kind: Kind, value: float | bool | int) -> str:
        """A number."""
        return (
            f"F({float(value)!r})" if kind == "float" else repr(bool(value) if kind == "bool" else int(value))
        )

    def negated(self, name: str) -> str:
        """A truth value turned round."""
        return f"not {name}"

    def place(self, array: str, index: str) -> str:
        """An element at an index that is never negative, and says so: else loops do not become vectors."""
        return f"{array}[np.uint64({index})]"

    def replica_place(self, array: str, size: int, element: str) -> str:
        """An element of this replica."""
        return self.place(array, f"r_ * {size} + {element}")


def c_type(dtype: np.dtype[np.generic]) -> str:
    """The C type of the elements of an array."""
    return TYPES[dtype.name]


def kind(dtype: np.dtype[np.generic]) -> Kind:
    """Kind of the elements of an array."""
    return kind_of(dtype.name)
