"""Every mistake is one line that says where, what, and what to do."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import engram
from engram import EngramError, InvalidParameters, PluginError, RecipeError, Spec
from engram.plugins import Registry
from engram.testing import Case, play
from engram_stdp import (
    MSTDP,
    MSTDPET,
    DrivenSynapse,
    Exponential,
    Initialiser,
    SpikeProtocol,
    Static,
    TraceSTDP,
)

CONSTANT = Initialiser(distribution="constant", value=1.5)
MISTAKES = [
    (MSTDPET, {"tau_plus": -0.02}, "mstdp-et.tau_plus: must be > 0, not -0.02"),
    (MSTDPET, {"tau_eligibility": 0.0}, "mstdp-et.tau_eligibility: must be > 0, not 0"),
    (TraceSTDP, {"tau_minus": -0.02}, "trace-stdp.tau_minus: must be > 0, not -0.02"),
    (MSTDP, {"tau_weight": -1.0}, "mstdp.tau_weight: must be >= 0, not -1"),
    (Exponential, {"tau": -1.0}, "exponential.tau: must be > 0, not -1"),
    (MSTDP, {"learning_rate": float("nan")}, "mstdp.learning_rate: must be a number, not nan"),
    (MSTDP, {"a_plus": float("inf")}, "mstdp.a_plus: must be < inf, not inf"),
    (MSTDP, {"bound": (0.0, float("nan"))}, "mstdp.bound[1]: must be a number, not nan"),
    (MSTDP, {"bound": (0.0, 0.5)}, "bound ends at 0.5, below the greatest initial weight 0.8; move either"),
    (MSTDP, {"bound": (0.1, 1.0)}, "bound begins at 0.1, above the least initial weight 0.025; move either"),
    (TraceSTDP, {"initial": CONSTANT}, "bound ends at 1, below the greatest initial weight 1.5; move either"),
    (
        MSTDP,
        {"initial": Initialiser(smallest=2.0, largest=3.0)},
        "bound ends at 1, below the greatest initial weight 2",
    ),
    (MSTDP, {"bound": (1.0, 0.0)}, "bound = [1, 0]: the first must be at most the second, both finite"),
    (MSTDP, {"signs": ()}, "signs: names none"),
    (MSTDP, {"signs": (2,)}, "mstdp.signs: must be one of -1, 1, not 2"),
    (Static, {"connection_probability": 1.2}, "static.connection_probability: must be <= 1, not 1.2"),
    (Initialiser, {"low": 1.0, "high": 0.0}, "low = 1 must be at most high = 0, both finite"),
    (Initialiser, {"smallest": 1.0, "largest": 0.0}, "smallest = 1 must be at most largest = 0"),
    (SpikeProtocol, {"pre": ((0.3,),)}, "a spike or a reward at 0.3 s lies outside 0 to 0.2 s"),
    (SpikeProtocol, {"post": ((float("nan"),),)}, "spike-protocol.post[0][0]: must be a number, not nan"),
    (SpikeProtocol, {"reward": ((0.0, float("inf")),)}, "reward: must be finite"),
    (SpikeProtocol, {"pre": ()}, "pre and post must have at least one unit each"),
]


@pytest.mark.parametrize(("kind", "given", "text"), MISTAKES)
def test_a_wrong_parameter_is_named(kind, given, text):
    with pytest.raises(InvalidParameters, match=re.escape(text)) as error:
        kind(**given)

    assert "\n" not in str(error.value)


def spikes(pre: int, post: int) -> dict[str, Any]:
    return {"pre": np.zeros((1, 1, pre)), "post": np.zeros((1, 1, post)), "modulator": np.zeros((1, 1))}


def test_delays_for_another_number_of_inputs_are_refused():
    with pytest.raises(EngramError, match=r"synapse.delay_steps: lists 2 delays for 3 inputs; give one each"):
        play(Static(delay_steps=(1, 2)), spikes(3, 2))


def test_a_listed_delay_of_no_step_is_refused():
    with pytest.raises(
        EngramError, match=r"synapse.delay_steps: a listed delay is 1 or more; leave them out"
    ):
        play(Static(delay_steps=(1, 0)), spikes(2, 2))


def test_activity_of_another_width_than_the_weights_is_refused():
    synapse = MSTDP()
    state = Case(synapse, units=(3, 2)).driver(1, dtype="float64").state

    with pytest.raises(EngramError, match="rule 'forward'"):
        synapse.propagate(state, np.zeros((1, 4)))


def test_a_connection_without_presynaptic_units_is_refused():
    memory = DrivenSynapse(outputs=2)
    with pytest.raises(EngramError, match=r"memory.outputs: 2 of 2 units leave no presynaptic ones"):
        play(memory, {"observation": np.zeros((1, 1, 2))}, observation=Spec(shape=(2,)))


def test_an_observation_that_is_no_row_is_refused():
    with pytest.raises(EngramError, match=r"memory: takes a row of spikes, \(unit,\)"):
        play(DrivenSynapse(), {"observation": np.zeros((1, 1, 2, 2))})


def test_a_synapse_that_wants_several_samples_is_refused_before_the_first_step():
    with pytest.raises(RecipeError, match=r"memory.synapse.samples: a replica is shown one sample; leave it"):
        play(DrivenSynapse(synapse=MSTDP(samples=2)), {"observation": np.zeros((1, 1, 2))})


@engram.state
class GivenState:
    synapse: Any = engram.child()


@engram.parameters
class NanTrace(engram.Memory):
    """Gives a trace that is no number to the second replica."""

    name = "nan-trace"
    synapse: engram.Synapse = engram.component("synapse", default="mstdp-et", doc="connection")

    def init(self, ctx: engram.Context) -> GivenState:
        return ctx.state(GivenState, synapse=self.synapse.init(ctx.child("synapse"), 1, 1))

    def step(self, state: GivenState, signal: engram.Signal) -> None:
        state.synapse.pre_trace[1:] = float("nan")
        spikes = signal.observation
        self.synapse.learn(state.synapse, spikes[:, :1], spikes[:, 1:], signal.reward)


@pytest.fixture
def strange():
    class Plugin:
        @staticmethod
        @engram.hookimpl
        def register_memories():
            return [NanTrace]

    known = Registry()
    known.register(Plugin(), "strange")
    return known


@pytest.mark.parametrize(
    ("learning", "reward", "name"),
    [
        ({}, 1.0, "w"),
        ({"learning_rate": 0.0}, 1.0, "w"),
        ({"use": "trace-stdp"}, 1.0, "w"),
        ({}, 0.0, "z"),
    ],
)
def test_a_nan_trace_ends_the_run_in_one_line(strange, learning, reward, name, tmp_path):
    recipe = {
        "run": {"steps": 40, "dt": 0.001, "batch": 3, "chunk": 20},
        "task": {"use": "spike-protocol", "reward": [[0.0, reward]]},
        "memory": {"use": "nan-trace", "synapse": {"use": "mstdp-et", "trace": "given", **learning}},
    }

    line = rf"memory.synapse.{name}: nan in replica 1 since a step of 0 to 19"
    with pytest.raises(PluginError, match=line) as e:
        engram.run(recipe, out=tmp_path / "run.h5", plugins=strange)

    assert "\n" not in str(e.value)
