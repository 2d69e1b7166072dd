"""Composes a task and a memory and runs them chunk by chunk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np

from .backend import Array, Backend, choose
from .components import Context, Memory, Signal, Task
from .declare import EventsField, Slot, slots_of
from .errors import EngramError, RecipeError
from .event import columns_of
from .exchange import check_action, check_finished, check_parts, check_signal, check_state
from .random import IN_BODY, INIT_STEP, RESET_STEP, Clock, Streams
from .recipe import Recipe
from .record import Host, Recorder, Trials
from .rules import freeze, target
from .rules.fused import Fused, fused
from .rules.graph import StepGraph, step_graph
from .rules.selection import select, steps_of
from .rules.sparse import SparseBuffer

_CHUNK = 1000
_FIRST_CHUNK = 16
_VISIT = 1.0
_CHUNK_BYTES = 1 << 25


@attrs.frozen(eq=False)
class ChunkRecords:
    """What a chunk of steps leaves.

    Attributes:
        start: First step; `stop` is one past the last.
        steps: (rows,) steps of the rows; `time` (rows,) in s.
        records: (rows, batch, ...) host arrays by path.
        trials: Columns of the trials that ended.
        events: Columns of the events.
    """

    start: int
    stop: int
    steps: Host
    time: Host
    records: dict[str, Host]
    trials: dict[str, Host]
    events: dict[str, Host]


@attrs.define(eq=False)
class Run:
    """A recipe in execution.

    Attributes:
        recipe: What is run.
        backend: Array module and why.
        replicas: (batch,) global numbers, equal in paired sweep points.
        task_state: State of the task; `memory_state` that of the memory.
        streams: All random streams.
        signal: The signal that the memory sees next.
        step: The next step.
        recorder: Keeps records; `trials` finds trials, `events` takes events.
        limit: Steps to take; None where only replicas that finish end the run.
        stopped: True once every replica is finished.
        done: (batch,) bool, who is finished; None where no one can be. `ends` (batch,) counts trials.
        torn: True once a step was left half done.
        fused: Takes a chunk of steps in one call, None where the components are stepped one by one.
        graph: Replays a step on a GPU, None elsewhere.
        counted: Events of the chunks done.
    """

    recipe: Recipe
    backend: Backend
    replicas: Host
    task_state: Any
    memory_state: Any
    streams: Streams
    context: Context
    slots: list[Slot]
    recorder: Recorder
    trials: Trials
    events: SparseBuffer
    chunk: int
    limit: int | None
    signal: Signal | None = None
    step: int = 0
    stopped: bool = False
    done: Array | None = None
    ends: Array | None = None
    torn: bool = False
    fused: Fused | None = None
    graph: StepGraph | None = None
    counted: int = 0
    _bound: list[tuple[Any, str, Array]] = attrs.field(factory=list)
    _loose: list[tuple[Any, str, Array]] = attrs.field(factory=list)

    @property
    def task(self) -> Task:
        """The task."""
        return self.recipe.task

    @property
    def memory(self) -> Memory:
        """The memory."""
        return self.recipe.memory

    @property
    def batch(self) -> int:
        """Replicas in this launch: sweep points x `run.batch`."""
        return len(self.replicas)

    @property
    def freezing(self) -> bool:
        """True where replicas may finish before the run does."""
        return self.done is not None

    def chunks(self) -> Iterator[ChunkRecords]:
        """Run to the end, yielding what each chunk leaves.

        Where the recipe names no chunk, its length adapts, so that the host is visited about once a second.
        """
        limit, given = self.limit, self.recipe.run.chunk
        n = given or _FIRST_CHUNK
        while not self.stopped and (limit is None or self.step < limit):
            begun = time.perf_counter()
            yield self.advance(n if limit is None else min(n, limit - self.step))
            seconds = time.perf_counter() - begun
            if given is None:
                n = (
                    max(1, n // 2)
                    if seconds > 2 * _VISIT
                    else min(2 * n, self.chunk)
                    if seconds < _VISIT
                    else n
                )

    @property
    def execution(self) -> str:
        """How its steps are taken, in a few words for the file."""
        if self.fused is not None:
            return "one loop over the steps of a chunk"
        if self.graph is not None and not self.graph.obstacle:
            return "steps replayed as a CUDA graph"
        return "step by step"

    def advance(self, n: int) -> ChunkRecords:
        """Run `n` steps, at most `chunk`, and return what they leave."""
        with target.chosen("numba" if self.backend.name == "numba" else "numpy"):
            return self._advance(min(n, self.chunk))

    def _advance(self, n: int) -> ChunkRecords:
        start = self.step
        finished_at = None
        self.recorder.begin(start, n)
        if hasattr(self.task, "schedule") and not self.freezing:
            self._open_loop(n)
        elif self.fused is not None:
            self._first_signal()
            finished_at = self.fused.closed(n)
        elif self.graph is not None:
            self._first_signal()
            self.graph.go(n)
        else:
            finished_at = self.closed_loop(n)
        stop = self.step if finished_at is None else finished_at
        if self.trials.every:
            self.recorder.selection.check_starts(
                start, self.trials.buffers["start"][: stop - start], self.backend.to_host
            )
        self.stopped = finished_at is not None
        return self._leave(start, stop)

    def _leave(self, start: int, stop: int) -> ChunkRecords:
        steps, records = self.recorder.take(stop - 1)
        dt = self.recipe.run.dt
        trials = self.trials.take(start, stop - start, dt) if self.trials.every and stop > start else {}
        events = columns_of(self.events, stop, dt)
        self.counted += len(events["step"])
        self.step = stop
        return ChunkRecords(start, stop, steps, steps * dt, records, trials, events)

    def interrupted(self, start: int) -> ChunkRecords:
        """Return what the unfinished chunk that began at `start` has completed; the state may be torn."""
        self.torn = True
        return self._leave(start, self.step)

    def closed_loop(self, n: int, taken: int = 0) -> int | None:
        """Step memory and task in turn, after `taken` steps of the chunk; nothing may slow this down.

        Where replicas may finish, those that have are held. Returns one past the step at which the last did.
        """
        memory_step, task_step = self.memory.step, self.task.step
        memory_state, task_state = self.memory_state, self.task_state
        recorder, clock, settle = self.recorder, self.streams.clock, self._settle
        make_room, freezing = self.events.make_room, self.freezing
        done: Any = self.done
        see = self.trials.see if self.trials.every else None
        all_done = self.backend.xp.zeros(n if freezing else 0, dtype=bool)
        first = self.step
        signal = self._first_signal()
        for step, row in enumerate(recorder.rows(first, n).tolist(), first):
            clock.step = step
            make_room()
            if freezing:
                held = self._hold("memory")
                signal = freeze.silenced(signal, done)
                seen = signal.observation
            action = memory_step(memory_state, signal)
            settle()
            if step == first:
                self._check_action(action)
            if freezing:
                freeze.release(held, done)
                action = freeze.still(action, done)
            if see is not None:
                see(step - first + taken, signal)
            if row >= 0:
                recorder.row(row, signal, action, done)
            if freezing:
                self.done = done = self._finished(signal, done)
                all_done[step - first] = done.all()
                held = self._hold("task")
            self.step = step + 1
            self.signal = signal = task_step(task_state, action)
            if step == first:
                self._check_signal(signal)
            if freezing:
                settle()
                freeze.release(held, done)
                # A finished replica goes on seeing what it saw last.
                signal.observation = freeze.where(done, seen, signal.observation)
            self._count_starts(signal.start & ~done if freezing else signal.start)
        settle()
        over = self.backend.to_host(all_done)
        return first + int(over.argmax()) + 1 if over.any() else None

    def _first_signal(self) -> Signal:
        if self.signal is None:
            self.streams.clock.step = RESET_STEP
            signal = self.task.reset(self.task_state)
            self._check_signal(signal)
            self.signal = signal
            self._settle()
            self._count_starts(signal.start)
        return self.signal

    def _check_signal(self, signal: Signal, *time: int) -> None:
        ctx, space = self.context, self.context.observation
        assert space is not None
        check_signal(self.task, signal, space, (*time, self.batch), ctx.dtype)

    def _check_action(self, action: Array | None, *time: int) -> None:
        check_action(self.memory, action, self.context.action, (*time, self.batch), self.context.dtype)

    def _count_starts(self, start: Array) -> None:
        clock: Clock = self.streams.clock
        if self.streams.by_trial and (self.backend.xp is not np or start.any()):
            clock.trial += start
            clock.version += 1

    def _open_loop(self, n: int) -> None:
        """Take the chunk's signals at once; a memory with a body takes them in one call."""
        clock = self.streams.clock
        first = self.step
        length = 1 if self.recorder.reads_task_state else n
        for start in range(first, first + n, length):
            clock.step = IN_BODY
            signals = self.task.schedule(self.task_state, length)  # type: ignore[attr-defined]
            if start == first:
                self._check_signal(signals, length)
            self.recorder.selection.check_starts(start, signals.start, self.backend.to_host)
            if self.trials.every:
                self.trials.see(slice(start - first, start - first + length), signals)
            take = self._stepped if self.fused is None else self.fused.open
            take(signals, start, length)

    def _stepped(self, signals: Signal, first: int, n: int) -> None:
        for index, row in enumerate(self.recorder.rows(first, n).tolist()):
            signal = signals.at(index)
            self._count_starts(signal.start)
            self.streams.clock.step = first + index
            self.events.make_room()
            action = self.memory.step(self.memory_state, signal)
            self._settle()
            if index == 0:
                self._check_action(action)
            if row >= 0:
                self.recorder.row(row, signal, action)
            self.step = first + index + 1

    def _finished(self, signal: Signal, done: Array) -> Array:
        if hasattr(self.task, "finished"):
            finished = self.task.finished(self.task_state)
            check_finished(self.task, finished, self.batch)
            done = done | finished
        if self.recipe.run.trials is not None:
            self.ends += signal.end
            done = done | (self.ends >= self.recipe.run.trials)
        return done

    def _hold(self, role: str) -> list[tuple[Array, Array]]:
        self.events.silent = self.done
        return [
            (array, array.copy())
            for array, slot in zip((b for _, _, b in self._bound), self.slots, strict=True)
            if slot.path.startswith(f"{role}.")
        ]

    def _settle(self) -> None:
        """Copy arrays that a component rebound back into their buffers; a memory's body rebinds none."""
        for holder, name, buffer in self._loose:
            value = getattr(holder, name)
            if value is not buffer:
                self._copy_back(holder, name, buffer, value)

    def _copy_back(self, holder: Any, name: str, buffer: Array, value: Array) -> None:
        path = next(slot.path for slot in self.slots if slot.holder is holder and slot.name == name)
        if getattr(value, "shape", None) != buffer.shape or value.dtype != buffer.dtype:
            shape, dtype = getattr(value, "shape", type(value).__name__), getattr(value, "dtype", "")
            raise EngramError(
                f"{path}: was replaced by {shape} {dtype}, but is {buffer.shape} {buffer.dtype}; "
                f"write `state.{name}[...] = `"
            )
        others = (other for _, _, other in self._bound if other is not buffer)
        if any(value is other or _same_memory(value, other) for other in others):
            raise EngramError(f"{path}: was replaced by another state array; copy it: `state.{name}[...] = `")
        buffer[...] = value
        setattr(holder, name, buffer)


def _same_memory(one: Array, other: Array) -> bool:
    if isinstance(one, np.ndarray):
        return np.may_share_memory(one, other)
    return one.base is not None and one.base is (other if other.base is None else other.base)


def prepare(recipe: Recipe) -> Run:
    """Make all state of a recipe, ready for the first step.

    Raises:
        RecipeError: A recorded variable or the backend does not exist.
        EngramError: A component made a state that contradicts its declaration.
    """
    try:
        return _prepare(recipe)
    except RecipeError as error:
        raise RecipeError(f"{recipe.place}: {line}" for line in error.problems) from None


def _prepare(recipe: Recipe) -> Run:
    backend = choose(recipe.run.backend)
    batch = recipe.run.batch
    replicas = np.tile(np.arange(batch, dtype=np.int64), len(recipe.points()))
    dtype = np.dtype(recipe.run.dtype)
    streams = Streams(recipe.run.seed or 0, replicas, backend.xp, dtype)
    lengths = recipe.task.trial_steps(recipe.run.dt)
    context = Context(
        xp=backend.xp, batch=len(replicas), replicas=replicas, dtype=dtype, dt=recipe.run.dt,
        observation=recipe.task.observation, action=recipe.task.action, path="task", streams=streams,
        overrides=recipe.replicated(), trial_steps=lengths and lengths[1],
    )  # fmt: skip
    streams.clock.step = INIT_STEP
    task_state = recipe.task.init(context)
    memory_state = recipe.memory.init(attrs.evolve(context, path="memory"))
    slots = [*slots_of(task_state, "task"), *slots_of(memory_state, "memory")]
    events = [*slots_of(task_state, "task", EventsField), *slots_of(memory_state, "memory", EventsField)]
    check_parts([*slots, *events], recipe.components())
    check_state([*slots, *events], len(replicas), dtype)
    counted = steps_of(recipe.run.trials, lengths) if hasattr(recipe.task, "schedule") else None
    limit = min(filter(None, (recipe.run.steps, counted)), default=None)
    freezing = hasattr(recipe.task, "finished") or (recipe.run.trials is not None and counted is None)
    offered = (("task.observation", recipe.task.observation), ("memory.action", recipe.task.action))
    spaces = {path: space for path, space in offered if space is not None}
    selection = select(recipe.record, context.dt, lengths)
    recorder = Recorder(
        [*slots, *events], spaces, recipe.record, selection, backend, (len(replicas), dtype), freezing
    )
    chunk = recipe.run.chunk or _chunk_length(recorder, events, context, recipe)
    chunk = min(chunk, limit or chunk)
    recorder.allocate(chunk)
    trials = Trials(len(replicas), chunk, recipe.record.trials_every, backend, dtype)
    shapes = (item.shape for item in recorder.events.values())
    buffer = SparseBuffer(backend.xp, backend.to_host, shapes, chunk)
    for source, (path, item) in enumerate(recorder.events.items()):
        item.path, item.source, item.buffer = path, source, buffer
    run = Run(
        recipe, backend, replicas, task_state, memory_state, streams, context, slots, recorder, trials,
        buffer, chunk, limit,
    )  # fmt: skip
    run._bound = [(slot.holder, slot.name, slot.value) for slot in slots]
    own_step = type(recipe.memory).step is not Memory.step
    run._loose = [
        one
        for one, slot in zip(run._bound, slots, strict=True)
        if slot.value.size and (own_step or slot.path.startswith("task."))
    ]
    if freezing:
        run.done = backend.xp.zeros(len(replicas), dtype=bool)
        run.ends = backend.xp.zeros(len(replicas), dtype=np.int64)
    run.fused = fused(run)
    run.graph = step_graph(run)
    return run


def _chunk_length(recorder: Recorder, events: list[Slot], context: Context, recipe: Recipe) -> int:
    """Choose a chunk of at most 1000 steps that keeps records, signals and masks of events below 32 MiB."""
    item, seen = context.dtype.itemsize, recipe.task.observation
    step = sum(math.prod(slot.value.shape) for slot in events)
    if recipe.record.trials_every:
        step += context.batch * (item + 4)
    if hasattr(recipe.task, "schedule"):
        step += 8 * context.batch * math.prod(seen.shape)
    row = sum(context.batch * math.prod(one.kept) * one.dtype.itemsize for one in recorder.recorded)
    most = recorder.selection.most
    return max(n for n in range(1, _CHUNK + 1) if n == 1 or most(n) * row + n * step <= _CHUNK_BYTES)


def execute(
    run: Run,
    write: Callable[[ChunkRecords], None] = lambda chunk: None,
    progress: Callable[[int, float], None] = lambda step, seconds: None,
) -> None:
    """Run to the end: hand every chunk to `write`, to the plugins' hooks and to `progress`.

    Where it is stopped, by Ctrl-C or a failing component, the steps completed in the present chunk are
    written before the error goes on.

    Raises:
        PluginError: A lifecycle hook failed.
    """
    plugins = run.recipe.plugins
    begun, start = time.perf_counter(), run.step
    try:
        plugins.call_each("run_started", run=run)
        for chunk in run.chunks():
            start = chunk.stop
            write(chunk)
            plugins.call_each("chunk_finished", run=run, chunk=chunk)
            progress(run.step, time.perf_counter() - begun)
    except BaseException as caught:
        error = caught
        if run.step > start:
            _keep_first(error, lambda: write(run.interrupted(start)))
        _keep_first(error, lambda: plugins.call_each("run_finished", run=run, error=error))
        raise
    plugins.call_each("run_finished", run=run, error=None)


def _keep_first(error: BaseException, last: Callable[[], None]) -> None:
    """Do one more thing for a run that failed; should that fail too, note it on what stopped the run."""
    try:
        last()
    except Exception as second:
        error.add_note(f"then: {second}")
