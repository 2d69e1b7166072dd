"""Prints a rule as a module for Numba: the innermost loop runs along rows, so that it is vectorised."""

from __future__ import annotations

from .printer import NumbaPrinter
from .spec import Indexed, Spec
from .text import NUMBA
from .tree import Program


def rule_source(program: Program, spec: Spec, double: bool, parallel: bool) -> str:
    """The module; its function `run` takes the arrays and numbers of the rule.

    Args:
        program: The rule.
        spec: Its arguments.
        double: Whether floats have 64 bits.
        parallel: Whether the outer axes are shared out among threads; not where they are summed over.
    """
    head = NUMBA.format(float="float64" if double else "float32", bits="int64" if double else "int32")
    shapes = {name: table.shape for name, table in program.tables.items()}
    printer = NumbaPrinter(double, shapes, lambda array, place: f"{array}[{place}]")
    tables = [printer.table(name, table) for name, table in program.tables.items()]
    lines = _Loops(program, spec, printer).lines(parallel)
    decorator = "@numba.njit(error_model='numpy', cache=True, parallel=True)" if parallel else "@jit"
    return "\n".join([head, *tables, "", "", decorator, *lines, ""])


class _Loops:
    def __init__(self, program: Program, spec: Spec, printer: NumbaPrinter) -> None:
        self._program, self._spec, self._printer = program, spec, printer
        *self._outer, self._last = spec.axes

    def lines(self, parallel: bool) -> list[str]:
        spec = self._spec
        lines = [f"def run({', '.join(f'{item.name}_' for item in spec.arguments)}):"]
        lines += [f"    n_{axis} = {self._length(axis)}" for axis in spec.axes]
        lines += [f"    {item.name}_[...] = 0" for item in spec.outputs if item.mark == "+"]
        lines += self._shared() if parallel else self._nested()
        pad = "    " * (2 if parallel else 1 + len(self._outer))
        return lines + [pad + line for line in self._inner()]

    def _length(self, axis: str) -> str:
        item = next(item for item in self._spec.arguments if axis in item.axes)
        return f"{item.name}_.shape[{item.axes.index(axis)}]"

    def _nested(self) -> list[str]:
        """Loops over the outer axes: no division for each row, which costs as much as a short row itself."""
        return [
            f"{'    ' * depth}for a_{axis} in range(n_{axis}):" for depth, axis in enumerate(self._outer, 1)
        ]

    def _shared(self) -> list[str]:
        """One loop over all rows, which threads share out."""
        lines, rest = (
            [f"    for slab_ in numba.prange({' * '.join(f'n_{axis}' for axis in self._outer)}):"],
            "slab_",
        )
        for axis in reversed(self._outer):
            lines += [f"        a_{axis} = {rest} % n_{axis}", f"        rest_{axis}_ = {rest} // n_{axis}"]
            rest = f"rest_{axis}_"
        return lines

    def _inner(self) -> list[str]:
        spec = self._spec
        lines = [line for item in spec.arguments for line in self._row(item)]
        lines.append(f"for a_{self._last} in range(n_{self._last}):")
        lines += [f"    {item.name}_0 = {self._element(item)}" for item in spec.inputs]
        lines += self._printer.lines(self._program.statements, 1)
        results = [self._printer.expression(value) for value in self._program.results]
        lines += [f"    result_{index}_ = {text}" for index, text in enumerate(results)]
        for index, item in enumerate(spec.outputs):
            place = self._element(item)
            value = f"{place} + result_{index}_" if item.mark == "+" else f"result_{index}_"
            lines.append(f"    {self._target(item)} = {value}")
        return lines

    def _row(self, item: Indexed) -> list[str]:
        """What of an argument the inner loop needs: a row, or one number."""
        if not item.axes:
            return []
        if self._last not in item.axes:
            index = ", ".join(f"a_{axis}" for axis in item.axes)
            return [f"{item.name}_row = {item.name}_[{index}]"] if not item.mark else []
        if item.axes[-1] != self._last:
            return []
        index = ", ".join(f"a_{axis}" for axis in item.axes[:-1])
        return [f"{item.name}_row = {item.name}_{f'[{index}]' if index else ''}"]

    def _element(self, item: Indexed) -> str:
        if not item.axes:
            return f"F({item.name}_)"
        if self._last not in item.axes and not item.mark:
            return self._typed(item, f"{item.name}_row")
        return self._typed(item, self._target(item))

    def _target(self, item: Indexed) -> str:
        if item.axes[-1] == self._last:
            return f"{item.name}_row[a_{self._last}]"
        return f"{item.name}_[{', '.join(f'a_{axis}' for axis in item.axes)}]"

    def _typed(self, item: Indexed, text: str) -> str:
        return text
