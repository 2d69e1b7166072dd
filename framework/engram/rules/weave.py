"""Weaves the bodies of a task and a memory, which know nothing of each other, into the loop of a chunk.

For each replica: the memory takes the signal, rows and trials are kept, the task takes the action. What a
replica carries from step to step stays in names of the loop, but for arrays that are indexed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from .body import FLAGS, SIGNAL, SILENT, Bound
from .emit import CEmitter, Emitter, NumbaEmitter, c_type, kind
from .printer import Printer
from .text import GRID, NUMBA, NUMBA_PHILOX, PHILOX, PREAMBLE

KEPT_OF_TRIALS = ("start", "end", "truncated", "reward", "outcome")
_LAYOUT = """\
#if defined(__CUDACC__) || defined(ENGRAM_SIDE_BY_SIDE)
#define ENGRAM_AT(element, size) ((long long)(element) * replicas_ + r_)
#else
#define ENGRAM_AT(element, size) (r_ * (size) + (element))
#endif
"""
NUMBERS = ("first_", "steps_", "limit_", "replicas_", "key0_", "key1_")


@attrs.frozen
class Port:
    """An array that a woven loop takes.

    Attributes:
        name: Its name in the text.
        dtype: Of its elements.
        size: Elements of each replica, or of all where the replicas share it.
        lead: What its first axis runs over: the replicas, or steps or rows before them; "shared" by them.
    """

    name: str
    dtype: np.dtype[np.generic]
    size: int = 1
    lead: Literal["replica", "step", "row", "shared"] = "replica"


@attrs.frozen
class Kept:
    """A variable that is recorded.

    Attributes:
        holder: "memory" or "task".
        name: Its name there: a field of the state, "action", or of the signal.
        port: Where its rows go.
        is_state: Whether it is a field of the state.
        size: Its elements of each replica, of which a row may keep some.
        places: Which elements those are; None where a row keeps all.
    """

    holder: str
    name: str
    port: Port
    is_state: bool
    size: int
    places: Port | None = None


class Weave:
    """The loop of a chunk.

    Args:
        memory: The memory's body.
        task: The task's body; None where the signals of all steps are given.
        kept: What is recorded.
        trials: Whether the signals of all steps are kept, for the trials table.
        counts: Whether trials are counted, for streams that draw once a trial.
        freezing: Whether replicas stop when they have ended enough trials.
    """

    def __init__(
        self,
        memory: Bound,
        task: Bound | None,
        kept: Sequence[Kept],
        *,
        trials: bool,
        counts: bool,
        freezing: bool,
    ) -> None:
        self._freezing = freezing
        self._memory, self._task, self._kept, self._trials, self._counts = memory, task, kept, trials, counts
        self._bodies = [("m_", memory)] + ([("t_", task)] if task is not None else [])
        self._double = memory.ctx.dtype == np.float64
        self._spaces = {"observation": memory.ctx.observation, "action": memory.ctx.action}
        self.ports = self._collect()

    def _collect(self) -> list[Port]:
        lead: Literal["replica", "step"] = "replica" if self._task is not None else "step"
        ports = [Port("ids_", np.dtype(np.uint64)), Port("trials_", np.dtype(np.int64))]
        ports += [
            Port(f"{prefix}{name}_", source.dtype, int(np.prod(source.shape, dtype=int)))
            for prefix, bound in self._bodies
            for name, source in bound.sources.items()
            if source.origin in ("state", "given")
        ]
        known = {port.name for port in ports}
        ports += [
            Port(f"{item.holder[0]}_{item.name}_", item.port.dtype, item.size)
            for item in self._kept
            if item.is_state and f"{item.holder[0]}_{item.name}_" not in known
        ]
        ports += [Port(f"s_{name}_", self._dtype(name), self._size(name), lead) for name in SIGNAL]
        if self._spaces["action"] is not None:
            ports.append(Port("action_", self._dtype("action"), self._size("action"), lead))
        if self._freezing:
            whole = np.dtype(np.int64)
            ports += [Port("done_", np.dtype(bool)), Port("ends_", whole), Port("over_", whole)]
        if self._kept:
            ports.append(Port("rows_", np.dtype(np.int64), lead="shared"))
        ports += [item.port for item in self._kept]
        ports += [item.places for item in self._kept if item.places is not None]
        if self._trials:
            ports += [Port(f"trial_{name}_", self._dtype(name), 1, "step") for name in KEPT_OF_TRIALS]
        return ports

    def _dtype(self, name: str) -> np.dtype[np.generic]:
        if name in FLAGS:
            return np.dtype(bool)
        space = self._spaces.get(name)
        fixed = "int8" if name == "outcome" else getattr(space, "dtype", "float")
        return np.dtype(self._memory.ctx.dtype if fixed == "float" else fixed)

    def _size(self, name: str) -> int:
        space = self._spaces.get(name)
        return int(np.prod(space.shape, dtype=int)) if space is not None else 1

    def _is_array(self, name: str) -> bool:
        space = self._spaces.get(name)
        return space is not None and bool(space.shape)

    # Texts

    def c(self) -> str:
        """The text for CUDA and the host."""
        emitter = CEmitter(self._double)
        emitter.replicas()
        tables = self._replica(emitter)
        emitter.close()
        types = [f"long long {name}" for name in NUMBERS[:-2]] + [f"unsigned {name}" for name in NUMBERS[-2:]]
        arrays = [f"{c_type(port.dtype)}* ENGRAM_RESTRICT {port.name}" for port in self.ports]
        parameters = ", ".join(types + arrays)
        names = ", ".join([*NUMBERS, *(port.name for port in self.ports)])
        head = f"ENGRAM_KERNEL chunk({parameters}) {{"
        grid = GRID.format(name="chunk", parameters=parameters, arguments=names)
        return "\n".join([PREAMBLE, PHILOX, _LAYOUT, *tables, head, *emitter.lines, "}", grid])

    def numba(self) -> str:
        """The module for Numba; its function is `chunk`."""
        emitter = NumbaEmitter(self._double)
        emitter.loop("r_", "replicas_")
        tables = self._replica(emitter)
        emitter.close()
        head = NUMBA.format(
            float="float64" if self._double else "float32", bits="int64" if self._double else "int32"
        )
        names = ", ".join([*NUMBERS, *(port.name for port in self.ports)])
        return "\n".join(
            [head, NUMBA_PHILOX, *tables, "", "", "@jit", f"def chunk({names}):", *emitter.lines, ""]
        )

    # The loop

    def _place(self, emitter: Emitter, port: Port, element: str = "0") -> str:
        if port.lead == "replica":
            return emitter.replica_place(port.name, port.size, element)
        if port.lead == "shared":
            return f"{port.name}[{element}]"
        lead = "t_" if port.lead == "step" else "row_"
        return emitter.place(port.name, f"({lead} * replicas_ + r_) * {port.size} + {element}")

    def _port(self, name: str) -> Port:
        return next(port for port in self.ports if port.name == name)

    def _replica(self, emitter: Emitter) -> list[str]:
        """All steps of one replica; returns the tables of constants that the bodies need."""
        printers = [(prefix, bound, self._printer(emitter, prefix, bound)) for prefix, bound in self._bodies]
        tables = [
            printer.table(f"{prefix}{name}", table)
            for prefix, bound, printer in printers
            for name, table in bound.program.tables.items()
        ]
        emitter.declare(
            "int", "replica_", emitter.read(self._place(emitter, self._port("ids_")), np.dtype(np.int64))
        )
        emitter.declare("int", "count_", self._place(emitter, self._port("trials_")))
        for prefix, bound, _ in printers:
            self._begin(emitter, prefix, bound)
        closed = self._task is not None
        if closed:
            self._read_signal(emitter)
        if self._freezing:
            self._begin_freezing(emitter)
        emitter.loop("t_", "steps_")
        emitter.declare("int", "step_", "first_ + t_")
        if not closed:
            self._read_signal(emitter)
            self._count(emitter)
        if self._freezing:
            self._silence(emitter)
            emitter.condition(emitter.negated("done"))
        self._memory_step(emitter, printers[0][2])
        if self._freezing:
            emitter.close()
        self._keep(emitter)
        if self._freezing:
            self._finish(emitter)
            emitter.condition(emitter.negated("done"))
        if closed:
            self._task_step(emitter, printers[1][2])
            self._count(emitter)
        if self._freezing:
            emitter.close()
        emitter.close()
        self._end(emitter)
        return tables

    def _begin_freezing(self, emitter: Emitter) -> None:
        emitter.declare("bool", "done", self._place(emitter, self._port("done_")))
        emitter.declare("int", "ends", self._place(emitter, self._port("ends_")))

    def _silence(self, emitter: Emitter) -> None:
        """A finished replica is told nothing, and its action counts for nothing."""
        emitter.condition("done")
        for name in SIGNAL:
            if name in SILENT:
                value = False if name == "learn" else SILENT[name]
                emitter.set(f"s_{name}", emitter.constant(kind(self._dtype(name)), value))
        if self._spaces["action"] is not None and not self._is_array("action"):
            emitter.set("action", emitter.constant(kind(self._dtype("action")), 0))
        self._clear(emitter, self._memory)
        emitter.close()

    def _finish(self, emitter: Emitter) -> None:
        """Count the trials that ended; note when a replica has ended enough."""
        emitter.condition("s_end")
        emitter.set("ends", "ends + 1")
        emitter.close()
        emitter.condition(emitter.negated("done"))
        emitter.condition("ends >= limit_")
        emitter.set("done", emitter.constant("bool", True))
        emitter.set(self._place(emitter, self._port("over_")), "step_ + 1")
        emitter.close()
        emitter.close()

    def _count(self, emitter: Emitter) -> None:
        if self._counts:
            emitter.condition("s_start")
            emitter.set("count_", "count_ + 1")
            emitter.close()

    def _printer(self, emitter: Emitter, prefix: str, bound: Bound) -> Printer:
        shapes = {name: source.shape for name, source in bound.sources.items() if source.shape}
        shapes |= {name: table.shape for name, table in bound.program.tables.items()}

        def place(array: str, element: str) -> str:
            if array in bound.program.tables:
                return f"{prefix}{array}[{element}]"
            passing = {"signal": f"s_{array}_", "action": "action_"}
            port = self._port(passing.get(bound.sources[array].origin, f"{prefix}{array}_"))
            return self._place(emitter, port, element)

        return emitter.printer(shapes, place, prefix)

    def _begin(self, emitter: Emitter, prefix: str, bound: Bound) -> None:
        """What of a body stays in names for all steps; the numbers of its streams."""
        for name, source in bound.sources.items():
            if source.origin in ("state", "given") and not source.shape:
                place = self._place(emitter, self._port(f"{prefix}{name}_"))
                emitter.declare(source.kind, f"{prefix}{name}_0", emitter.read(place, source.dtype))
        for name, stream in bound.streams.items():
            emitter.declare("int", f"{prefix}{name}_stream_id", str(int(stream.number)))

    def _read_signal(self, emitter: Emitter) -> None:
        for name in SIGNAL:
            if not self._is_array(name):
                port = self._port(f"s_{name}_")
                emitter.declare(
                    kind(port.dtype), f"s_{name}", emitter.read(self._place(emitter, port), port.dtype)
                )
        if self._spaces["action"] is not None and not self._is_array("action"):
            emitter.declare(
                kind(self._dtype("action")), "action", emitter.constant(kind(self._dtype("action")), 0)
            )

    def _clocks(self, emitter: Emitter, prefix: str, bound: Bound) -> None:
        for name, stream in bound.streams.items():
            emitter.declare("int", f"{prefix}{name}_stream_when", "count_" if stream.by_trial else "step_")

    def _memory_step(self, emitter: Emitter, printer: Printer) -> None:
        bound = self._memory
        self._clocks(emitter, "m_", bound)
        for name, source in bound.sources.items():
            if source.origin == "signal" and not source.shape:
                emitter.declare(source.kind, f"m_{name}_0", f"s_{name}")
            elif source.origin == "action" and not source.shape:
                emitter.declare(source.kind, f"m_{name}_0", emitter.constant(source.kind, 0))
        self._clear(emitter, bound)
        self._body(emitter, "m_", bound, printer)
        if "action" in bound.sources and not bound.sources["action"].shape:
            emitter.set("action", "m_action_0")

    def _body(self, emitter: Emitter, prefix: str, bound: Bound, printer: Printer) -> None:
        """What a body does; what it has written is then as wide as the array that it belongs to."""
        emitter.body(printer.lines(bound.program.statements, emitter.depth))
        for name, source in bound.sources.items():
            if name in bound.program.written and not source.shape and source.dtype.kind in "iu":
                written = f"{prefix}{name}_0"
                emitter.set(written, emitter.stored(written, source.dtype))

    def _clear(self, emitter: Emitter, bound: Bound) -> None:
        """Set the arrays that a body passes on to zero, as new ones are."""
        for name, source in bound.sources.items():
            if source.shape and source.origin == ("action" if bound.role == "memory" else "signal"):
                port = self._port("action_" if name == "action" else f"s_{name}_")
                emitter.loop("clear_", str(port.size))
                emitter.set(self._place(emitter, port, "clear_"), emitter.constant(kind(port.dtype), 0))
                emitter.close()

    def _task_step(self, emitter: Emitter, printer: Printer) -> None:
        bound = self._task
        assert bound is not None
        self._clocks(emitter, "t_", bound)
        for name, source in bound.sources.items():
            if source.origin == "action" and not source.shape:
                emitter.declare(source.kind, f"t_{name}_0", "action")
            elif source.origin == "signal" and not source.shape:
                emitter.declare(
                    source.kind, f"t_{name}_0", emitter.constant(source.kind, SILENT.get(name, 0))
                )
        self._clear(emitter, bound)
        self._body(emitter, "t_", bound, printer)
        for name in SIGNAL:
            if not self._is_array(name):
                value = (
                    f"t_{name}_0"
                    if name in bound.sources
                    else emitter.constant(kind(self._dtype(name)), SILENT.get(name, 0))
                )
                emitter.set(f"s_{name}", value)

    def _keep(self, emitter: Emitter) -> None:
        if self._task is None and self._spaces["action"] is not None and not self._is_array("action"):
            emitter.set(self._place(emitter, self._port("action_")), "action")
        if self._trials:
            for name in KEPT_OF_TRIALS:
                emitter.set(self._place(emitter, self._port(f"trial_{name}_")), f"s_{name}")
        if not self._kept:
            return
        emitter.declare("int", "row_", "rows_[t_]")
        emitter.condition("row_ >= 0")
        for item in self._kept:
            self._keep_one(emitter, item)
        emitter.close()

    def _keep_one(self, emitter: Emitter, item: Kept) -> None:
        bodies = {"memory": ("m_", self._memory), "task": ("t_", self._task)}
        prefix, bound = bodies[item.holder]
        source = bound.sources.get(item.name) if bound is not None else None
        if item.is_state and source is not None and not source.shape:
            emitter.set(self._place(emitter, item.port), f"{prefix}{item.name}_0")
            return
        if not item.is_state and not self._is_array(item.name):
            done = "done" if self._freezing else emitter.constant("bool", False)
            value = {"action": "action", "finished": done}.get(item.name, f"s_{item.name}")
            emitter.set(self._place(emitter, item.port), value)
            return
        passing = "action_" if item.name == "action" else f"s_{item.name}_"
        port = self._port(f"{prefix}{item.name}_" if item.is_state else passing)
        emitter.loop("copy_", str(item.port.size))
        taken = "copy_" if item.places is None else self._place(emitter, item.places, "copy_")
        emitter.set(self._place(emitter, item.port, "copy_"), self._place(emitter, port, taken))
        emitter.close()

    def _end(self, emitter: Emitter) -> None:
        for prefix, bound in self._bodies:
            for name, source in bound.sources.items():
                if source.origin == "state" and not source.shape and name in bound.program.written:
                    emitter.set(self._place(emitter, self._port(f"{prefix}{name}_")), f"{prefix}{name}_0")
        emitter.set(self._place(emitter, self._port("trials_")), "count_")
        if self._freezing:
            emitter.set(self._place(emitter, self._port("done_")), "done")
            emitter.set(self._place(emitter, self._port("ends_")), "ends")
        if self._task is not None:
            for name in SIGNAL:
                if not self._is_array(name):
                    emitter.set(self._place(emitter, self._port(f"s_{name}_")), f"s_{name}")
            if self._spaces["action"] is not None and not self._is_array("action"):
                emitter.set(self._place(emitter, self._port("action_")), "action")
