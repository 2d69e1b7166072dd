"""Drives one component with recorded inputs; how trajectories of other systems are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import attrs
import numpy as np

from ..components import Choice, Component, Context, Signal, Spec, Task, role_of
from ..declare import EventsField, Slot, components_of, slots_of
from ..exchange import check_state
from ..random import INIT_STEP, RESET_STEP, Streams
from ..rules.body import ready
from ..rules.sparse import SparseBuffer
from .device import DeviceArray, device

Host = np.ndarray[Any, Any]


def play(
    component: Component,
    inputs: Mapping[str, Any],
    *,
    batch: int = 1,
    dt: float = 1.0,
    dtype: str = "float64",
    start: Mapping[str, Any] | None = None,
    force: Mapping[str, Any] | None = None,
    draws: Mapping[str, Any] | None = None,
    actions: Any = None,
    record: tuple[str, ...] | None = None,
    every: int = 1,
    observation: Spec | Choice | None = None,
    action: Spec | Choice | None = None,
    seed: int = 0,
    trial_steps: int | None = None,
) -> dict[str, Host]:
    """Drive one component with recorded inputs.

    Args:
        component: A memory, synapse or task.
        inputs: Arrays with a leading time axis. Memory: the fields of a Signal by name, (time, batch, ...),
            "observation" required. Synapse: "pre" and, where it learns, "modulator" and optionally "post".
            Task: "action", or "steps" (an integer) where it takes none.
        batch: Number of replicas.
        dt: Length of a step in s.
        dtype: Precision.
        start: Initial values by path ("w", "hidden_output.w"), broadcast to (batch, ...).
        force: Values written before each step, (time, batch, ...).
        draws: Recorded draws by stream name, (time, batch, ...), NaN (or -1) where unused.
        actions: Actions taken in place of the chosen ones, (time, batch, ...); see `Context.taken`.
        record: Paths to return, all arrays if None.
        every: Return every so many steps, the first after step `every` - 1.
        observation: What the task shows; guessed from the inputs if None.
        action: What the task takes; if None a Spec of the observation's shape, or nothing where the body of
            the memory takes no action.
        seed: Root of draws that are not recorded.
        trial_steps: Steps of the longest trial, as a memory learns them of its task; a task says them itself.

    Returns:
        Arrays (rows, batch, ...) by path: the state after each step, the events of the step as a mask,
        "action" of a memory, "post" of a synapse, the fields of the signal of a task.

    Raises:
        ValueError: A path or an input does not exist.
    """
    steps = _length(inputs)
    table = {name: np.asarray(values) for name, values in inputs.items() if name != "steps"}
    if observation is None and "observation" in table:
        observation = Spec(shape=table["observation"].shape[2:])
    world: dict[str, Any] = {"observation": observation, "action": action, "trial_steps": trial_steps}
    driver = Driver(component, batch, np.dtype(dtype), dt=dt, seed=seed, sizes=table, **world)
    driver.recorded(draws or {}, actions)
    driver.write(start or {})
    return _rows(driver, steps, table, force or {}, record, every)


def _rows(
    driver: Driver,
    steps: int,
    table: Mapping[str, Host],
    force: Mapping[str, Any],
    record: tuple[str, ...] | None,
    every: int,
) -> dict[str, Host]:
    rows: dict[str, list[Host]] = {}
    for step in range(steps):
        driver.write({path: np.asarray(values)[step] for path, values in force.items()})
        made = driver.step(step, {name: values[step] for name, values in table.items()})
        if (step + 1) % every == 0:
            for path, value in driver.arrays(made, record):
                rows.setdefault(path, []).append(np.array(value))
    return {path: np.stack(values) for path, values in rows.items()}


def _length(inputs: Mapping[str, Any]) -> int:
    if "steps" in inputs:
        return int(inputs["steps"])
    lengths = {name: len(values) for name, values in inputs.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"inputs must have the same number of steps, not {lengths}")
    return next(iter(lengths.values()))


def _acts(component: Component) -> bool:
    body = getattr(component, "body", None)
    return body is None or "action" in body.arguments


class Driver:
    """One component with its state, stepped by hand.

    Args:
        component: A memory, synapse or task.
        batch: Number of replicas.
        dtype: Precision.
        replicas: Global numbers, 0 .. batch - 1 if None.
        xp: numpy, cupy or the strict stand-in.
        sizes: Inputs from which a synapse's numbers of units are read.
        trial_steps: Steps of the longest trial; a task says them itself.
    """

    def __init__(
        self,
        component: Component,
        batch: int,
        dtype: np.dtype[Any],
        *,
        dt: float = 1.0,
        seed: int = 0,
        replicas: Any = None,
        xp: Any = np,
        observation: Spec | Choice | None = None,
        action: Spec | Choice | None = None,
        sizes: Mapping[str, Host] | None = None,
        trial_steps: int | None = None,
    ) -> None:
        self.component = component
        self.xp = xp
        self.role = role_of(component)
        ids = np.arange(batch) if replicas is None else np.asarray(replicas)
        self.streams = Streams(seed, ids, xp, dtype)
        if isinstance(component, Task):
            observation, action = component.observation, component.action
            trial_steps = (component.trial_steps(dt) or (None, None))[1]
        elif action is None and observation is not None and _acts(component):
            action = Spec(shape=observation.shape)
        self.observation, self.action = observation, action
        self.context = Context(
            xp=xp, batch=batch, replicas=ids, dtype=dtype, dt=dt, observation=observation, action=action,
            path=self.role, streams=self.streams, trial_steps=trial_steps,
        )  # fmt: skip
        self.streams.clock.step = INIT_STEP
        units = (sizes["pre"].shape[-1], _posts(sizes)) if self.role == "synapse" and sizes else ()
        self.state = component.init(self.context, *units)  # type: ignore[attr-defined]
        self.slots: list[Slot] = list(slots_of(self.state, self.role))
        self.buffers = [slot.value for slot in self.slots]
        self.happenings: list[Slot] = list(slots_of(self.state, self.role, EventsField))
        check_state([*self.slots, *self.happenings], batch, dtype)
        parts = {f"{self.role}.{path}": part for path, _, part in components_of(component)}
        ready({self.role: component, **parts}, self.slots)
        self.events = self._buffer()
        self.signal: Signal | None = None
        if isinstance(component, Task):
            self.streams.clock.step = RESET_STEP
            self.signal = component.reset(self.state)

    def _buffer(self) -> SparseBuffer:
        """Return what takes the events of a step, bound to the fields."""
        to_host = np.array if self.xp in (np, device) else self.xp.asnumpy
        buffer = SparseBuffer(self.xp, to_host, (slot.value.shape for slot in self.happenings), steps=1)
        for source, slot in enumerate(self.happenings):
            slot.value.path, slot.value.source, slot.value.buffer = slot.path, source, buffer
        return buffer

    def recorded(self, draws: Mapping[str, Any], actions: Any) -> None:
        """Put recorded draws and actions in place of streams and choices."""
        prefix = f"{self.role}."
        table = {
            prefix + name.removeprefix(prefix): self._cast(np.asarray(values))
            for name, values in draws.items()
        }
        missing = sorted(set(table) - set(self.streams.streams))
        if missing:
            known = ", ".join(name.removeprefix(prefix) for name in sorted(self.streams.streams)) or "none"
            raise ValueError(f"no stream named {missing[0].removeprefix(prefix)!r}; known: {known}")
        if actions is not None:
            if f"{self.role}.taken" not in self.streams.taken:
                raise ValueError(
                    "this component does not pass its action through ctx.taken(): it cannot be forced"
                )
            table[f"{self.role}.taken"] = np.asarray(actions)
        self.streams.recorded.update(table)

    def write(self, values: Mapping[str, Any]) -> None:
        """Write state arrays by path, broadcast to (batch, ...)."""
        self._settle_work()
        for path, value in values.items():
            slot = next((s for s in self.slots if s.path == f"{self.role}.{path}"), None)
            if slot is None:
                known = ", ".join(s.path.partition(".")[2] for s in self.slots)
                raise ValueError(f"no state array {path!r}; known: {known}")
            slot.value[...] = self.xp.asarray(value)

    def step(self, step: int, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Take one step with inputs (batch, ...) by name; return what it gave besides the state."""
        return self.step_given(step, self.given(inputs))

    def step_given(self, step: int, given: dict[str, Any]) -> dict[str, Any]:
        """As `step`, with inputs that are on the device already."""
        self.streams.clock.step = step
        self.events.make_room()
        with self.xp.stepping() if self.xp is device else nullcontext():
            made: dict[str, Any] = getattr(self, f"_{self.role}")(given)
            self._settle()
        return {**self._masks(step), **made}

    def _masks(self, step: int) -> dict[str, Any]:
        """Return the events of the step as masks (batch, ...) on the host, by path."""
        _, source, replica, unit = self.events.take(step + 1)
        masks = {}
        for index, slot in enumerate(self.happenings):
            mask = np.zeros(slot.value.shape, dtype=bool)
            own = source == index
            mask.reshape(len(mask), -1)[replica[own], unit[own]] = True
            masks[slot.path.partition(".")[2]] = mask
        return masks

    def given(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs as the component gets them: on the device, in the run's precision."""
        return {name: self.xp.asarray(self._cast(np.array(value))) for name, value in inputs.items()}

    def _cast(self, value: Host) -> Host:
        return value.astype(self.context.dtype) if value.dtype.kind == "f" else value

    def _seen(self, given: dict[str, Any]) -> Signal:
        """The signal that a memory gets."""
        flags = {
            k: v.astype(np.int8 if k == "outcome" else bool)
            for k, v in given.items()
            if k not in ("observation", "reward")
        }
        reward = given.get("reward")
        if reward is not None:
            reward = reward.astype(self.context.dtype)
        return self.context.signal(given["observation"], reward, **flags)

    def _memory(self, given: dict[str, Any]) -> dict[str, Any]:
        signal = self._seen(given)
        self.streams.clock.trial = self.streams.clock.trial + signal.start
        self.streams.clock.version += 1
        action = self.component.step(self.state, signal)  # type: ignore[attr-defined]
        return {} if action is None else {"action": action}

    def _synapse(self, given: dict[str, Any]) -> dict[str, Any]:
        synapse: Any = self.component
        post = synapse.propagate(self.state, given["pre"])
        if "modulator" in given:
            synapse.learn(self.state, given["pre"], given.get("post", post), given["modulator"])
        return {"post": post}

    def _task(self, given: dict[str, Any]) -> dict[str, Any]:
        assert self.signal is not None
        self.streams.clock.trial = self.streams.clock.trial + self.signal.start
        self.streams.clock.version += 1
        self.signal = signal = self.component.step(self.state, given.get("action"))  # type: ignore[attr-defined]
        return {field.name: getattr(signal, field.name) for field in attrs.fields(Signal)}

    def _settle_work(self) -> None:
        """Let states do the work that they put off."""
        for holder in {slot.holder for slot in self.slots if hasattr(slot.holder, "settle")}:
            holder.settle()

    def _settle(self) -> None:
        for slot, buffer in zip(self.slots, self.buffers, strict=True):
            value = slot.value
            if value is not buffer:
                found, wanted = (value.shape, value.dtype), (buffer.shape, buffer.dtype)
                assert found == wanted, f"{slot.path}: was replaced by {found}, but is {wanted}"
                buffer[...] = value
                setattr(slot.holder, slot.name, buffer)

    def arrays(
        self, made: Mapping[str, Any], record: tuple[str, ...] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Yield (path, array) of the state and of what the step gave."""
        self._settle_work()
        everything = {slot.path.partition(".")[2]: slot.value for slot in self.slots}
        everything.update(made)
        for path in record or everything:
            if path not in everything:
                raise ValueError(f"nothing to record at {path!r}; known: {', '.join(everything)}")
            value = everything[path]
            yield path, value.view(np.ndarray) if isinstance(value, DeviceArray) else value


def _posts(sizes: Mapping[str, Host]) -> int:
    return int(sizes["post"].shape[-1] if "post" in sizes else sizes["pre"].shape[-1])
