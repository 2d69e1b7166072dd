"""Prints a rule as a CUDA kernel that the host compiler takes, too: a thread for each element of the results.

The last axis runs along x, the one before along y, all others along z; y and z stride over their grid, so
that any length fits. Within a slab of the last two axes and the summed ones, offsets have 32 bits.
Every name ends with what it is (`w_slab`, `i_at`), so that no name of the author's can collide with another.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from ..errors import EngramError
from .printer import CPrinter, shapes_of
from .spec import Indexed, Spec
from .text import GRID, PREAMBLE
from .tree import Kind, Program, spelt

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
        self.name = f"{spelt(program.name)}_rule"
        self._program, self._spec, self._dtypes, self._double = program, spec, dtypes, double
        self._printer = CPrinter(double, shapes_of(program), lambda array, place: f"{array}[{place}]")
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
            names = [f"{axis}_length" for axis in self._spec.axes]
            names += [f"{item.name}_{'array' if item.axes else 'number'}" for item in self._spec.arguments]
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
                f"rule {self._program.name!r}: {inner} elements in one slab; put an axis before the last two"
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
        sizes = [f"int {axis}_length" for axis in self._spec.axes]
        arrays = [
            f"{self._pointer(item)} ENGRAM_RESTRICT {item.name}_array"
            if item.axes
            else f"{self._float()} {item.name}_number"
            for item in self._spec.arguments
        ]
        return ", ".join(sizes + arrays)

    def _pointer(self, item: Indexed) -> str:
        return f"{'' if item.mark else 'const '}{TYPES[self._dtypes[item.name]]}*"

    def _element(self) -> str:
        types = self._printer.types
        kinds = {item.name: kind_of(self._dtypes.get(item.name, "float")) for item in self._spec.arguments}
        inputs = [f"{types[kinds[item.name]]} {item.name}_0" for item in self._spec.inputs]
        results = [
            f"{types[kinds[item.name]]}* result_{index}_out" for index, item in enumerate(self._spec.outputs)
        ]
        lines = self._printer.lines(self._program.statements, 1)
        lines += [
            f"    *result_{index}_out = {self._printer.expression(value)};"
            for index, value in enumerate(self._program.results)
        ]
        return "\n".join(
            [f"ENGRAM_DEVICE void {self.name}_element({', '.join(inputs + results)}) {{", *lines, "}"]
        )

    def _kernel(self, name: str, packed: bool) -> str:
        *leading, last = self.threads
        rows = leading.pop() if leading else None
        column = f"{'4 * ' if packed else ''}(blockIdx.x * blockDim.x + threadIdx.x)"
        slabs = " * ".join(["1LL", *(f"{axis}_length" for axis in leading)])
        places = [f"{last}_at = column_index"] + ([f"{rows}_at = row_index"] if rows else [])
        # Indices are unsigned until they are known to lie inside: their last stride may pass 2**31.
        lines = [
            f"ENGRAM_KERNEL {name}({self._parameters()}) {{",
            f"    unsigned column_index = {column};",
            f"    if (column_index >= (unsigned){last}_length) return;",
            f"    for (long long slab_index = blockIdx.z; slab_index < {slabs}; slab_index += gridDim.z) {{",
            *(f"        {line}" for line in self._slab(leading)),
            "        for (unsigned row_index = blockIdx.y * blockDim.y + threadIdx.y; "
            f"row_index < {f'(unsigned){rows}_length' if rows else '1'}; "
            "row_index += gridDim.y * blockDim.y) {",
            f"            int {', '.join(places)};",
            *(f"            {line}" for line in (self._four(last) if packed else self._one())),
            "        }",
            "    }",
            "}",
        ]
        return "\n".join(lines)

    def _slab(self, leading: list[str]) -> list[str]:
        """Where the leading axes stand, and where each array's part of the slab begins."""
        lines, rest = [], "slab_index"
        for axis in reversed(leading):
            lines.append(
                f"long long {axis}_at = {rest} % {axis}_length, {axis}_rest = {rest} / {axis}_length;"
            )
            rest = f"{axis}_rest"
        for item in self._spec.arguments:
            if item.axes:
                offset = self._offset(item, leading)
                moved = f" + {offset}" if offset else ""
                lines.append(f"{self._pointer(item)} {item.name}_slab = {item.name}_array{moved};")
        return lines

    def _offset(self, item: Indexed, chosen: Collection[str]) -> str:
        """What the chosen axes add to the offset of an element; "" for nothing."""
        offset = ""
        for axis in item.axes:
            offset = f"{offset} * {axis}_length" if offset else ""
            if axis in chosen:
                offset = f"({offset} + {axis}_at)" if offset else f"{axis}_at"
        return offset

    def _place(self, item: Indexed) -> str:
        inner = {*self.threads[-2:], *self._spec.summed}
        offset = self._offset(item, inner)
        first = next((index for index, axis in enumerate(item.axes) if axis in inner), 0)
        if not inner.issuperset(item.axes[first:]):
            # A leading axis inside: what lies between two elements of the slab may pass 2**31.
            offset = offset.replace(f"{item.axes[first]}_at", f"(long long){item.axes[first]}_at", 1)
        return f"{item.name}_slab[{offset or '0'}]"

    def _call(self, inputs: list[str]) -> str:
        results = [f"&result_{index}_value" for index in range(len(self._spec.outputs))]
        return f"{self.name}_element({', '.join(inputs + results)});"

    def _results(self) -> list[str]:
        return [f"{self._type(item)} result_{index}_value;" for index, item in enumerate(self._spec.outputs)]

    def _type(self, item: Indexed) -> str:
        return self._printer.types[kind_of(self._dtypes[item.name])]

    def _one(self) -> list[str]:
        spec = self._spec
        inputs = [self._place(item) if item.axes else f"{item.name}_number" for item in spec.inputs]
        stores = {
            item: f"{self._place(item)} = result_{index}_value;" for index, item in enumerate(spec.outputs)
        }
        if not spec.summed:
            return [*self._results(), self._call(inputs), *stores.values()]
        kept = [text for item, text in stores.items() if item.mark == "&"]
        sums = [(index, item) for index, item in enumerate(spec.outputs) if item.mark == "+"]
        return [
            *(f"{self._type(item)} sum_{index}_total = 0;" for index, item in sums),
            *(f"for (int {axis}_at = 0; {axis}_at < {axis}_length; ++{axis}_at)" for axis in spec.summed),
            "{",
            *(f"    {line}" for line in (*self._results(), self._call(inputs), *kept)),
            *(f"    sum_{index}_total = sum_{index}_total + result_{index}_value;" for index, _ in sums),
            "}",
            *(f"{self._place(item)} = sum_{index}_total;" for index, item in sums),
        ]

    def _four(self, last: str) -> list[str]:
        rows = [item for item in self._spec.arguments if last in item.axes]
        loads = [f"float4 {item.name}_four = *(const float4*)&{self._place(item)};" for item in rows]
        inputs = [
            f"((float*)&{item.name}_four)[lane_index]"
            if item in rows
            else self._place(item)
            if item.axes
            else f"{item.name}_number"
            for item in self._spec.inputs
        ]
        keeps = [
            f"    ((float*)&{item.name}_four)[lane_index] = result_{index}_value;"
            for index, item in enumerate(self._spec.outputs)
        ]
        stores = [f"*(float4*)&{self._place(item)} = {item.name}_four;" for item in self._spec.outputs]
        body = [f"    {line}" for line in (*self._results(), self._call(inputs))]
        head = "for (int lane_index = 0; lane_index < 4; ++lane_index) {"
        return [*loads, head, *body, *keeps, "}", *stores]


def kind_of(dtype: str) -> Kind:
    """Kind of the elements of an array."""
    return "float" if dtype.startswith("float") else "bool" if dtype == "bool" else "int"
