"""A step of a run on the GPU, captured once as a CUDA graph and replayed.

A step of array code is many small kernels, each of which costs the host microseconds to launch; a graph costs
one launch. Nothing on the host changes between replays, so what differs from step to step (the step itself,
the row, the signal) lies in arrays on the device.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import attrs
import numpy as np

Launch: TypeAlias = Callable[[], None]
_LOG = logging.getLogger("engram")
_WARM = 2


class StepGraph:
    """The closed loop of a run, its step captured when the first steps have been taken.

    Args:
        run: The run, prepared; not one whose replicas may finish, nor one that records events.
        device: What captures, and waits for what was launched.
    """

    def __init__(self, run: Any, device: Capture) -> None:
        self.obstacle = ""
        self._run, self._device = run, device
        self._launches: dict[bool, Launch] = {}
        self._warm = _WARM
        xp = run.backend.xp
        self._step = xp.zeros(1, dtype=np.uint64)
        self._place = xp.zeros(1, dtype=np.int64)
        self._row = xp.zeros(1, dtype=np.int64)

    def go(self, n: int) -> None:
        """Run `n` steps; one by one where the step cannot be captured."""
        run, done = self._run, 0
        if not self._launches and not self.obstacle:
            done = min(n, self._warm)
            self._warm -= done
            if done:
                self._device.inside(functools.partial(run.closed_loop, done))
            if done < n:
                self._capture()
        if self.obstacle:
            run.closed_loop(n - done, done)
        elif done < n:
            self._replay(n - done, done)

    def _capture(self) -> None:
        run = self._run
        names = [field.name for field in attrs.fields(type(run.signal))]
        run.signal = attrs.evolve(run.signal, **{name: getattr(run.signal, name).copy() for name in names})
        try:
            run.streams.clock.device = self._step
            for records in (False, True):
                self._launches[records] = self._device.capture(functools.partial(self._one, records))
        # CuPy's errors share no class, and a component may fail in any way of its own.
        except Exception as error:
            self._launches.clear()
            self.obstacle = (str(error) or repr(error)).splitlines()[0]
            _LOG.warning(
                "%s and %s are stepped without a CUDA graph, more slowly: %s",
                run.task.name, run.memory.name, self.obstacle,
            )  # fmt: skip
        finally:
            run.streams.clock.device = None
            for holder, name, buffer in run._bound:
                setattr(holder, name, buffer)

    def _one(self, records: bool) -> None:
        """One step, as it is captured; all it needs to know lies on the device."""
        run, signal = self._run, self._run.signal
        action = run.memory.step(run.memory_state, signal)
        run._settle()
        if run.trials.every:
            for name, buffer in run.trials.buffers.items():
                buffer[self._place] = getattr(signal, name)[None]
        if records:
            run.recorder.row(self._row, signal, action)
            self._row += 1
        after = run.task.step(run.task_state, action)
        run._settle()
        for field in attrs.fields(type(signal)):
            getattr(signal, field.name)[...] = getattr(after, field.name)
        if run.streams.by_trial:
            run.streams.clock.trial += signal.start
        self._step += self._step.dtype.type(1)
        self._place += 1

    def _replay(self, n: int, done: int) -> None:
        run, first = self._run, self._run.step
        rows = run.recorder.rows(first, n)
        self._step[...] = first
        self._place[...] = done
        self._row[...] = next((row for row in rows.tolist() if row >= 0), 0)
        for step, row in enumerate(rows.tolist(), first):
            self._launches[row >= 0]()
            run.step = step + 1
        self._device.wait()
        run.streams.clock.version += 1


class Capture(Protocol):
    """What captures a call, so that it can be launched again and again."""

    def inside(self, call: Launch) -> None:
        """Make a call where those that follow will be captured."""

    def capture(self, call: Launch) -> Launch:
        """Capture a call; nothing of it is run."""

    def wait(self) -> None:
        """Wait for what was launched."""


class CudaCapture:
    """Captures on a stream and with a memory pool of its own: what a graph uses must not be used elsewhere.

    Args:
        cupy: The module.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._stream = cupy.cuda.Stream(non_blocking=True)
        self._pool = cupy.cuda.MemoryPool()

    def inside(self, call: Launch) -> None:
        """Make a call on the stream, so that the pool holds the memory that a step needs."""
        self._cupy.cuda.Device().synchronize()
        with self._cupy.cuda.using_allocator(self._pool.malloc), self._stream:
            call()
        self.wait()

    def capture(self, call: Launch) -> Launch:
        """Capture what a call launches; nothing of it is run."""
        with self._cupy.cuda.using_allocator(self._pool.malloc), self._stream:
            self._stream.begin_capture()
            try:
                call()
            finally:
                graph = self._stream.end_capture()
        return functools.partial(graph.launch, self._stream)

    def wait(self) -> None:
        """Wait for what was launched."""
        self._stream.synchronize()


def step_graph(run: Any) -> StepGraph | None:
    """The graph of a run on a GPU, None where there is no GPU or the run takes another way."""
    plain = run.fused is None and not run.freezing and not run.events.places
    if run.backend.name != "cupy" or not plain or hasattr(run.task, "schedule"):
        return None
    return StepGraph(run, CudaCapture(run.backend.xp))
