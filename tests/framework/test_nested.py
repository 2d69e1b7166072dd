"""Components that hold components: where they are looked up, what they are called, what is kept of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Context, Signal
from engram.plugins import Registry
from engram.recipe import Recipe

Make = Callable[..., Recipe]


@engram.state
class WeightState:
    w: Array = engram.array("pre", "post", doc="weights", record=True)
    rate: Array = engram.fixed()


@engram.parameters
class Growing(engram.Synapse):
    """Grows by its rate."""

    name = "growing"
    rate: float = engram.param(default=1.0, doc="growth in a step", per_replica=True)

    def init(self, ctx: Context, n_pre: int, n_post: int) -> WeightState:
        return ctx.state(
            WeightState, sizes={"pre": n_pre, "post": n_post}, rate=ctx.per_replica(self).rate[:, None, None]
        )

    def propagate(self, state: WeightState, pre: Array) -> Array:
        return (pre[:, :, None] * state.w).sum(axis=1)

    def learn(self, state: WeightState, pre: Array, post: Array, modulator: Array) -> None:
        state.w += state.rate


@engram.state
class NetState:
    synapse: Any = engram.child()
    layers: Any = engram.child()


@engram.parameters
class Net(engram.Memory):
    """Holds one synapse, and a table of more."""

    name = "net"
    synapse: engram.Synapse = engram.component("synapse", default="growing")
    layers: dict[str, engram.Synapse] = engram.component("synapse", default="growing", many=True)

    def init(self, ctx: Context) -> NetState:
        layers = {name: item.init(ctx.child(f"layers.{name}"), 2, 2) for name, item in self.layers.items()}
        return ctx.state(NetState, synapse=self.synapse.init(ctx.child("synapse"), 3, 2), layers=layers)

    def step(self, state: NetState, signal: Signal) -> Array:
        post = self.synapse.propagate(state.synapse, signal.observation)
        for held, item in (
            (self.synapse, state.synapse),
            *((self.layers[n], s) for n, s in state.layers.items()),
        ):
            held.learn(item, post, post, signal.reward)
        return post.argmax(axis=1)


class NetPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Net]

    @engram.hookimpl
    def register_synapses(self) -> list[type[engram.Synapse]]:
        return [Growing]


@pytest.fixture
def net(make: Make, plugins: Registry) -> Callable[..., Recipe]:
    """Resolve a recipe of the network with this table of layers."""
    plugins.register(NetPlugin(), "net")

    def resolved(layers: dict[str, Any], **replaced: Any) -> Recipe:
        memory = {"use": "net", "layers": layers}
        return make("run.steps=2", memory=memory, record={"every": 1}, **replaced)

    return resolved


def test_a_default_component_comes_from_the_plugins_of_the_recipe(net: Callable[..., Recipe]) -> None:
    assert net({}).memory.synapse == Growing()  # type: ignore[attr-defined]


def test_every_component_of_a_table_is_swept_recorded_and_kept_under_its_own_name(
    net: Callable[..., Recipe], tmp_path: Path
) -> None:
    layers = {"first": {}, "zweite Schicht": {"rate": 3.0}, "größte": {}}
    sweep = {"memory.layers.größte.rate": [5.0, 7.0]}
    (path,) = engram.run(net(layers, sweep=sweep), out=tmp_path / "run.h5")
    with engram.open(path) as run:
        growth = {name: run[f"memory.layers.{name}.w"][0, ::3, 0, 0].tolist() for name in layers}
        assert growth == {"first": [1, 1], "zweite Schicht": [3, 3], "größte": [5, 7]}
        np.testing.assert_array_equal(run.final("memory.layers.first.w"), np.full((6, 2, 2), 2.0))
        assert run["memory.synapse.w"].shape == (2, 6, 3, 2)
