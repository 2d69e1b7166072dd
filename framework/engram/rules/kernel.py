"""Prints a rule as a CUDA kernel that the host compiler takes, too: a thread for each element of the results.

The last axis runs along x, the one before along y, all others along z; each strides over its grid, so that
any length fits. Within a slab of the last two axes and the summed ones, offsets have 32 bits.
"""

from __future__ import annotations

import math

from ..errors import EngramError
from .printer import CPrinter
from .spec import Indexed, Spec
from .text import GRID, PREAMBLE
from .tree import Kind, Program

_THREADS = 256
TYPES = {
    "float32": "float", "float64": "double", "bool": "unsigned char", "int8": "signed char", "int16": "short",
    "int32": "int",
    "int64": "long long", "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned",
    "uint64": "unsigned long long",
}  # fmt: skip


class RuleKernel:
    """The text of one rule for arrays of given dtypes.

    Args:
        program: The rule.
        spec: Its arguments.
        dtypes: Name of the dtype of each array.
        double: Whether floats have 64 bits.
    """

    def __init__(self, program: Program, spec: Spec, dtypes: dict[str, str], double: bool) -> None:
        self.name = program.name
        self._program, self._spec, self._dtypes, self._double = program, spec, dtypes, double
        shapes = {name: table.shape for name, table in program.tables.items()}
        self._printer = CPrinter(double, shapes, lambda array, place: f"{array}[{place}]")
        self.threads = tuple(axis for axis in spec.axes if axis not in spec.summed)

    @property
    def can_pack(self) -> bool:
        """Whether four elements at a time can be loaded: floats of 32 bits along every array's last axis."""
        last = self.threads[-1]
        rows = [item for item in self._spec.arguments if last in item.axes]
        return not self._spec.summed and all(
            item.axes[-1] == last and self._dtypes[item.name] == "float32" for item in rows
        )

    def text(self) -> str:
        """The whole text: element, kernel, where it can be the kernel of four at a time, the host's grid."""
        parts = [
            PREAMBLE,
            *(self._printer.table(*item) for item in self._program.tables.items()),
            self._element(),
        ]
        for packed in (False, True)[: 1 + self.can_pack]:
            name = f"{self.name}{'_packed' if packed else ''}"
            names = [
                *(f"n_{axis}" for axis in self._spec.axes),
                *(item.name + "_" for item in self._spec.arguments),
            ]
            parts += [
                self._kernel(name, packed),
                GRID.format(name=name, parameters=self._parameters(), arguments=", ".join(names)),
            ]
        return "\n".join(parts)

    def geometry(
        self, lengths: tuple[int, ...], most_blocks: int = 65535
    ) -> tuple[str, tuple[int, int, int], tuple[int, int]]:
        """Return the name of the kernel to launch, its grid and its block.

        Args:
            lengths: Of the axes of the rule.
            most_blocks: Along y and z; CUDA allows 65535.

        Raises:
            EngramError: A slab is too large for 32-bit offsets.
        """
        sizes = dict(zip(self._spec.axes, lengths, strict=True))
        *leading, last = self.threads
        rows = sizes[leading.pop()] if leading else 1
        inner = math.prod(size for axis, size in sizes.items() if axis not in leading)
        if inner >= 1 << 31:
            raise EngramError(
                f"rule {self.name!r}: {inner} elements in one slab; put an axis before the last two"
            )
        packed = self.can_pack and sizes[last] % 4 == 0
        columns = sizes[last] // 4 if packed else sizes[last]
        width = min(_THREADS, 1 << max(0, columns - 1).bit_length())
        height = max(1, min(_THREADS // width, rows))
        slabs = math.prod(sizes[axis] for axis in leading)
        grid = (-(-columns // width), min(most_blocks, -(-rows // height)), min(most_blocks, slabs))
        return self.name + ("_packed" if packed else ""), grid, (width, height)

    def _float(self) -> str:
        return "double" if self._double else "float"

    def _parameters(self) -> str:
        sizes = [f"int n_{axis}" for axis in self._spec.axes]
        arrays = [
            f"{'' if item.mark else 'const '}{TYPES[self._dtypes[item.name]]}* ENGRAM_RESTRICT {item.name}_"
            if item.axes
            else f"{self._float()} {item.name}_"
            for item in self._spec.arguments
        ]
        return ", ".join(sizes + arrays)

    def _element(self) -> str:
        types = self._printer.types
        kinds = {item.name: kind_of(self._dtypes.get(item.name, "float")) for item in self._spec.arguments}
        inputs = [f"{types[kinds[item.name]]} {item.name}_0" for item in self._spec.inputs]
        results = [
            f"{types[kinds[item.name]]}* result_{index}_" for index, item in enumerate(self._spec.outputs)
        ]
        lines = self._printer.lines(self._program.statements, 1)
        lines += [
            f"    *result_{index}_ = {self._printer.expression(value)};"
            for index, value in enumerate(self._program.results)
        ]
        return "\n".join(
            [f"ENGRAM_DEVICE void {self.name}_element({', '.join(inputs + results)}) {{", *lines, "}"]
        )

    def _kernel(self, name: str, packed: bool) -> str:
        lines = [f"ENGRAM_KERNEL {name}({self._parameters()}) {{"]
        *leading, last = self.threads
        rows = leading.pop() if leading else None
        slabs = " * ".join(["1LL", *(f"n_{axis}" for axis in leading)])
        lines += [f"  for (long long slab_ = blockIdx.z; slab_ < {slabs}; slab_ += gridDim.z) {{"]
        rest = "slab_"
        for axis in reversed(leading):
            lines.append(
                f"    long long a_{axis} = {rest} % n_{axis}; long long rest_{axis}_ = {rest} / n_{axis};"
            )
            rest = f"rest_{axis}_"
        lines += [f"    {line}" for line in self._bases(leading)]
        count = f"n_{rows}" if rows else "1"
        row = f"a_{rows or 'row_'}"
        lines.append(
            f"    for (int {row} = blockIdx.y * blockDim.y + threadIdx.y; {row} < {count}; "
            f"{row} += gridDim.y * blockDim.y)"
        )
        step = "4 * " if packed else ""
        lines.append(
            f"      for (int a_{last} = {step}(blockIdx.x * blockDim.x + threadIdx.x); a_{last} < n_{last}; "
            f"a_{last} += {step}gridDim.x * blockDim.x) {{"
        )
        lines += [f"        {line}" for line in (self._four(last) if packed else self._one())]
        return "\n".join([*lines, "      }", "  }", "}"])

    def _bases(self, leading: list[str]) -> list[str]:
        lines = []
        for item in self._spec.arguments:
            if item.axes:
                front = [axis for axis in item.axes if axis in leading]
                offset = ""
                for axis in front:
                    offset = f"({offset} * n_{axis} + a_{axis})" if offset else f"a_{axis}"
                inner = " * ".join(["1LL", *(f"n_{axis}" for axis in item.axes[len(front) :])])
                text = TYPES[self._dtypes[item.name]]
                const = "" if item.mark else "const "
                moved = f" + {offset} * ({inner})" if offset else ""
                lines.append(f"{const}{text}* {item.name}_p = {item.name}_{moved};")
        return lines

    def _place(self, item: Indexed) -> str:
        inner = [axis for axis in item.axes if axis in self.threads[-2:] or axis in self._spec.summed]
        offset = ""
        for axis in inner:
            offset = f"({offset} * n_{axis} + a_{axis})" if offset else f"a_{axis}"
        return f"{item.name}_p[{offset or '0'}]"

    def _call(self, inputs: list[str]) -> str:
        results = [f"&result_{index}_" for index in range(len(self._spec.outputs))]
        return f"{self.name}_element({', '.join(inputs + results)});"

    def _results(self) -> list[str]:
        types, outputs = self._printer.types, self._spec.outputs
        return [
            f"{types[kind_of(self._dtypes[item.name])]} result_{index}_;"
            for index, item in enumerate(outputs)
        ]

    def _one(self) -> list[str]:
        inputs = [self._place(item) if item.axes else f"{item.name}_" for item in self._spec.inputs]
        stores = [(index, item) for index, item in enumerate(self._spec.outputs)]
        kept = [f"{self._place(item)} = result_{index}_;" for index, item in stores if item.mark == "&"]
        if not self._spec.summed:
            return [*self._results(), self._call(inputs), *kept, *self._plain_sums()]
        types = self._printer.types
        sums = [
            (index, item, types[kind_of(self._dtypes[item.name])])
            for index, item in stores
            if item.mark == "+"
        ]
        loops = [f"for (int a_{axis} = 0; a_{axis} < n_{axis}; ++a_{axis})" for axis in self._spec.summed]
        return [
            *(f"{kind} sum_{index}_ = 0;" for index, _, kind in sums),
            *loops,
            "{",
            *(f"  {line}" for line in (*self._results(), self._call(inputs), *kept)),
            *(f"  sum_{index}_ = sum_{index}_ + result_{index}_;" for index, _, _ in sums),
            "}",
            *(f"{self._place(item)} = sum_{index}_;" for index, item, _ in sums),
        ]

    def _plain_sums(self) -> list[str]:
        return [
            f"{self._place(item)} = result_{index}_;"
            for index, item in enumerate(self._spec.outputs)
            if item.mark == "+"
        ]

    def _four(self, last: str) -> list[str]:
        rows = [item for item in self._spec.arguments if last in item.axes]
        loads = [f"float4 {item.name}_4 = *(const float4*)&{self._place(item)};" for item in rows]
        inputs = [
            f"((float*)&{item.name}_4)[lane_]"
            if item in rows
            else self._place(item)
            if item.axes
            else f"{item.name}_"
            for item in self._spec.inputs
        ]
        keeps = [
            f"  ((float*)&{item.name}_4)[lane_] = result_{index}_;"
            for index, item in enumerate(self._spec.outputs)
        ]
        stores = [f"*(float4*)&{self._place(item)} = {item.name}_4;" for item in self._spec.outputs]
        body = [f"  {line}" for line in (*self._results(), self._call(inputs))]
        return [*loads, "for (int lane_ = 0; lane_ < 4; ++lane_) {", *body, *keeps, "}", *stores]


def kind_of(dtype: str) -> Kind:
    """Kind of the elements of an array."""
    return "float" if dtype.startswith("float") else "bool" if dtype == "bool" else "int"
