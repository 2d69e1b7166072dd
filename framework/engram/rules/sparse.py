"""What is True in a few places of many, kept as one integer each without a look from the host.

A key is `step * places + place`, the places of all sources one after another; so sorted keys are in the order
of steps, then of sources, rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Host = np.ndarray[Any, Any]
_KEYS = 1 << 21
_STEPS = 4


class SparseBuffer:
    """The keys that masks leave; none is ever lost.

    With NumPy they are a list. On a device they stay in an array there, and the host counts how many there
    are at most; it waits for the device, and fetches them, only where the next step might not fit.

    Args:
        xp: Array module of the masks.
        to_host: Copies an array to the host.
        shapes: (rows,) or (rows, columns) of the masks of each source.
        steps: Steps from one `take` to the next.
        capacity: Keys that the array holds, at least those of one step; at most what is of use. Where None,
            16 MiB of them, or those of four full steps where these are more.

    Attributes:
        places: Keys that one step may leave at most.
        silent: (rows,) bool, rows that leave no keys; None where all do.
    """

    def __init__(
        self,
        xp: Any,
        to_host: Callable[[Any], Host],
        shapes: Iterable[tuple[int, ...]],
        steps: int,
        capacity: int | None = None,
    ) -> None:
        self._xp, self._to_host, self._shapes = xp, to_host, list(shapes)
        sizes = [math.prod(shape) for shape in self._shapes]
        self.places = sum(sizes)
        self.silent: Any = None
        self._starts = np.cumsum([0, *sizes]).tolist()
        chosen = max(_KEYS, _STEPS * self.places) if capacity is None else max(capacity, self.places)
        self._capacity = min(chosen, steps * self.places)
        self._on_device = xp is not np and self.places > 0
        self._fetched: list[Host] = []
        self._most = 0
        if self._on_device:
            self._keys = xp.zeros(self._capacity + 1, dtype=np.int64)
            self._count = xp.zeros(1, dtype=np.int64)

    def make_room(self) -> None:
        """Be ready for one more step; as a rule one comparison."""
        self._most += self.places
        if self._most > self._capacity and self._on_device:
            self._fetch()
            self._most = self.places

    def append(self, source: int, mask: Any, step: int) -> None:
        """Add the keys of one step's mask; the caller adds at most one of each source and step."""
        if self.silent is not None:
            mask = mask & ~self.silent.reshape(-1, *(1,) * (mask.ndim - 1))
        first = step * self.places + self._starts[source]
        if self._on_device:
            self._scatter(mask.reshape(-1), first)
        else:
            self._fetched.append(np.flatnonzero(mask) + first)

    def _scatter(self, mask: Any, first: int) -> None:
        xp = self._xp
        behind = xp.cumsum(mask, dtype=np.int64) + self._count
        # The last place of the array takes what is not True: boolean indexing would wait for the device.
        where = xp.where(mask, behind - 1, self._capacity)
        self._keys[where] = xp.arange(first, first + len(mask), dtype=np.int64)
        # Only now, so that an interruption leaves the keys as they were.
        self._count[...] = behind[-1:]

    def _fetch(self) -> None:
        count = int(self._to_host(self._count)[0])
        self._fetched.append(self._to_host(self._keys[:count]))
        self._count[...] = 0

    def take(self, stop: int) -> tuple[Host, Host, Host, Host]:
        """Return step, source, row and column of the keys of steps before `stop`; start anew.

        Returns:
            Four arrays (n,) int64, sorted by step, then source, row and column.
        """
        if self._on_device:
            self._fetch()
        # The masks' keys are sorted already, which a stable sort makes use of: ten times faster or more.
        keys = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *self._fetched]), kind="stable")
        self._fetched, self._most = [], 0
        keys = keys[: np.searchsorted(keys, stop * self.places)]
        # An interruption while keys were fetched may have left them twice.
        return self._unpack(keys[np.diff(keys, prepend=-1) > 0])

    def _unpack(self, keys: Host) -> tuple[Host, Host, Host, Host]:
        step, place = np.divmod(keys, max(self.places, 1))
        starts = np.asarray(self._starts)
        source = np.searchsorted(starts[1:], place, side="right")
        columns = np.array([max(1, math.prod(shape[1:])) for shape in self._shapes], dtype=np.int64)
        row, column = np.divmod(place - starts[source], columns[source])
        return step, source, row, column
