"""The three kinds of component, and what passes between them and the engine."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, TypeVar

import attrs
import numpy as np

from .backend import Array
from .convert import METADATA
from .declare import ArrayField, EventsField, parameters_of
from .errors import EngramError
from .event import Events
from .random import Stream, Streams
from .rules import alignment
from .rules.body import Scan as Scan, contexts

S = TypeVar("S")


@attrs.frozen(kw_only=True)
class Spec:
    """What an observation or an action is made of.

    Attributes:
        shape: Shape after the batch axis.
        dtype: "float" for the run's precision, or a fixed NumPy name.
        low: Smallest possible value, None where there is none; likewise `high`.
        axes: Name of each axis of `shape`.
        labels: Names along the last axis (stimuli, actions).
        unit: Physical unit.
    """

    shape: tuple[int, ...] = ()
    dtype: str = "float"
    low: float | None = None
    high: float | None = None
    axes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    unit: str = "1"


@attrs.frozen
class Choice:
    """A choice of one out of `n`: integers 0 .. n - 1, shape (batch,).

    Attributes:
        n: Number of alternatives.
        labels: Their names.
    """

    n: int
    labels: tuple[str, ...] = ()
    shape: ClassVar[tuple[int, ...]] = ()
    dtype: ClassVar[str] = "int64"
    axes: ClassVar[tuple[str, ...]] = ()
    unit: ClassVar[str] = "1"


@attrs.define(eq=False)
class Signal:
    """What a task tells a memory at one step (or, with a leading time axis, at many).

    Attributes:
        observation: (batch, *shape) of the task's observation.
        reward: (batch,) what the previous action earned.
        start: (batch,) bool, a trial begins; reward is 0.
        end: (batch,) bool, the trial is over: last reward, terminal observation, the action is ignored.
        truncated: (batch,) bool, with `end`: cut short, so a value is bootstrapped from the observation.
        learn: (batch,) bool, False where nothing plastic may change.
        outcome: (batch,) int8 code of the task, -1 for none.
    """

    observation: Array
    reward: Array
    start: Array
    end: Array
    truncated: Array
    learn: Array
    outcome: Array

    def at(self, step: int) -> Signal:
        """Return the signal at one index of the leading time axis."""
        return Signal(
            self.observation[step], self.reward[step], self.start[step], self.end[step],
            self.truncated[step], self.learn[step], self.outcome[step],
        )  # fmt: skip


@attrs.define(eq=False)
class Transitions:
    """Transitions for offline learning: the n-th of every replica side by side.

    Attributes:
        observation: (n, batch, *shape); likewise `next_observation`.
        action: (n, batch, *shape) of the action.
        reward: (n, batch).
        terminated: (n, batch) bool, nothing follows; `truncated` (n, batch) bool, cut short.
        weight: (n, batch) importance of each; 0 where a replica has fewer than n.
    """

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    terminated: Array
    truncated: Array
    weight: Array


@attrs.frozen(eq=False, kw_only=True)
class Context:
    """What a component needs to make its state.

    Attributes:
        xp: Array module, numpy or cupy.
        batch: Number of replicas here.
        replicas: (batch,) global number of each.
        dtype: Precision of floating-point state.
        dt: Length of a step in s.
        observation: What the task shows.
        action: What the task takes, None where it takes nothing.
        path: Role path of the component, such as "memory.hidden_output".
        trial_steps: Steps of the longest trial, None where the task does not say.
    """

    xp: Any
    batch: int
    replicas: Any
    dtype: np.dtype[Any]
    dt: float
    observation: Spec | Choice | None
    action: Spec | Choice | None
    path: str
    streams: Streams
    overrides: Mapping[str, Any] = attrs.field(factory=dict)
    trial_steps: int | None = None

    def random(self, name: str, clock: Literal["step", "trial"] = "step") -> Stream:
        """Return the stream `path.name`; clock "trial" gives one draw a trial instead of one a step."""
        return self.streams.stream(f"{self.path}.{name}", clock)

    def taken(self) -> Callable[[Array], Array]:
        """Return the function through which a memory passes the action it chose.

        It gives the action back; in `engram.testing.play` it gives the recorded action instead.
        """
        path = f"{self.path}.taken"
        self.streams.taken.add(path)
        return lambda action: self.streams.recorded_at(path, action)

    def child(self, name: str) -> Context:
        """Return the context of a component held under the parameter `name` (or "name.key")."""
        return attrs.evolve(self, path=f"{self.path}.{name}")

    def zeros(self, *shape: int, dtype: str = "float") -> Array:
        """Return zeros of shape (batch, *shape)."""
        return alignment.zeros(self.xp, (self.batch, *shape), self.dtype if dtype == "float" else dtype)

    def events(self, *units: int) -> Events:
        """Return a field of events for so many units a replica, or for one place a replica."""
        return Events((self.batch, *units), self.streams.clock)

    def array(self, values: Any, dtype: str = "float") -> Array:
        """Return a copy of host values on the device, broadcast to (batch, ...) along a new first axis."""
        host = np.asarray(values, dtype=self.dtype if dtype == "float" else dtype)
        return alignment.copied(self.xp, np.broadcast_to(host, (self.batch, *host.shape)))

    def state(self, cls: type[S], *, sizes: Mapping[str, int] | None = None, **given: Any) -> S:
        """Build a state: arrays not `given` are zeros, and these and events have axes of these sizes.

        Args:
            cls: A class declared with `engram.state`.
            sizes: Length of each named axis.
            **given: Fields with values of their own (arrays, children, fixed things).

        Raises:
            EngramError: A field is not given and an axis of it has no size.
        """
        sizes = sizes or {}
        for field in attrs.fields(cls):  # type: ignore[arg-type]
            info = field.metadata[METADATA]
            if isinstance(info, ArrayField | EventsField) and field.name not in given:
                if missing := [axis for axis in info.axes if axis not in sizes]:
                    raise EngramError(f"{self.path}.{field.name}: give the size of its axis {missing[0]!r}")
                shape = [sizes[axis] for axis in info.axes]
                given[field.name] = (
                    self.zeros(*shape, dtype=info.dtype)
                    if isinstance(info, ArrayField)
                    else self.events(*shape)
                )
        state = cls(**given)
        contexts[state] = self
        return state

    def per_replica(self, component: Any) -> SimpleNamespace:
        """Return the component's parameters, the per-replica ones as (batch,) or (batch, n) arrays."""
        values = {}
        for name, info in parameters_of(type(component)).items():
            values[name] = getattr(component, name)
            if info.per_replica:
                host = self.values(component, name)
                values[name] = self.xp.asarray(
                    host.astype(self.dtype if host.dtype.kind == "f" else host.dtype)
                )
        return SimpleNamespace(**values)

    def values(self, component: Any, name: str) -> np.ndarray[Any, Any]:
        """Return one per-replica parameter on the host in full precision, (batch,) or (batch, n).

        For what `init` works out once, such as a number of steps from a duration.
        """
        value = getattr(component, name)
        given = np.asarray(self.overrides.get(f"{self.path}.{name}", value))
        return np.array(np.broadcast_to(given, (self.batch, *np.shape(value))))

    def signal(self, observation: Array, reward: Array | None = None, **flags: Array) -> Signal:
        """Build a signal; flags not given are: no start, no end, learning on, no outcome."""
        false = self.zeros(dtype="bool")
        return Signal(
            observation,
            **{
                "reward": self.zeros() if reward is None else reward,
                "start": false,
                "end": false,
                "truncated": false,
                "learn": ~false,
                "outcome": self.zeros(dtype="int8") - np.int8(1),
                **flags,
            },
        )


def scan(function: Callable[..., Any]) -> Scan:
    """Declare the body of one step of one replica as the `body` of a memory or a task."""
    return Scan(function)


class Component(abc.ABC):
    """What memories, synapses and tasks share: a registered name, frozen parameters, an explicit state."""

    __slots__ = ()
    name: ClassVar[str]


class Memory(Component):
    """What learns or remembers across steps."""

    __slots__ = ()
    body: ClassVar[Scan | None] = None

    @abc.abstractmethod
    def init(self, ctx: Context) -> Any:
        """Return the state of `ctx.batch` replicas."""

    def step(self, state: Any, signal: Signal) -> Array | None:
        """Take one signal, update `state` in place, return the action (batch, ...) or None."""
        if self.body is None:
            raise TypeError(f"{type(self).__name__} defines neither step nor body")
        return self.body.step(self, state, signal)


class Synapse(Component):
    """A plastic connection; activity is (batch, unit), or (batch, sample, unit) for shared weights."""

    __slots__ = ()

    @abc.abstractmethod
    def init(self, ctx: Context, n_pre: int, n_post: int) -> Any:
        """Return the state of a connection from `n_pre` to `n_post` units."""

    @abc.abstractmethod
    def propagate(self, state: Any, pre: Array) -> Array:
        """Return the input (batch, post) that the activity `pre` (batch, pre) causes."""

    @abc.abstractmethod
    def learn(self, state: Any, pre: Array, post: Array, modulator: Array) -> None:
        """Update the weights in place from activity and the modulator (batch,)."""


class Task(Component):
    """The environment: emits signals, takes actions."""

    __slots__ = ()
    body: ClassVar[Scan | None] = None

    @property
    @abc.abstractmethod
    def observation(self) -> Spec | Choice:
        """What this task shows."""

    @property
    @abc.abstractmethod
    def action(self) -> Spec | Choice | None:
        """What this task takes, None where it takes nothing."""

    @abc.abstractmethod
    def init(self, ctx: Context) -> Any:
        """Return the state of `ctx.batch` replicas."""

    def reset(self, state: Any) -> Signal:
        """Start all replicas, once, and return the first signal."""
        return self._scheduled(state)

    def step(self, state: Any, action: Array | None) -> Signal:
        """Take the action, update `state` in place, return the next signal."""
        if self.body is not None:
            signal: Signal = self.body.task_step(self, state, action)
            return signal
        return self._scheduled(state)

    def trial_steps(self, dt: float) -> tuple[int, int] | None:
        """Return the steps, of `dt` s, of the shortest and longest trial; None where that is not known."""
        return None

    def _scheduled(self, state: Any) -> Signal:
        if not hasattr(self, "schedule"):
            raise TypeError(f"{type(self).__name__} defines neither reset and step nor schedule")
        signals: Signal = self.schedule(state, 1)
        return signals.at(0)


ROLES: dict[str, type[Component]] = {"memory": Memory, "synapse": Synapse, "task": Task}


def role_of(component: Component) -> str:
    """Return "memory", "synapse" or "task"."""
    return next(role for role, cls in ROLES.items() if isinstance(component, cls))
