"""A network of spiking layers whose connections learn from a modulator.

In step k, with the modulator m(k) of the signal, which holds what the spikes of step k - 1 earned:

    each connection  passes the spikes of step k - 1 on                   (1)
                     learns from them and from m(k)                       (2)
    each layer       takes the sum of what reaches it and fires           (3)

A spike so acts on the next layer one step later, and a weight w(k) = w(k - 1) + gamma m(k) z(k - 1) follows
Florian 2007, Neural Computation 19:1468, equation by equation, whatever synapse is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import engram
from engram import Array, Choice, Context, RecipeError, Signal, Synapse

from .layer import Layer
from .modulator import Modulator


@engram.state
class NetworkState:
    """A spiking network."""

    layers: dict[str, Any] = engram.child()
    connections: dict[str, Any] = engram.child()
    modulator: Any = engram.child()
    count: Array = engram.array("output", doc="spikes of the output layer in this trial")
    ctx: Context = engram.fixed()
    routes: dict[str, tuple[str, str]] = engram.fixed()
    silence: dict[str, Array] = engram.fixed()
    taken: Callable[[Array], Array] = engram.fixed()


@engram.parameters
class SpikingNetwork(engram.Memory):
    """Named layers, plastic connections between them, and a modulator.

    A connection bears the names of the layers that it joins: `hidden_output` goes from `hidden` to `output`,
    `hidden_hidden` is recurrent.
    """

    name = "spiking-network"

    layers: dict[str, Layer] = engram.param(doc="layers by name")
    connections: dict[str, Synapse] = engram.component(
        "synapse", many=True, doc="connections, each named FROM_TO after the layers that it joins"
    )
    modulator: Modulator = engram.param(default=Modulator(), doc="what the connections learn from")
    output: str = engram.param(default="output", doc="layer whose spikes are the action")
    readout: Literal["spikes", "counts"] = engram.param(
        default="spikes",
        doc="the action: spikes of this step, or of the trial so far; of a choice the unit with most",
    )
    plasticity: float = engram.param(
        default=1.0, doc="factor of the modulator: 0 freezes the weights", per_replica=True
    )
    rate_tau: float = engram.param(default=0.1, gt=0, unit="s", doc="time constant of the recorded rates")

    def check(self) -> None:
        """Names fit together."""
        if self.output not in self.layers:
            raise ValueError(f"output: there is no layer {self.output!r}; layers: {', '.join(self.layers)}")
        for key in self.connections:
            self.route(key)

    def route(self, key: str) -> tuple[str, str]:
        """Return the names of the layers that a connection goes from and to.

        Raises:
            ValueError: The name is not that of two layers, or the second sees the task.
        """
        names = [(pre, post) for pre in self.layers for post in self.layers if f"{pre}_{post}" == key]
        if len(names) != 1:
            raise ValueError(
                f"connections.{key}: name it FROM_TO after two layers of {', '.join(self.layers)}"
            )
        if self.layers[names[0][1]].cells is None:
            raise ValueError(f"connections.{key}: {names[0][1]!r} is an input layer and takes no connection")
        return names[0]

    def init(self, ctx: Context) -> NetworkState:
        """Return a silent network."""
        layers = {
            name: layer.init(ctx.child(f"layers.{name}"), self.rate_tau)
            for name, layer in self.layers.items()
        }
        units = {name: state.spikes.shape[1] for name, state in layers.items()}
        self._check_action(ctx, units[self.output])
        routes = {key: self.route(key) for key in self.connections}
        return ctx.state(
            NetworkState,
            sizes={"output": units[self.output]},
            layers=layers,
            connections={
                key: synapse.init(ctx.child(f"connections.{key}"), *(units[name] for name in routes[key]))
                for key, synapse in self.connections.items()
            },
            modulator=self.modulator.init(ctx.child("modulator"), ctx.per_replica(self).plasticity),
            ctx=ctx,
            routes=routes,
            silence={name: ctx.zeros(number) for name, number in units.items()},
            taken=ctx.taken(),
        )

    def _check_action(self, ctx: Context, units: int) -> None:
        action = ctx.action
        wanted = None if action is None else (action.n,) if isinstance(action, Choice) else action.shape
        if wanted is not None and wanted != (units,):
            raise RecipeError(
                f"{ctx.path}.layers.{self.output}: has {units} units, the task takes {wanted}; change units"
            )

    def step(self, state: NetworkState, signal: Signal) -> Array | None:
        """Equations (1) to (3); returns the spikes (batch, output), their counts, or the choice (batch,)."""
        modulator = self.modulator.step(state.modulator, signal)
        current = self._passed_on(state, modulator)
        for name, layer in self.layers.items():
            layer.step(state.layers[name], current.get(name, state.silence[name]), signal)
        return state.taken(self._action(state, signal)) if state.ctx.action is not None else None

    def _passed_on(self, state: NetworkState, modulator: Array) -> dict[str, Array]:
        """Equations (1) and (2): the input (batch, unit) of each layer that a connection reaches."""
        current: dict[str, Array] = {}
        for key, synapse in self.connections.items():
            own, (source, target) = state.connections[key], state.routes[key]
            pre, post = state.layers[source].spikes, state.layers[target].spikes
            passed = _advance(synapse, own, pre, post, modulator)
            current[target] = current[target] + passed if target in current else passed
        return current

    def _action(self, state: NetworkState, signal: Signal) -> Array:
        spikes = state.layers[self.output].spikes
        if self.readout == "spikes" and not isinstance(state.ctx.action, Choice):
            return spikes
        state.count[...] = state.count * ~signal.start[:, None] + spikes
        return state.count.argmax(axis=1) if isinstance(state.ctx.action, Choice) else state.count


def _advance(synapse: Any, state: Any, pre: Array, post: Array, modulator: Array) -> Array:
    """Equations (1) and (2) of one connection, in one pass over the weights where the synapse offers that."""
    if hasattr(synapse, "advance"):
        return synapse.advance(state, pre, post, modulator)
    passed = synapse.propagate(state, pre)
    synapse.learn(state, pre, post, modulator)
    return passed
