"""Runs chunks of a run whose memory, and whose task where it is no schedule, have bodies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .body import SIGNAL, Bound, ready
from .loop import Loop, Target
from .selection import places
from .weave import KEPT_OF_TRIALS, Kept, Port, Weave


class Fused:
    """The loop of a run, in which a chunk of steps is one call.

    Args:
        run: The run, prepared; its state is updated in place.
        target: What runs the loop.
        closed: Whether the task's body is woven in; else the signals of the steps are given.
        side_by_side: On the host: lay replicas out as on the GPU.
    """

    def __init__(self, run: Any, target: Target, closed: bool, side_by_side: bool = False) -> None:
        self._run = run
        self._memory: Bound = run.memory.body.bound(run.memory, run.memory_state, "memory")
        self._task: Bound | None = run.task.body.bound(run.task, run.task_state, "task") if closed else None
        self._kept = [_kept(index, item) for index, item in enumerate(run.recorder.recorded)]
        trials = closed and bool(run.trials.every)
        weave = Weave(
            self._memory,
            self._task,
            self._kept,
            trials=trials,
            counts=run.streams.by_trial,
            freezing=run.freezing,
        )
        self._ports = {port.name: port for port in weave.ports}
        self._loop = Loop(weave, target, run.backend.xp, side_by_side)

    def closed(self, n: int) -> int | None:
        """Run `n` steps of memory and task; returns one past the step at which the last replica finished."""
        run, xp = self._run, self._run.backend.xp
        signal = run.signal
        passing = {f"s_{name}_": xp.array(getattr(signal, name)) for name in SIGNAL}
        over = xp.zeros(run.batch, dtype=np.int64)
        if run.freezing:
            passing |= {"done_": run.done, "ends_": run.ends, "over_": over}
        self._go(run.step, n, passing)
        for name in SIGNAL:
            passing[f"s_{name}_"] = passing[f"s_{name}_"].reshape(getattr(signal, name).shape)
        run.signal = type(signal)(*(passing[f"s_{name}_"] for name in SIGNAL))
        run.streams.clock.version += 1
        return int(over.max()) if run.freezing and bool(run.done.all()) else None

    def open(self, signals: Any, first: int, n: int) -> None:
        """Let the memory take the signals of `n` steps, which lead with time."""
        xp = self._run.backend.xp
        self._go(first, n, {f"s_{name}_": xp.ascontiguousarray(getattr(signals, name)) for name in SIGNAL})

    def _go(self, first: int, n: int, passing: dict[str, Any]) -> None:
        run = self._run
        arrays = {**passing, **self._lasting(), "rows_": run.backend.xp.asarray(run.recorder.rows(first, n))}
        if "action_" in self._ports and "action_" not in arrays:
            port = self._ports["action_"]
            length = n if port.lead == "step" else 1
            arrays["action_"] = run.backend.xp.zeros((length * run.batch, port.size), dtype=port.dtype)
            if port.lead == "replica":
                arrays["action_"] = arrays["action_"].reshape(run.batch, port.size)
        self._loop(arrays, (first, n, run.recipe.run.trials or 0, run.batch), run.streams.key)
        run.step = first + n

    def _lasting(self) -> dict[str, Any]:
        """The arrays that are there before and after the chunk."""
        run = self._run
        states = {"m_": (self._memory, run.memory_state), "t_": (self._task, run.task_state)}
        arrays: dict[str, Any] = {"ids_": run.streams.ids, "trials_": run.streams.clock.trial}
        for name in self._ports:
            bound, state = states.get(name[:2], (None, None))
            if state is not None:
                field = name[2:-1]
                known = bound is not None and field in bound.sources
                arrays[name] = bound.array(field, state) if known and bound else getattr(state, field)
        for item, recorded in zip(self._kept, run.recorder.recorded, strict=True):
            arrays[item.port.name] = recorded.buffer
            if item.places is not None:
                arrays[item.places.name] = run.backend.xp.asarray(places(recorded.shape, recorded.entries))
        if "trial_start_" in self._ports:
            arrays |= {f"trial_{name}_": run.trials.buffers[name] for name in KEPT_OF_TRIALS}
        return arrays


def _kept(index: int, recorded: Any) -> Kept:
    holder, _, name = recorded.path.partition(".")
    port = Port(f"record_{index}_", recorded.dtype, math.prod(recorded.kept), "row")
    chosen = Port(f"places_{index}_", np.dtype(np.int64), port.size, "shared")
    taken = None if recorded.kept == recorded.shape else chosen
    return Kept(holder, name, port, recorded.slot is not None, math.prod(recorded.shape), taken)


def fused(run: Any) -> Fused | None:
    """The loop of a run, None where its backend has none or a part of it has no body."""
    ready(run.recipe.components(), run.slots)
    targets: dict[str, Target] = {"numba": "numba", "cupy": "cupy"}
    target = targets.get(run.backend.name)
    scheduled = hasattr(run.task, "schedule")
    scheduled = scheduled and not run.freezing
    alone = len(run.recipe.components()) == 2 and not hasattr(run.task, "finished")
    if target is None or not alone or run.memory.body is None or (run.task.body is None and not scheduled):
        return None
    return Fused(run, target, closed=not scheduled)
