"""Where the rows of one component, or of one table, go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import h5py
import numpy as np
from numpy.typing import NDArray

from engram_hdf5.buffer import ChunkBuffer
from engram_hdf5.errors import OutputError
from engram_hdf5.variables import Variable


@attrs.define(eq=False)
class Recording:
    """Where the rows of one component, or of one table, go. Made by the writer.

    Attributes:
        where: Path of the group in the file.
        variables: Its arrays by name.
        leading: Lengths of a row's dimensions before the arrays' own axes.
        row_index: Name of the dimension that grows.
        buffers: The rows that wait, for each array and index.
        mark: The dataset that holds the number of committed rows.
        length: Rows taken so far.
        committed: Rows that are safe in the file.
        last: The last time and step.
    """

    where: str
    variables: Mapping[str, Variable]
    leading: tuple[int, ...]
    row_index: str
    buffers: Mapping[str, ChunkBuffer]
    mark: h5py.Dataset
    length: int = 0
    committed: int = 0
    last: dict[str, float | int] = attrs.field(factory=dict)

    def move(self, file: h5py.File) -> None:
        """Go on in another file of the same structure, whose chunks will join those written so far."""
        group = file[self.where]
        for name, buffer in self.buffers.items():
            buffer.move(group[name])
        self.mark = group["n_rows"]
        self.mark[()] = self.length

    def check_increasing(self, name: str, values: NDArray[Any]) -> None:
        """Refuse times or steps that do not come after one another, and after those before.

        Raises:
            OutputError: They do not.
        """
        before = self.last.get(name)
        later = before is None or not len(values) or values[0] > before
        if not later or not np.all(values[1:] > values[:-1]):
            raise OutputError(f"{self.where}/{name}: does not increase; every row needs a later {name}")
