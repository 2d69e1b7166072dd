"""`engram.scan`: the body of one step of one replica, and the step that it means for arrays of replicas."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

import attrs
import numpy as np

from ..backend import array_module
from ..convert import METADATA
from ..declare import ArrayField, ChildField, EventsField, parameters_of
from ..errors import EngramError
from .expression import Argument, Static
from .kernel import kind_of
from .parse import parse
from .tree import ArrayArgument, Kind, Program, StreamArgument
from .vector import VectorPrinter, compiled, spaces, widened

Role: TypeAlias = Literal["memory", "task"]
FLAGS = ("start", "end", "truncated", "learn")
SIGNAL = ("observation", "reward", *FLAGS, "outcome")
_PASSING = (*SIGNAL, "action")
SILENT: Mapping[str, float | bool | int] = {
    "reward": 0.0, "start": False, "end": False, "truncated": False, "learn": True, "outcome": -1,
}  # fmt: skip
"""What a task's body need not say."""


@attrs.frozen(eq=False)
class Source:
    """What an argument of a body stands for.

    Attributes:
        origin: "state", "given" (a parameter, or what `init` made), "signal" or "action".
        shape: Lengths of its axes after the replicas'.
        dtype: Of its elements.
        array: The array, where it is given.
    """

    origin: Literal["state", "given", "signal", "action"]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    array: Any = None

    @property
    def kind(self) -> Kind:
        """Kind of its elements."""
        return kind_of(self.dtype.name)


@attrs.define(eq=False)
class Bound:
    """A body with what its arguments stand for.

    Attributes:
        role: "memory" or "task".
        program: What it does.
        ctx: The context that made the state.
        sources: Its arrays by the names of the arguments.
        streams: Its streams likewise.
        form: Its array code, once it was needed; `results` are the numbers that it returns.
        passed: Names of what it passes on.
        wide: Numbers that its array code takes wider, or as copies since it assigns to them.
    """

    role: Role
    program: Program
    ctx: Any
    sources: Mapping[str, Source]
    streams: Mapping[str, Any]
    form: Callable[..., Any] | None = None
    results: list[str] = attrs.field(factory=list)
    passed: list[str] = attrs.field(factory=list)
    wide: set[str] = attrs.field(factory=set)

    def array(self, name: str, state: Any) -> Any:
        """The array behind an argument that is part of a state, or given."""
        source = self.sources[name]
        return getattr(state, name) if source.origin == "state" else source.array


class Scan:
    """The body of one step of one replica, declared as the `body` of a memory or a task.

    Its arguments are bound by name: to arrays of the state (one element for each replica, or indexed along
    their own axes), to streams and other fixed things of the state (of an array of `fixed(per_replica=True)`
    its replica's row), to parameters, `dt`, `self`, and to what passes between task and memory. What it
    assigns to is kept: state; of a memory `action`; of a task `observation`, `reward`, `start`, `end`,
    `truncated`, `learn`, `outcome`.

    Args:
        function: The function, within the subset of docs/rules.md.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._bound: WeakKeyDictionary[Any, Bound] = WeakKeyDictionary()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of its arguments."""
        return tuple(inspect.signature(self.function).parameters)

    def bound(self, component: Any, state: Any, role: Role) -> Bound:
        """The body with a state that `ctx.state` made.

        Raises:
            EngramError: An argument is unknown, or the body assigns to what it may only read.
        """
        found = self._bound.get(state)
        if found is None:
            found = self._bound[state] = self._bind(component, state, role)
        return found

    def ready(self, component: Any, state: Any, role: Role) -> None:
        """Do now what the first step would else do: bind arguments, write array code, move tables."""
        _write(self.bound(component, state, role))

    def step(self, component: Any, state: Any, signal: Any) -> Any:
        """A memory's step for all replicas, as array code: returns the action."""
        bound = self.bound(component, state, "memory")
        outputs = self._run(bound, state, {name: getattr(signal, name) for name in SIGNAL})
        return outputs.get("action")

    def task_step(self, component: Any, state: Any, action: Any) -> Any:
        """A task's step for all replicas, as array code: returns the signal."""
        bound = self.bound(component, state, "task")
        outputs = self._run(bound, state, {"action": action})
        return bound.ctx.signal(**outputs)

    def _bind(self, component: Any, state: Any, role: Role) -> Bound:
        ctx = contexts.get(state)
        where = f"{type(component).__name__}.body"
        if ctx is None:
            raise EngramError(f"{where}: its state must be made by ctx.state(...) in init")
        binder = _Binder(component, state, ctx, role)
        arguments = {name: binder.argument(name) for name in self.arguments}
        program = parse(self.function, arguments, double=ctx.dtype == np.float64, results=())
        for name in sorted(program.written):
            source = binder.sources.get(name)
            if source is None or not _may_write(role, source.origin):
                raise EngramError(f"{where}: assigns to {name!r}, which a {role} may only read")
        wanted = "observation" if role == "task" else "action" if ctx.action is not None else None
        if wanted is not None and wanted not in arguments:
            raise EngramError(f"{where}: has no argument {wanted!r}; a {role} must assign to it")
        return Bound(role, program, ctx, binder.sources, binder.streams)

    def _run(self, bound: Bound, state: Any, passing: Mapping[str, Any]) -> dict[str, Any]:
        """Take one step; returns what the body passes on, an array of each."""
        ctx, form = bound.ctx, _write(bound)
        arrays = {}
        for name, source in bound.sources.items():
            if source.origin == "state":
                arrays[name] = getattr(state, name)
            elif source.origin == "given":
                arrays[name] = source.array
            elif name in passing:
                arrays[name] = passing[name]
            else:
                arrays[name] = ctx.zeros(*source.shape, dtype=source.dtype.name)
                if SILENT.get(name):
                    arrays[name] += arrays[name].dtype.type(SILENT[name])
        with np.errstate(all="ignore"):
            wide = [widened(array) if name in bound.wide else array for name, array in arrays.items()]
            found = form(*wide, *bound.streams.values())
        written = bound.results
        # Copies, since a result may be the array of another name; NumPy refuses numbers that do not fit.
        kept = [value.astype(arrays[name].dtype) for name, value in zip(written, found, strict=True)]
        for name, value in zip(written, kept, strict=True):
            arrays[name][...] = value
        return {name: arrays[name] for name in bound.passed}


contexts: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
"""The context that made each state, for bodies."""


def ready(components: Mapping[str, Any], slots: Iterable[Any]) -> None:
    """Make the bodies of components, by path, ready for the state whose arrays these are."""
    holders = {slot.path.rpartition(".")[0]: slot.holder for slot in slots}
    for path, component in components.items():
        body = getattr(component, "body", None)
        if body is not None and path in holders:
            body.ready(component, holders[path], "task" if path == "task" else "memory")


def _may_write(role: Role, origin: str) -> bool:
    return origin == "state" or origin == ("action" if role == "memory" else "signal")


def _scalars(bound: Bound) -> list[str]:
    return [name for name, source in bound.sources.items() if not source.shape]


def _write(bound: Bound) -> Callable[..., Any]:
    """The array code of a body, written on first use."""
    if bound.form is None:
        bound.results = [name for name in _scalars(bound) if name in bound.program.written]
        bound.wide = {
            name
            for name in _scalars(bound)
            if name in bound.program.written or bound.sources[name].dtype.kind in "iu"
        }
        own = "action" if bound.role == "memory" else "signal"
        bound.passed = [name for name, source in bound.sources.items() if source.origin == own]
        bound.form = _form(bound, array_module(bound.ctx.zeros()))
    return bound.form


def _form(bound: Bound, xp: Any) -> Callable[..., Any]:
    """The array code of a body: takes the replicas, arrays and streams; returns the numbers written."""
    program, sources = bound.program, bound.sources
    shapes = {name: source.shape for name, source in sources.items() if source.shape}
    narrow = {name for name in shapes if sources[name].kind == "int" and sources[name].dtype != np.int64}
    printer = VectorPrinter(program, shapes, frozenset(narrow), replicas=True)
    names = [f"{name}_array" if source.shape else f"{name}_0" for name, source in sources.items()]
    names += [f"{name}_stream" for name in bound.streams]
    results = "".join(f"{name}_0, " for name in bound.results)
    lines = [
        f"def {program.name}({', '.join(names)}):",
        *printer.lines(program.statements, "", 1),
        f"    return ({results})",
    ]
    known = spaces(printer, program, xp, bound.ctx.dtype)
    return compiled(program.name, lines, {**known, "replica": xp.arange(bound.ctx.batch)})


class _Binder:
    """Finds what the arguments of a body stand for."""

    def __init__(self, component: Any, state: Any, ctx: Any, role: Role) -> None:
        self.sources: dict[str, Source] = {}
        self.streams: dict[str, Any] = {}
        self._component, self._state, self._ctx, self._role = component, state, ctx, role
        self._fields = {field.name: field.metadata[METADATA] for field in attrs.fields(type(state))}
        self._parameters = parameters_of(type(component))

    def argument(self, name: str) -> Argument:
        """What an argument is, for the parser.

        Raises:
            EngramError: There is nothing of this name.
        """
        if name in self._fields:
            if _may_write(self._role, "action" if name == "action" else "signal") and name in _PASSING:
                raise EngramError(
                    f"{type(self._component).__name__}.body: {name!r} is a field of the state and what a "
                    f"{self._role} passes on; rename the field"
                )
            return self._field(name)
        if name in _PASSING:
            return self._passing(name)
        if name in self._parameters:
            if not self._parameters[name].per_replica:
                return Static(getattr(self._component, name))
            return self._array(name, "given", getattr(self._ctx.per_replica(self._component), name))
        if name in ("self", "dt"):
            return Static(self._component if name == "self" else self._ctx.dt)
        raise EngramError(
            f"{type(self._component).__name__}.body: {name!r} is neither state, nor a parameter, nor passed"
        )

    def _field(self, name: str) -> Argument:
        value, field = getattr(self._state, name), self._fields[name]
        where = f"{type(self._component).__name__}.body: {name!r}"
        if isinstance(field, EventsField):
            raise EngramError(f"{where} takes events, which a body cannot add; write a step instead")
        if isinstance(field, ChildField):
            raise EngramError(f"{where} is a part's state, which a body cannot use; write a step instead")
        if isinstance(field, ArrayField):
            return self._array(name, "state", value)
        if hasattr(value, "uniform"):
            self.streams[name] = value
            return StreamArgument()
        if not field.per_replica:
            return Static(value)
        shape = getattr(value, "shape", ())
        if shape[:1] != (self._ctx.batch,):
            raise EngramError(
                f"{where} is fixed(per_replica=True) and has shape {shape}; give each of the "
                f"{self._ctx.batch} replicas a row"
            )
        return self._array(name, "given", value)

    def _array(self, name: str, origin: Any, value: Any) -> Argument:
        source = Source(origin, tuple(value.shape[1:]), value.dtype, value)
        self.sources[name] = source
        return ArrayArgument(source.shape, source.kind)

    def _passing(self, name: str) -> Argument:
        origin: Literal["signal", "action"] = "action" if name == "action" else "signal"
        shape: tuple[int, ...] = ()
        dtype = (
            np.dtype(bool) if name in FLAGS else np.dtype(np.int8) if name == "outcome" else self._ctx.dtype
        )
        if name in ("observation", "action"):
            space = self._ctx.observation if name == "observation" else self._ctx.action
            if space is None:
                raise EngramError(f"{type(self._component).__name__}.body: the task takes no action")
            shape, dtype = space.shape, self._ctx.dtype if space.dtype == "float" else np.dtype(space.dtype)
        self.sources[name] = Source(origin, shape, np.dtype(dtype))
        return ArrayArgument(shape, self.sources[name].kind)
