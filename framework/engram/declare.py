"""Declarations of parameters and state: the one source of checks, help, records and checkpoints."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, TypeVar, dataclass_transform

import attrs

from .convert import METADATA, Problem, convert, hints_of
from .errors import InvalidParameters

T = TypeVar("T")


@attrs.frozen
class Parameter:
    """What `param` or `component` declares of one parameter."""

    doc: str
    unit: str = "1"
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    choices: tuple[Any, ...] | None = None
    symbol: str | None = None
    source: str | None = None
    per_replica: bool = False
    role: str | None = None
    many: bool = False
    component: str | None = None

    def violation(self, value: Any) -> str | None:
        """Say which bound or choice `value` breaks, or return None."""
        bounds = (
            (self.ge, operator.ge, ">="),
            (self.gt, operator.gt, ">"),
            (self.le, operator.le, "<="),
            (self.lt, operator.lt, "<"),
        )
        for item in value if isinstance(value, tuple) else (value,):
            if item is None:
                continue
            if self.choices is not None and item not in self.choices:
                return f"must be one of {', '.join(map(repr, self.choices))}, not {item!r}"
            for bound, holds, sign in bounds:
                if bound is not None and not holds(item, bound):
                    return f"must be {sign} {bound:g}, not {item:g}"
        return None

    @property
    def range(self) -> str:
        """The allowed values in words, such as ">= 0, <= 1"; empty where all are allowed."""
        if self.choices is not None:
            return " | ".join(map(str, self.choices))
        signs = ((">=", self.ge), (">", self.gt), ("<=", self.le), ("<", self.lt))
        return ", ".join(f"{sign} {bound:g}" for sign, bound in signs if bound is not None)


@attrs.frozen
class ArrayField:
    """What `array` declares of one state array; `axes` come after the leading batch axis."""

    axes: tuple[str, ...]
    doc: str
    unit: str = "1"
    dtype: str = "float"
    record: int = False
    compress: Literal["auto", "none", "gzip"] = "auto"


@attrs.frozen
class EventsField:
    """What `events` declares: the name of the axis after `batch`, where there is one."""

    dtype: ClassVar[str] = "bool"
    axes: tuple[str, ...]
    doc: str
    record: bool = True


@attrs.frozen
class ChildField:
    """Marks a state field that holds the state of a component (or a dict of several)."""


@attrs.frozen
class FixedField:
    """Marks a state field that `init` sets once: streams, parameters as arrays, look-up tables."""

    per_replica: bool = False


def param(
    *,
    default: Any = attrs.NOTHING,
    doc: str,
    unit: str = "1",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: tuple[Any, ...] | None = None,
    symbol: str | None = None,
    source: str | None = None,
    per_replica: bool = False,
) -> Any:
    """Declare one parameter of a component.

    Args:
        default: Value where none is given; a parameter without default is required.
        doc: One phrase for help texts and files.
        unit: Physical unit ("s", "Hz", "1").
        ge: The value is at least this; a bound holds for each element of a list.
        gt: The value is greater than this.
        le: The value is at most this.
        lt: The value is less than this.
        choices: The allowed values.
        symbol: The paper's symbol, where the name differs.
        source: Paper and equation, where it is not the component's own.
        per_replica: True where `[sweep]` may give each replica its own value; the arithmetic then always
            sees a `(batch,)` array (a list-valued parameter: `(batch, n)`), see `Context.per_replica`.
    """
    return attrs.field(
        default=default,
        metadata={METADATA: Parameter(doc, unit, ge, gt, le, lt, choices, symbol, source, per_replica)},
    )


def component(role: str, *, default: str | None = None, many: bool = False, doc: str = "") -> Any:
    """Declare a component held by this one, chosen by name in the recipe.

    Args:
        role: "memory", "synapse" or "task".
        default: Registered name used where the recipe names none.
        many: True for a table of named components.
        doc: What it is for.
    """
    info = Parameter(doc or f"the {role} held by this component", role=role, many=many, component=default)
    value: Any = attrs.NOTHING
    if many:
        value = attrs.Factory(dict)
    elif default is not None:
        value = attrs.Factory(lambda: _registered(role, default)())
    return attrs.field(default=value, metadata={METADATA: info})


def _registered(role: str, name: str) -> type:
    from .plugins import registry

    found: type = registry().component(role, name)
    return found


def array(
    *axes: str,
    doc: str,
    unit: str = "1",
    dtype: str = "float",
    record: int = False,
    compress: Literal["auto", "none", "gzip"] = "auto",
) -> Any:
    """Declare one array of a component's state, of shape `(batch, *axes)`.

    Args:
        *axes: Names of the axes after `batch`; they become dimension names in the file.
        doc: What it holds.
        unit: Physical unit.
        dtype: "float" for the run's precision, or a fixed NumPy name such as "int32" or "bool".
        record: True to record it where the recipe names no variables; a number above 1, to keep so many
            entries of its last axis, where the recipe names no entries of that axis either.
        compress: "auto", "none" or "gzip".
    """
    if record not in (0, 1) and (record < 0 or not axes):
        raise TypeError(f"record={record}: must be True, False, or entries of the last of its axes")
    return attrs.field(metadata={METADATA: ArrayField(axes, doc, unit, dtype, record, compress)})


def events(axis: str | None = None, *, doc: str, record: bool = True) -> Any:
    """Declare a field of a component's state that takes events, such as spikes; see `Events.add`.

    Args:
        axis: Name of the axis after `batch`, such as "unit"; None where a replica has one place.
        doc: What happens, such as "a spike".
        record: True to record them where the recipe names no variables.
    """
    return attrs.field(metadata={METADATA: EventsField((axis,) if axis else (), doc, record)})


def child() -> Any:
    """Declare a state field that holds the state of a component, or a dict of named states."""
    return attrs.field(metadata={METADATA: ChildField()})


def fixed(*, per_replica: bool = False) -> Any:
    """Declare a state field that `init` makes and nothing changes: a stream, parameters as arrays, a table.

    Args:
        per_replica: True for an array (batch, ...) of which a body reads its replica's row like state.
            What is not marked so is the same for all replicas and known beforehand.
    """
    return attrs.field(metadata={METADATA: FixedField(per_replica)}, default=None)


@dataclass_transform(field_specifiers=(param, component), kw_only_default=True, frozen_default=True)
def parameters(cls: type[T]) -> type[T]:
    """Make a class of parameters: frozen, keyword-only, checked at construction.

    A method `check(self) -> None` may raise ValueError for rules between parameters.

    Raises:
        InvalidParameters: At construction, naming every parameter of a wrong type or out of range.
    """
    if "__attrs_post_init__" in vars(cls):
        raise TypeError(
            f"{cls.__name__}: put checks between parameters in a method `check`, not __attrs_post_init__"
        )
    cls.__attrs_post_init__ = _checked  # type: ignore[attr-defined]
    return attrs.frozen(kw_only=True)(cls)


def _checked(self: Any) -> None:
    problems: list[Problem] = []
    hints = hints_of(type(self))
    for field in attrs.fields(type(self)):
        info = field.metadata.get(METADATA)
        if info is None or info.role is not None:
            continue
        found: list[Problem] = []
        value = convert(getattr(self, field.name), hints[field.name], field.name, found)
        text = None if found else info.violation(value)
        problems.extend(found or ([(field.name, text)] if text else []))
        object.__setattr__(self, field.name, value)
    name = getattr(type(self), "name", None)
    label = name if isinstance(name, str) else type(self).__name__
    if not problems and hasattr(self, "check"):
        try:
            self.check()
        except ValueError as error:
            problems.append(("", str(error)))
    if problems:
        raise InvalidParameters(label, problems)


@dataclass_transform(field_specifiers=(array, events, child, fixed), eq_default=False, kw_only_default=True)
def state(cls: type[T]) -> type[T]:
    """Make a class of state: slotted arrays that lead with `batch`, updated in place."""
    made = attrs.define(eq=False, kw_only=True)(cls)
    for field in attrs.fields(made):  # type: ignore[arg-type]
        if METADATA not in field.metadata:
            kinds = "engram.array, events, child or fixed"
            raise TypeError(f"{cls.__name__}.{field.name}: declare it with {kinds}")
    return made


def parameters_of(cls: type) -> dict[str, Parameter]:
    """Return the declared parameters of a component class by name."""
    return {
        f.name: f.metadata[METADATA]
        for f in attrs.fields(cls)
        if isinstance(f.metadata.get(METADATA), Parameter)
    }


def differs(holder: Any, name: str) -> bool:
    """Say whether an attribute is a parameter of which every replica has a value of its own."""
    info = parameters_of(type(holder)).get(name) if attrs.has(type(holder)) else None
    return info is not None and info.per_replica


def components_of(instance: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (path, role, component) of every component held by `instance`, outermost first."""
    for name, info in parameters_of(type(instance)).items():
        if info.role is None:
            continue
        held = getattr(instance, name)
        named = {f"{name}.{key}": item for key, item in held.items()} if info.many else {name: held}
        for path, item in named.items():
            yield path, info.role, item
            yield from ((f"{path}.{below}", role, inner) for below, role, inner in components_of(item))


@attrs.frozen(eq=False)
class Slot:
    """One field within a tree of states: its path, its declaration, and where it is held."""

    path: str
    field: Any
    holder: Any
    name: str

    @property
    def value(self) -> Any:
        """What is now in the slot, of shape (batch, *axes)."""
        return getattr(self.holder, self.name)


def slots_of(tree: Any, path: str, kind: type = ArrayField) -> Iterator[Slot]:
    """Yield every array, or other `kind` of field, of a state and of the states it holds, as `path.name`."""
    for field in attrs.fields(type(tree)):
        info = field.metadata[METADATA]
        if isinstance(info, kind):
            yield Slot(f"{path}.{field.name}", info, tree, field.name)
        elif isinstance(info, ChildField):
            held = getattr(tree, field.name)
            if isinstance(held, Mapping):
                for key, item in held.items():
                    yield from slots_of(item, f"{path}.{field.name}.{key}", kind)
            else:
                yield from slots_of(held, f"{path}.{field.name}", kind)
