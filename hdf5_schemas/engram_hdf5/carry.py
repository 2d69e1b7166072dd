"""Carries the rows of an unfinished run file over into a new one, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from engram_hdf5.intact import blocks
from engram_hdf5.reader import RunFile
from engram_hdf5.recording import Recording
from engram_hdf5.rows import Rows, read_values
from engram_hdf5.writer import Writer


def carry_recording(kept: RunFile, writer: Writer, recording: Recording, path: str, before: int) -> None:
    """Append the rows of one component that belong to steps below `before`.

    Args:
        kept: The file to read.
        writer: The file to write.
        recording: Where the rows go.
        path: Path of the component, such as `memory`.
        before: First step that is not carried over.
    """
    rows = kept.recordings[path]
    step, time = rows.read("step"), rows.read("time")
    count = int(np.searchsorted(step, before))
    for part in _blocks(rows, "step", count):
        arrays = {name: read_values(rows.arrays[name], part=part) for name in rows.variables}
        writer.append(recording, step[part], time[part], arrays)


def carry_table(rows: Rows, writer: Writer, table: Recording, key: str, before: int) -> None:
    """Append the rows of a table whose column `key` is below `before`; they come in its order.

    Args:
        rows: The table to read.
        writer: The file to write.
        table: Where the rows go.
        key: Column of steps, increasing.
        before: First step that is not carried over.
    """
    count = int(np.searchsorted(rows.read(key), before))
    for part in _blocks(rows, key, count):
        columns = {name: read_values(rows.arrays[name], part=part) for name in rows.variables}
        writer.append_rows(table, columns)


def _blocks(rows: Rows, index: str, count: int) -> Iterator[slice]:
    """Blocks of rows that bound the memory, however wide the widest array is."""
    arrays = [rows.arrays[name] for name in (index, *rows.variables)]
    widest = max(arrays, key=lambda array: array.dtype.itemsize * math.prod(array.shape[1:]))
    return blocks(widest, count)
