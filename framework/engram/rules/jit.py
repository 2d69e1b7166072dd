"""Prints a rule as a module for Numba: the innermost loop runs along rows, so that it is vectorised.

Every name ends with what it is (`w_row`, `i_at`), so that no name of the author's can collide with another.
"""

from __future__ import annotations

from collections.abc import Mapping

from .printer import NumbaPrinter, shapes_of
from .spec import Indexed, Spec
from .text import NUMBA
from .tree import Program


def rule_source(
    program: Program, spec: Spec, dtypes: Mapping[str, str], *, double: bool, parallel: bool
) -> str:
    """The module; its function `run` takes the arrays and numbers of the rule.

    Args:
        program: The rule.
        spec: Its arguments.
        dtypes: Name of the dtype of each array.
        double: Whether floats have 64 bits.
        parallel: Whether the outer axes are shared out among threads; not where they are summed over.
    """
    head = NUMBA.format(float="float64" if double else "float32", bits="int64" if double else "int32")
    printer = NumbaPrinter(double, shapes_of(program), lambda array, place: f"{array}[{place}]")
    tables = [printer.table(name, table) for name, table in program.tables.items()]
    lines = _Loops(program, spec, dtypes, printer).lines(parallel)
    decorator = "@numba.njit(error_model='numpy', cache=True, parallel=True)" if parallel else "@jit"
    return "\n".join([head, *tables, "", "", decorator, *lines, ""])


class _Loops:
    def __init__(
        self, program: Program, spec: Spec, dtypes: Mapping[str, str], printer: NumbaPrinter
    ) -> None:
        self._program, self._spec, self._dtypes, self._printer = program, spec, dtypes, printer
        *self._outer, self._last = spec.axes

    def lines(self, parallel: bool) -> list[str]:
        spec = self._spec
        names = [f"{item.name}_{'array' if item.axes else 'number'}" for item in spec.arguments]
        lines = [f"def run({', '.join(names)}):"]
        lines += [f"    {axis}_length = {self._length(axis)}" for axis in spec.axes]
        lines += [
            f"    {item.name}_value = F({item.name}_number)" for item in spec.arguments if not item.axes
        ]
        if spec.summed:
            lines += [f"    {item.name}_array[...] = 0" for item in spec.outputs if item.mark == "+"]
        lines += self._shared() if parallel else self._nested()
        pad = "    " * (2 if parallel else 1 + len(self._outer))
        return lines + [pad + line for line in self._inner()]

    def _length(self, axis: str) -> str:
        item = next(item for item in self._spec.arguments if axis in item.axes)
        return f"{item.name}_array.shape[{item.axes.index(axis)}]"

    def _nested(self) -> list[str]:
        """Loops over the outer axes: no division for each row, which costs as much as a short row itself."""
        return [
            f"{'    ' * depth}for {axis}_at in range({axis}_length):"
            for depth, axis in enumerate(self._outer, 1)
        ]

    def _shared(self) -> list[str]:
        """One loop over all rows, which threads share out."""
        slabs = " * ".join(f"{axis}_length" for axis in self._outer)
        lines, rest = [f"    for slab_index in numba.prange({slabs}):"], "slab_index"
        for axis in reversed(self._outer):
            lines.append(f"        {axis}_at = {rest} % {axis}_length")
            lines.append(f"        {axis}_rest = {rest} // {axis}_length")
            rest = f"{axis}_rest"
        return lines

    def _inner(self) -> list[str]:
        lines = [line for item in self._spec.arguments for line in self._row(item)]
        lines.append(f"for {self._last}_at in range({self._last}_length):")
        lines += [f"    {item.name}_0 = {self._element(item)}" for item in self._spec.inputs]
        lines += self._printer.lines(self._program.statements, 1)
        return lines + [f"    {line}" for line in self._results()]

    def _results(self) -> list[str]:
        """All results are there before the first is stored."""
        lines = [
            f"result_{index}_value = {self._printer.expression(value)}"
            for index, value in enumerate(self._program.results)
        ]
        for index, item in enumerate(self._spec.outputs):
            place = self._target(item)
            before = f"{place} + " if item.mark == "+" and self._spec.summed else ""
            lines.append(f"{place} = {before}result_{index}_value")
        return lines

    def _row(self, item: Indexed) -> list[str]:
        """What of an argument the inner loop needs: a row, or one number."""
        if not item.axes:
            return []
        if self._last not in item.axes:
            index = ", ".join(f"{axis}_at" for axis in item.axes)
            return [f"{item.name}_row = {item.name}_array[{index}]"] if not item.mark else []
        if item.axes[-1] != self._last:
            return []
        index = ", ".join(f"{axis}_at" for axis in item.axes[:-1])
        return [f"{item.name}_row = {item.name}_array{f'[{index}]' if index else ''}"]

    def _element(self, item: Indexed) -> str:
        if not item.axes:
            return f"{item.name}_value"
        text = self._target(item) if self._last in item.axes or item.mark else f"{item.name}_row"
        # Numba computes with unsigned and narrow integers by rules of its own.
        return f"np.int64({text})" if "int" in self._dtypes[item.name] else text

    def _target(self, item: Indexed) -> str:
        if item.axes[-1] == self._last:
            return f"{item.name}_row[{self._last}_at]"
        return f"{item.name}_array[{', '.join(f'{axis}_at' for axis in item.axes)}]"
