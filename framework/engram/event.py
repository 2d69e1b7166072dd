"""Sparse happenings such as spikes, on their way from a component's state to the table of events."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import numpy as np

from .backend import Array
from .errors import EngramError
from .random import RESET_STEP, Clock
from .rules.sparse import SparseBuffer

Host = np.ndarray[Any, Any]


@attrs.define(eq=False)
class Events:
    """Where a component puts its events; declared with `engram.events`, made by `Context.events`.

    Events are no state: nothing reads them back.

    Attributes:
        shape: (batch,) or (batch, unit), that of the masks which `add` takes.
        clock: Which step it is.
        path: Such as "memory.spikes", known where they are recorded.
        source: Code of the field in the table.
        buffer: Takes the events; None where they are not recorded.
        last: Step of the last mask.
    """

    dtype: ClassVar[np.dtype[Any]] = np.dtype(bool)
    shape: tuple[int, ...]
    clock: Clock
    path: str = ""
    source: int = 0
    buffer: SparseBuffer | None = None
    last: int = -1

    def add(self, fired: Array) -> None:
        """Note an event at each place that is True; at most once a step.

        Args:
            fired: (batch, unit) bool, or (batch,) where the field has no axis.

        Raises:
            EngramError: The mask has another shape or dtype, it is the second of this step, or this is none.
        """
        if self.buffer is not None:
            self._check(fired)
            self.last = self.clock.step
            self.buffer.append(self.source, fired, self.last)

    def _check(self, fired: Array) -> None:
        step = self.clock.step
        if not 0 <= step < RESET_STEP:
            raise EngramError(f"{self.path}: schedule and reset cannot add events; write step")
        if step == self.last:
            raise EngramError(f"{self.path}: was added to twice in step {step}; join the masks with |")
        shape, dtype = getattr(fired, "shape", type(fired).__name__), getattr(fired, "dtype", "")
        if shape != self.shape or dtype != self.dtype:
            raise EngramError(f"{self.path}: add takes {self.shape} bool, not {shape} {dtype}")


def columns_of(buffer: SparseBuffer, stop: int, dt: float) -> dict[str, Host]:
    """Take the events before step `stop` out of the buffer, in the order of step, field, replica and unit.

    Later ones are dropped: their steps were not completed.

    Returns:
        Columns (n,) by name; `dt` is the length of a step in s.
    """
    step, source, replica, unit = buffer.take(stop)
    columns = {"time": step * dt, "step": step, "replica": replica.astype(np.int32)}
    return {**columns, "source": source.astype(np.int16), "unit": unit.astype(np.int32)}
