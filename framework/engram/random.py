"""Random numbers that depend on what, when and who: Philox4x32-10 behind named streams.

The key is the seed, the counter is (draw, step, replica, stream); nothing is stored, so a number depends
neither on chunk length, batch split, order nor device. The arithmetic is that of `rules.philox`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any, Literal

import attrs
import numpy as np

from .backend import Array
from .rules import philox

INIT_STEP = 0xFFFFFFFF
RESET_STEP = 0xFFFFFFFE
IN_BODY = -1
_AHEAD = 1 << 15


@attrs.define(eq=False)
class Clock:
    """What time it is for the streams of a run.

    Attributes:
        step: The present step.
        trial: (batch,) starts seen by each replica; the count of a stream with clock "trial".
        version: Changes whenever `trial` may have changed.
        device: (1,) uint64 the step, where only the device knows it.
    """

    step: int = INIT_STEP
    trial: Array = None
    version: int = 0
    device: Array = None


class Stream:
    """One named source of random numbers, one draw a step (or a trial) for each replica.

    Attributes:
        number: The 32-bit number that tells it from others.
        by_trial: Whether it draws once a trial.
    """

    def __init__(self, source: Streams, path: str, clock: Literal["step", "trial"]) -> None:
        self._source = source
        self._path = path
        self.by_trial = clock == "trial"
        self.number = stream_id(path)
        self._block: Array = None
        self._kind: tuple[Any, ...] = ()
        self._ahead = range(0)
        self._last: tuple[int, int] | None = None

    def uniform(self, *shape: int) -> Array:
        """Uniform numbers in [0, 1), shape (batch, *shape)."""
        return self._draw(("uniform", shape), philox.uniform)

    def normal(self, *shape: int) -> Array:
        """Standard normal numbers by `exact.normal`, shape (batch, *shape)."""
        return self._draw(("normal", shape), philox.normal)

    def integers(self, n: int, *shape: int) -> Array:
        """Integers 0 .. n - 1 as int64, shape (batch, *shape); n at most 2**31.

        The upper half of word * n: no value is more likely than another by more than n / 2**32.
        """
        if not 0 < n <= 1 << 31:
            raise ValueError(f"{self._path}: integers(n) needs 1 <= n <= 2**31, not {n}")
        return self._draw(("integers", shape, n), lambda words, _: philox.integers(words, n))

    def _draw(self, kind: tuple[Any, ...], make: Callable[..., Array]) -> Array:
        clock = self._source.clock
        if clock.device is not None:
            when = (
                clock.trial.astype(np.uint64)[None, :, None] if self.by_trial else clock.device[:, None, None]
            )
            return self._make(when, (), kind, make)
        step = clock.step
        if step == IN_BODY:
            raise RuntimeError(
                f"stream {self._path!r} was drawn from in a schedule, which cannot draw; "
                "write step (and reset) instead"
            )
        if self._source.recorded and step < RESET_STEP and self._path in self._source.recorded:
            return self._source.recorded_at(self._path, None)
        if self.by_trial:
            return self._by_trial_number(kind, make)
        if self._last == (step, clock.version):
            when = {INIT_STEP: "init", RESET_STEP: "reset"}.get(step, f"step {step}")
            raise RuntimeError(f"stream {self._path!r} was drawn from twice in {when}; name them apart")
        self._last = (step, clock.version)
        if kind != self._kind or step not in self._ahead:
            self._look_ahead(step, kind, make)
        return self._block[step - self._ahead.start]

    def _look_ahead(self, step: int, kind: tuple[Any, ...], make: Callable[..., Array]) -> None:
        """Compute a block of steps at once: a call costs 200 us whatever its size."""
        size = max(1, self._source.batch * math.prod(kind[1]))
        grown = 2 * len(self._ahead) if step == self._ahead.stop and kind == self._kind else 1
        count = max(1, min(grown, _AHEAD // size, RESET_STEP - step))
        steps = self._source.xp.arange(step, step + count, dtype=np.uint64)
        self._block = self._make(steps[:, None, None], (count,), kind, make)
        self._kind, self._ahead = kind, range(step, step + count)

    def _by_trial_number(self, kind: tuple[Any, ...], make: Callable[..., Array]) -> Array:
        clock = self._source.clock
        if clock.step == INIT_STEP:
            raise RuntimeError(f"stream {self._path!r} has clock 'trial' and cannot be drawn from in init")
        if kind != self._kind or self._last != (clock.version, 0):
            self._block = self._make(clock.trial.astype(np.uint64)[None, :, None], (), kind, make)
            self._kind, self._last = kind, (clock.version, 0)
        return self._block

    def _make(
        self, when: Array, lead: tuple[int, ...], kind: tuple[Any, ...], make: Callable[..., Array]
    ) -> Array:
        shape, source = kind[1], self._source
        words = philox.words(
            source.xp, when, source.ids, np.uint64(self.number), source.key, math.prod(shape)
        )
        return make(words, source.dtype).reshape(*lead, source.batch, *shape)


def stream_id(path: str) -> int:
    """Return the 32-bit number of a stream, a hash of its path such as "memory.explore"."""
    return int.from_bytes(hashlib.blake2s(path.encode(), digest_size=4).digest(), "little")


class Streams:
    """All streams of one launch: they share the seed, the clock and the replicas' numbers.

    Args:
        seed: 0 .. 2**64 - 1.
        ids: (batch,) host numbers of the replicas; equal numbers draw equal values.
        xp: Array module.
        dtype: Precision of the draws.
        recorded: Recorded draws by path, leading time axis, put in place of the streams.
    """

    def __init__(
        self, seed: int, ids: Any, xp: Any, dtype: Any, recorded: dict[str, Array] | None = None
    ) -> None:
        self.key = (seed & 0xFFFFFFFF, seed >> 32)
        self.ids = xp.asarray(np.asarray(ids, dtype=np.uint64))
        self.batch = len(ids)
        self.xp = xp
        self.dtype = np.dtype(dtype)
        self.recorded = recorded or {}
        self.clock = Clock(trial=xp.zeros(self.batch, dtype=np.int64))
        self.streams: dict[str, Stream] = {}
        self.taken: set[str] = set()
        self.by_trial = False

    def recorded_at(self, path: str, otherwise: Array) -> Array:
        """Return what was recorded under `path` at the present step, or `otherwise`."""
        values = self.recorded.get(path)
        return otherwise if values is None else self.xp.asarray(values[self.clock.step])

    def stream(self, path: str, clock: Literal["step", "trial"] = "step") -> Stream:
        """Return the stream of this path, made on first use.

        Raises:
            ValueError: Two paths have the same number; rename one.
        """
        if path not in self.streams:
            for other in self.streams:
                if stream_id(other) == stream_id(path):
                    raise ValueError(f"streams {other!r} and {path!r} collide; rename one")
            self.streams[path] = Stream(self, path, clock)
            self.by_trial = self.by_trial or clock == "trial"
        return self.streams[path]
