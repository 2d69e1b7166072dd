"""The texts of a procedure: its loops for Numba and in C, and its array code over replicas."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from ..errors import EngramError
from .emit import CEmitter, Emitter, NumbaEmitter, c_type
from .expression import RuleError
from .fit import is_double
from .kernel import kind_of
from .parse import parse
from .text import GRID, NUMBA, PREAMBLE
from .tree import ArrayArgument, Program
from .vector import over_replicas

_ARGUMENT = re.compile(r"([A-Za-z]\w*)\[([A-Za-z]\w*)((?:,:)*)\](&?)", re.ASCII)


@attrs.frozen
class Whole:
    """An argument of a procedure.

    Attributes:
        name: Its name.
        axes: How many axes reach the function; 0 for one number of each replica.
        written: Whether the function assigns to it.
    """

    name: str
    axes: int
    written: bool


def read(text: str) -> tuple[Whole, ...]:
    """Read the spec of a procedure.

    Raises:
        EngramError: It is none.
    """
    words = re.sub(r"\s*,\s*", ",", text).split()
    found = [_ARGUMENT.fullmatch(word) for word in words]
    for word, match in zip(words, found, strict=True):
        if match is None or match[2] != (found[0] and found[0][2]):
            raise EngramError(
                f"rule spec: {word!r}: where an axis is `:`, arguments are name[replica] or "
                "name[replica,:,:], with & behind where they are written"
            )
    arguments = tuple(Whole(m[1], m[3].count(":"), bool(m[4])) for m in found if m is not None)
    if len({item.name for item in arguments}) < len(arguments):
        raise EngramError("rule spec: a name occurs twice")
    if not any(item.written for item in arguments):
        raise EngramError("rule spec: nothing receives a result; mark an array with &")
    return arguments


@attrs.frozen
class ProcedureText:
    """A procedure for arrays of given lengths and dtypes.

    Attributes:
        function: What is done for one replica.
        arguments: Its arguments.
        shapes: Lengths of the axes of each after the replicas'.
        dtypes: Of each.
    """

    function: Callable[..., Any]
    arguments: tuple[Whole, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]

    @cached_property
    def double(self) -> bool:
        """Whether floats have 64 bits."""
        names = (item.name for item in self.arguments)
        return is_double(self.function.__name__, dict(zip(names, map(str, self.dtypes), strict=True)))

    @cached_property
    def program(self) -> Program:
        """What it does.

        Raises:
            RuleError: It is outside the subset, or assigns to what is not marked.
        """
        arguments = {
            item.name: ArrayArgument(shape, kind_of(dtype.name))
            for item, shape, dtype in zip(self.arguments, self.shapes, self.dtypes, strict=True)
        }
        program = parse(self.function, arguments, double=self.double, results=())
        for name in sorted(program.written - {item.name for item in self.arguments if item.written}):
            raise RuleError(f"{program.name}: assigns to {name!r}, which the spec does not mark with &")
        return program

    def array_code(self) -> Callable[..., None]:
        """The array code, as a function of the arrays."""
        return over_replicas(self.program, [item.name for item in self.arguments], self.shapes, self.dtypes)

    def c(self) -> str:
        """The text for CUDA and the host: a thread for each replica."""
        emitter = CEmitter(self.double)
        emitter.replicas()
        tables = self._replica(emitter)
        emitter.close()
        arrays = [
            f"{'' if item.written else 'const '}{c_type(dtype)}* ENGRAM_RESTRICT {item.name}_flat"
            for item, dtype in zip(self.arguments, self.dtypes, strict=True)
        ]
        parameters = ", ".join(["long long replicas_", *arrays])
        names = ", ".join(["replicas_", *(f"{item.name}_flat" for item in self.arguments)])
        grid = GRID.format(name="procedure", parameters=parameters, arguments=names)
        head = f"ENGRAM_KERNEL procedure({parameters}) {{"
        return "\n".join([PREAMBLE, *tables, head, *emitter.lines, "}", grid])

    def numba(self, *, parallel: bool) -> str:
        """The module for Numba; its `call` takes the number of replicas and tables of addresses, one a dtype.

        A call so costs less than one array would: addresses stay where they are from call to call.

        Args:
            parallel: Whether threads share the replicas out.
        """
        emitter = NumbaEmitter(self.double)
        emitter.loop("r_", "replicas_")
        if parallel:
            emitter.lines[-1] = emitter.lines[-1].replace("range(", "numba.prange(")
        tables = self._replica(emitter)
        head = NUMBA.format(
            float="float64" if self.double else "float32", bits="int64" if self.double else "int32"
        )
        loops = emitter.lines
        if parallel:
            # What has an address of its own cannot be shared out itself.
            names = ", ".join(["replicas_", *(f"{item.name}_flat" for item in self.arguments)])
            tables += ["", "", "@numba.njit(error_model='numpy', cache=True, parallel=True)"]
            tables += [f"def shared({names}):", *loops]
            loops = [f"    shared({names})"]
        types = [f"CPointer(CPointer({_type(dtype)}))" for dtype in self.table_dtypes]
        signature = ", ".join(["int64", *types])
        parameters = ", ".join(["replicas_", *(f"{dtype.name}_table" for dtype in self.table_dtypes)])
        decorator = f'@numba.cfunc("void({signature})", error_model="numpy", cache=True)'
        return "\n".join(
            [head, *tables, "", "", decorator, f"def call({parameters}):", *self._views(), *loops, ""]
        )

    def _views(self) -> list[str]:
        """The arrays behind the addresses."""
        places = {dtype: iter(range(len(self.dtypes))) for dtype in self.table_dtypes}
        return [
            f"    {item.name}_flat = carray({dtype.name}_table[{next(places[dtype])}], "
            f"(replicas_ * {math.prod(shape)},))"
            for item, shape, dtype in zip(self.arguments, self.shapes, self.dtypes, strict=True)
        ]

    @property
    def table_dtypes(self) -> list[np.dtype[Any]]:
        """The dtypes of the tables that `call` takes, in their order."""
        return list(dict.fromkeys(self.dtypes))

    def _replica(self, emitter: Emitter) -> list[str]:
        """What is done for replica `r_`; returns the tables of constants that it needs."""
        sizes = {item.name: math.prod(s) for item, s in zip(self.arguments, self.shapes, strict=True)}
        shapes = {item.name: s for item, s in zip(self.arguments, self.shapes, strict=True) if s}
        tables = self.program.tables

        def place(array: str, element: str) -> str:
            if array in tables:
                return f"{array}[{element}]"
            return emitter.place(f"{array}_flat", f"r_ * {sizes[array]} + {element}")

        printer = emitter.printer(shapes | {name: table.shape for name, table in tables.items()}, place, "")
        numbers = [
            (item, f"{item.name}_0", place(item.name, "0"), dtype)
            for item, dtype in zip(self.arguments, self.dtypes, strict=True)
            if not item.axes
        ]
        for _, name, where, dtype in numbers:
            emitter.declare(kind_of(dtype.name), name, emitter.read(where, dtype))
        emitter.body(printer.lines(self.program.statements, emitter.depth))
        for item, name, where, _ in numbers:
            if item.written:
                emitter.set(where, name)
        return [printer.table(name, table) for name, table in tables.items()]


def _type(dtype: np.dtype[Any]) -> str:
    return "boolean" if dtype.kind == "b" else dtype.name
