"""Drives the body of one component as compiled code, to be compared with array code."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from ..backend import NO_NUMBA, has_numba
from ..components import Choice, Component, Context, Memory, Scan, Spec
from ..declare import array, parameters, state
from ..rules import cache
from ..rules.body import SIGNAL, Bound
from ..rules.loop import Loop, Target
from ..rules.weave import Weave
from .playback import Driver


@state
class _Given:
    plan: Any = array(doc="the action that is to be taken")


@parameters
class _Player(Memory):
    """Takes the action that it is given, so that a task alone can be woven."""

    name = "player"

    def init(self, ctx: Context) -> _Given:
        space = ctx.action
        shape, dtype = (space.shape, space.dtype) if space is not None else ((), "float")
        return ctx.state(_Given, plan=ctx.zeros(*shape, dtype=dtype))


def _nothing(plan: Any) -> None:
    pass


def _number(plan: Any, action: Any) -> None:
    action = plan  # noqa: F841  (what a body passes on)


def _row(plan: Any, action: Any) -> None:
    for place in range(len(plan)):
        action[place] = plan[place]


def _table(plan: Any, action: Any) -> None:
    for place in range(len(plan)):
        for column in range(len(plan[place])):
            action[place, column] = plan[place, column]


def _playing(action: Spec | Choice | None) -> Scan:
    return Scan(_nothing if action is None else (_number, _row, _table)[len(action.shape)])


class CompiledDriver(Driver):
    """One component whose body is stepped as compiled code.

    Args:
        component: A memory, or a task of at most two axes of action, with a body.
        batch: Number of replicas.
        dtype: Precision.
        target: "numba", or "host": the text for GPUs, compiled by the system's C compiler.
        side_by_side: On the host: lay replicas out as on a GPU.
        **options: As for `Driver`.
    """

    def __init__(
        self,
        component: Component,
        batch: int,
        dtype: np.dtype[Any],
        *,
        target: Target,
        side_by_side: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(component, batch, dtype, **options)
        body: Scan = component.body  # type: ignore[attr-defined]
        self._bodies: dict[str, tuple[Bound, Any]] = {}
        if self.role == "task":
            context = attrs.evolve(self.context, path="player")
            given = (player := _Player()).init(context)
            self._bodies["m_"] = _playing(self.action).bound(player, given, "memory"), given
            self._bodies["t_"] = body.bound(component, self.state, "task"), self.state
            self.streams.clock.trial += self.signal.start  # type: ignore[union-attr]
        else:
            self._bodies["m_"] = body.bound(component, self.state, "memory"), self.state
        counts = self.streams.by_trial
        bounds = [bound for bound, _ in self._bodies.values()]
        weave = Weave(
            bounds[0], bounds[1] if bounds[1:] else None, [], trials=False, counts=counts, freezing=False
        )
        self._ports = weave.ports
        self._loop = Loop(weave, target, self.xp, side_by_side)

    def _memory(self, given: dict[str, Any]) -> dict[str, Any]:
        signal = self._seen(given)
        arrays = self._run({name: getattr(signal, name)[None] for name in SIGNAL})
        return {"action": arrays["action_"][0]} if "action" in self._bodies["m_"][0].sources else {}

    def _task(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.action is not None:
            self._bodies["m_"][1].plan[...] = given["action"]
        arrays = self._run({name: np.array(getattr(self.signal, name)) for name in SIGNAL})
        made = {name: arrays[f"s_{name}_"] for name in SIGNAL}
        self.signal = self.context.signal(**made)
        return made

    def _run(self, signal: dict[str, Any]) -> dict[str, Any]:
        """Take one step; returns the arrays by the names of their ports."""
        arrays = {f"s_{name}_": np.ascontiguousarray(value) for name, value in signal.items()}
        arrays |= {"ids_": self.streams.ids, "trials_": self.streams.clock.trial}
        for port in self._ports:
            if port.name == "action_":
                assert self.action is not None
                lead = (1,) if port.lead == "step" else ()
                arrays["action_"] = np.zeros(
                    (*lead, self.context.batch, *self.action.shape), dtype=port.dtype
                )
            elif port.name not in arrays:
                bound, state = self._bodies[port.name[:2]]
                arrays[port.name] = bound.array(port.name[2:-1], state)
        numbers = (self.streams.clock.step, 1, 0, self.context.batch)
        self._loop(arrays, numbers, self.streams.key)
        return arrays


def obstacle(target: Target) -> str | None:
    """Say why a target cannot be used here, or return None."""
    if target == "numba":
        return None if has_numba() else NO_NUMBA
    return None if cache.c_compiler() is not None else "no C compiler was found"
