"""A network of spiking layers whose connections learn from a modulator.

In step k, with the modulator m(k) of the signal, which holds what the spikes of step k - 1 earned:

    each connection  passes the spikes of step k - 1 on                   (1)
                     learns from them and from m(k)                       (2)
    each layer       takes the sum of what reaches it and fires           (3)

A spike so acts on the next layer one step later, and a weight w(k) = w(k - 1) + gamma m(k) z(k - 1) follows
Florian 2007, Neural Computation 19:1468, equation by equation, whatever synapse is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import attrs

import engram
from engram import Array, Choice, Context, Memory, RecipeError, Signal, Synapse

from .modulator import Modulated, Modulator


@engram.state
class NetworkState(Modulated):
    """A spiking network."""

    layers: dict[str, Any] = engram.child()
    connections: dict[str, Any] = engram.child()
    count: Array = engram.array("output", doc="spikes of the output layer in this trial")
    gain: Array = engram.fixed(per_replica=True)
    routes: dict[str, tuple[str, str]] = engram.fixed()
    taken: Callable[[Array], Array] = engram.fixed()
    acts: Literal["choice", "number", "none"] = engram.fixed()


@engram.parameters
class SpikingNetwork(engram.Memory):
    """Named layers, plastic connections between them, and a modulator.

    A layer is a memory whose state has `spikes` (batch, unit). One that no connection reaches sees what the
    task shows. A connection bears the names of the layers that it joins: `hidden_output` goes from `hidden`
    to `output`, `hidden_hidden` is recurrent. Where nothing may be learnt, its modulator is 0, and so is the
    `learning_mask` that its state may have.
    """

    name = "spiking-network"

    layers: dict[str, Memory] = engram.component(
        "memory", many=True, doc="layers of cells, and input layers, by name"
    )
    connections: dict[str, Synapse] = engram.component(
        "synapse", many=True, doc="connections, each named FROM_TO after the layers that it joins"
    )
    modulator: Modulator = engram.param(default=Modulator(), doc="what the connections learn from")
    output: str = engram.param(default="output", doc="layer whose spikes are the action")
    readout: Literal["spikes", "counts"] = engram.param(
        default="spikes",
        doc="the action: spikes of the step, or of the trial so far; a choice takes the most",
    )
    plasticity: float = engram.param(
        default=1.0, gt=-math.inf, lt=math.inf, per_replica=True,
        doc="factor of the modulator; 0 freezes all connections",
    )  # fmt: skip

    def check(self) -> None:
        """Names fit together, and no connection wants several samples."""
        if self.output not in self.layers:
            known = ", ".join(self.layers) or "none"
            raise ValueError(f"output: there is no layer {self.output!r}; layers: {known}")
        for key, synapse in self.connections.items():
            self.route(key)
            if getattr(synapse, "samples", 1) != 1:
                raise ValueError(f"connections.{key}.samples: a replica is one sample; leave it at 1")

    def route(self, key: str) -> tuple[str, str]:
        """Return the names of the layers that a connection goes from and to.

        Raises:
            ValueError: Its name is not that of two layers.
        """
        names = [(pre, post) for pre in self.layers for post in self.layers if f"{pre}_{post}" == key]
        if len(names) != 1:
            known = ", ".join(self.layers)
            raise ValueError(f"connections.{key}: name it FROM_TO after two layers of {known}")
        return names[0]

    def init(self, ctx: Context) -> NetworkState:
        """Return a silent network.

        Raises:
            RecipeError: A layer has no spikes, or the output layer has not the units that the task takes.
        """
        routes = {key: self.route(key) for key in self.connections}
        layers = self._layers(ctx, {target for _, target in routes.values()})
        if silent := [name for name, state in layers.items() if not hasattr(state, "spikes")]:
            used = type(self.layers[silent[0]]).name
            raise RecipeError(f"{ctx.path}.layers.{silent[0]}: {used!r} is no layer of cells; use 'lif'")
        units = {name: state.spikes.shape[1] for name, state in layers.items()}
        return ctx.state(
            NetworkState,
            sizes={"output": units[self.output], "stimulus": self.modulator.stimuli},
            layers=layers,
            connections={
                key: synapse.init(ctx.child(f"connections.{key}"), *(units[name] for name in routes[key]))
                for key, synapse in self.connections.items()
            },
            gain=ctx.per_replica(self).plasticity,
            routes=routes,
            taken=ctx.taken(),
            acts=self._acts(ctx, units[self.output]),
            **self.modulator.fields(ctx),
        )

    def _layers(self, ctx: Context, reached: set[str]) -> dict[str, Any]:
        return {
            name: layer.init(
                attrs.evolve(
                    ctx.child(f"layers.{name}"),
                    observation=None if name in reached else ctx.observation,
                    action=None,
                )
            )
            for name, layer in self.layers.items()
        }

    def _acts(self, ctx: Context, units: int) -> Literal["choice", "number", "none"]:
        if ctx.action is None:
            return "none"
        choice = isinstance(ctx.action, Choice)
        wanted = (ctx.action.n,) if isinstance(ctx.action, Choice) else ctx.action.shape
        if wanted != (units,):
            raise RecipeError(
                f"{ctx.path}.layers.{self.output}: has {units} units, the task takes {wanted}; change units"
            )
        return "choice" if choice else "number"

    def step(self, state: NetworkState, signal: Signal) -> Array | None:
        """Equations (1) to (3); returns the spikes (batch, output), their counts, or the choice (batch,)."""
        self.modulator.step(state, signal)
        learning = signal.learn & (state.gain != 0)
        current = self._passed_on(state, state.modulator * state.gain * learning, learning)
        for name, layer in self.layers.items():
            layer.step(state.layers[name], _shown(signal, current[name]) if name in current else signal)
        return None if state.acts == "none" else state.taken(self._action(state, signal))

    def _passed_on(self, state: NetworkState, modulator: Array, learning: Array) -> dict[str, Array]:
        """Equations (1) and (2): the input (batch, unit) of each layer that a connection reaches."""
        current: dict[str, Array] = {}
        for key, synapse in self.connections.items():
            source, target = state.routes[key]
            pre, post = state.layers[source].spikes, state.layers[target].spikes
            own = state.connections[key]
            if hasattr(own, "learning_mask"):
                own.learning_mask[...] = learning
            passed = _advance(synapse, own, pre, post, modulator)
            current[target] = current[target] + passed if target in current else passed
        return current

    def _action(self, state: NetworkState, signal: Signal) -> Array:
        spikes = state.layers[self.output].spikes
        if self.readout == "spikes" and state.acts == "number":
            return spikes
        state.count[...] = state.count * ~signal.start[:, None] + spikes
        return state.count.argmax(axis=1) if state.acts == "choice" else state.count


def _shown(signal: Signal, current: Array) -> Signal:
    return Signal(
        current, signal.reward, signal.start, signal.end, signal.truncated, signal.learn, signal.outcome
    )


def _advance(synapse: Any, state: Any, pre: Array, post: Array, modulator: Array) -> Array:
    """Equations (1) and (2) of one connection, in one pass over the weights where the synapse offers that."""
    if hasattr(synapse, "advance"):
        passed: Array = synapse.advance(state, pre, post, modulator)
        return passed
    passed = synapse.propagate(state, pre)
    synapse.learn(state, pre, post, modulator)
    return passed
