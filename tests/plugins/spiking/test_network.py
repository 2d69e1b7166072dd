"""The network: order of a step, names of connections, modulators, encoders, conformance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram import Choice, Spec
from engram.testing import Case, parametrize_with_checks, play
from engram.testing.playback import Driver
from engram_spiking import (
    LIF,
    Bernoulli,
    IntegrateAndFire,
    Izhikevich,
    Latency,
    Modulator,
    Poisson,
    SpikeInput,
    SpikingNetwork,
)

stdp = pytest.importorskip("engram_stdp")


def florian(units: int) -> LIF:
    return LIF(
        units=units, tau=0.02, rest=-70.0, reset=-70.0, threshold=-54.0, refractory=0.0, integration="exact"
    )


SILENT = stdp.Static(initial=stdp.Initialiser(distribution="constant", value=0.0))


def network(connections: dict[str, Any], hidden: Any = None, **given: Any) -> SpikingNetwork:
    layers = {"input": given.pop("input", SpikeInput()), "hidden": hidden or florian(3), "output": florian(2)}
    every = {"input_hidden": SILENT, "hidden_output": SILENT, **connections}
    return SpikingNetwork(layers=layers, connections=every, **given)


LAYERS = [
    florian(3),
    LIF(units=3, theta_plus=1.0),
    LIF(units=3, integration="midpoint"),
    IntegrateAndFire(units=3),
    Izhikevich(units=3),
    SpikeInput(),
    Poisson(),
    Bernoulli(),
    Latency(window=0.004),
]


@parametrize_with_checks(
    [
        Case(layer, observation=Spec(shape=(3,), low=0.0), action=Spec(shape=(3,)), dt=0.001)
        for layer in LAYERS
    ]
)
def test_layers_conform(check: Any) -> None:
    check()


def plastic(weight: float) -> Any:
    return stdp.MSTDPET(bound=(-40.0, 40.0), initial=stdp.Initialiser(distribution="constant", value=weight))


def whole(readout: Any = "spikes") -> SpikingNetwork:
    return network(
        {"input_hidden": plastic(20.0), "hidden_hidden": plastic(-1.0), "hidden_output": plastic(9.0)},
        input=Bernoulli(),
        modulator=Modulator(source="critic", stimuli=2),
        readout=readout,
    )


@parametrize_with_checks(
    [
        Case(whole(), observation=Spec(shape=(4,), low=0.0), action=Spec(shape=(2,)), dt=0.001),
        Case(whole("counts"), observation=Spec(shape=(4,), low=0.0), action=Choice(2), dt=0.001),
    ]
)
def test_networks_conform(check: Any) -> None:
    check()


def test_a_spike_reaches_each_further_layer_one_step_later(plain: Any) -> None:
    own = network(
        {"input_hidden": plain(weight=20.0, bound=20.0), "hidden_output": plain(weight=20.0, bound=20.0)}
    )
    seen = np.zeros((5, 1, 1))
    seen[1] = 1

    trace = play(own, {"observation": seen}, dt=0.001, action=Spec(shape=(2,)))

    assert trace["layers.input.spikes"][:, 0, 0].tolist() == [0, 1, 0, 0, 0]
    assert trace["layers.hidden.spikes"][:, 0, 0].tolist() == [0, 0, 1, 0, 0]
    assert trace["action"][:, 0].tolist() == [[0, 0], [0, 0], [0, 0], [1, 1], [0, 0]]


def test_weights_learn_from_the_reward_that_the_last_spikes_earned(plain: Any) -> None:
    own = network({"input_output": plain(weight=20.0, bound=40.0)})
    seen, reward = np.zeros((5, 1, 1)), np.zeros((5, 1))
    seen[1], reward[3] = 1, 1.0

    trace = play(own, {"observation": seen, "reward": reward}, dt=0.001, action=Spec(shape=(2,)))

    # The output fires in step 2 for the input of step 1; the pair is eligible from step 3 on.
    change = 0.625 * (1 / 25) * np.exp(-1 / 20)
    np.testing.assert_allclose(
        trace["connections.input_output.w"][:, 0, 0, 0], 20 + change * np.array([0, 0, 0, 1, 1])
    )


def test_a_plasticity_of_zero_freezes_and_learn_false_too(plain: Any) -> None:
    seen, reward = np.ones((30, 1, 2)), np.ones((30, 1))
    for own, learn in (
        (network({"input_output": plain()}, plasticity=0.0), True),
        (network({"input_output": plain()}), False),
    ):
        given = {"observation": seen, "reward": reward, "learn": np.full((30, 1), learn)}
        w = play(own, given, dt=0.001, action=Spec(shape=(2,)))["connections.input_output.w"]
        assert (w == w[0]).all()


@pytest.mark.parametrize("kind", [stdp.TraceSTDP, stdp.MSTDP, stdp.MSTDPET])
def test_frozen_means_weights_and_eligibility_of_every_synapse_stay(kind: Any) -> None:
    seen, reward = np.ones((30, 1, 2)), np.ones((30, 1))
    connection = kind(bound=(0.0, 20.0), initial=stdp.Initialiser(low=9.0, high=11.0), tau_weight=1.0)
    found = {}
    for plasticity, learn in ((1.0, True), (0.0, True), (1.0, False)):
        own = network({"input_output": connection}, plasticity=plasticity)
        given = {"observation": seen, "reward": reward, "learn": np.full((30, 1), learn)}
        trace = play(own, given, dt=0.001, action=Spec(shape=(2,)))
        assert trace["action"].any()
        names = {f"connections.input_output.{name}" for name in "wz"} & set(trace)
        found[plasticity, learn] = [(trace[name] == trace[name][0]).all() for name in sorted(names)]

    assert not any(found.pop((1.0, True)))
    assert all(all(stays) for stays in found.values())


def test_a_choice_is_the_unit_with_most_spikes_of_the_trial(plain: Any) -> None:
    own = network({"input_output": plain(weight=20.0, bound=40.0)}, readout="counts")
    start = {"connections.input_output.w": np.array([[0.0, 40.0]])}
    given = {"observation": np.ones((4, 1, 1)), "start": np.array([[True], [False], [True], [False]])}

    trace = play(own, given, dt=0.001, action=Choice(2), start=start)

    assert trace["action"][1:, 0].tolist() == [1, 1, 1]
    assert trace["count"][:, 0, 1].tolist() == [0, 1, 1, 2]


def test_dopamine_decays_with_its_own_time_constant(plain: Any) -> None:
    own = network({"input_output": plain()}, modulator=Modulator(source="dopamine", tau=0.01, tonic=0.5))
    reward = np.zeros((11, 1))
    reward[0] = 1.0

    level = play(
        own, {"observation": np.zeros((11, 1, 1)), "reward": reward}, dt=0.001, action=Spec(shape=(2,))
    )["modulator"]

    np.testing.assert_allclose(level[:, 0], 0.5 + np.exp(-np.arange(11) / 10))


def test_a_critic_of_each_stimulus_leaves_a_modulator_of_mean_zero_for_each(plain: Any) -> None:
    own = network({"input_output": plain()}, modulator=Modulator(source="critic", stimuli=2, alpha=0.5))
    outcome = np.tile([0, 1], 40)[:, None]
    given = {
        "observation": np.zeros((80, 1, 1)),
        "reward": np.where(outcome == 1, 3.0, -1.0),
        "outcome": outcome.astype("int8"),
    }

    trace = play(own, given, dt=0.001, action=Spec(shape=(2,)))

    np.testing.assert_allclose(trace["modulator"][-2:], 0.0, atol=1e-9)
    np.testing.assert_allclose(trace["expected"][-1, 0], [-1.0, 3.0])


def test_poisson_inputs_fire_at_their_rate_and_bernoulli_inputs_with_their_probability(plain: Any) -> None:
    for encoder, value in ((Poisson(), 100.0), (Bernoulli(), 0.1)):
        own = network({}, input=encoder)
        spikes = play(
            own, {"observation": np.full((500, 20, 4), value)}, batch=20, dt=0.001, action=Spec(shape=(2,))
        )["layers.input.spikes"]
        assert abs(spikes.mean() - 0.1) < 0.006


def test_a_larger_input_fires_earlier_and_once_a_trial(plain: Any) -> None:
    own = network({}, input=Latency(window=0.01))
    start = np.arange(24)[:, None] % 12 == 0
    given = {"observation": np.tile([1.0, 0.5, 0.0], (24, 1, 1)), "start": start}

    spikes = play(own, given, dt=0.001, action=Spec(shape=(2,)))["layers.input.spikes"][:, 0]

    assert [np.flatnonzero(unit).tolist() for unit in spikes.T] == [[0, 12], [5, 17], []]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda plain: network({"input_hiden": plain()}),
            r"connections.input_hiden: name it FROM_TO after two layers",
        ),
        (lambda plain: network({}, output="out"), r"there is no layer 'out'; layers: input, hidden, output"),
        (
            lambda plain: network({"input_hidden": stdp.MSTDP(samples=2)}),
            r"connections.input_hidden.samples: a replica is one sample; leave it at 1",
        ),
        (lambda plain: LIF(tau=-1.0), r"tau: must be > 0, not -1"),
        (lambda plain: LIF(reset=-40.0), r"rest and reset must not lie above threshold"),
    ],
)
def test_a_mistake_is_one_clear_line(plain: Any, build: Any, message: str) -> None:
    with pytest.raises(engram.InvalidParameters, match=message) as caught:
        build(plain)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "observation", "action", "message"),
    [
        (
            SpikeInput(),
            Spec(shape=(4,)),
            Spec(shape=(3,)),
            r"layers.output: has 2 units, the task takes \(3,\)",
        ),
        (SpikeInput(), Choice(4), Spec(shape=(2,)), r"layers.input: sees a row of numbers"),
        (
            SpikingNetwork(layers={"output": LIF(units=4)}),
            Spec(shape=(4,)),
            Spec(shape=(2,)),
            r"layers.input: 'spiking-network' is no layer of cells; use 'lif'",
        ),
        (LIF(units=3), Spec(shape=(4,)), Spec(shape=(2,)), r"layers.input: has 3 units, but sees 4 numbers"),
    ],
)
def test_a_task_that_does_not_fit_is_refused_in_one_line(
    plain: Any, layer: Any, observation: Any, action: Any, message: str
) -> None:
    own = network({"input_hidden": plain(), "hidden_output": plain()}, input=layer)

    with pytest.raises(engram.RecipeError, match=message) as caught:
        Driver(own, 1, np.dtype("float32"), observation=observation, action=action)
    assert "\n" not in str(caught.value)


def test_a_connection_to_an_input_layer_is_refused_in_one_line(plain: Any) -> None:
    with pytest.raises(
        engram.RecipeError, match=r"layers.input: is an input layer, which no connection may reach"
    ):
        play(
            network({"hidden_input": plain()}), {"observation": np.zeros((1, 1, 1))}, action=Spec(shape=(2,))
        )


def test_steps_too_long_for_cells_of_izhikevich_are_refused_in_one_line() -> None:
    own = network({}, Izhikevich(units=2))
    with pytest.raises(engram.RecipeError, match=r"layers.hidden: diverges in steps of 0.1 s; set run.dt"):
        play(own, {"observation": np.zeros((1, 1, 1))}, dt=0.1, action=Spec(shape=(2,)))


def test_a_regular_spiking_cell_fires_as_in_the_program_of_izhikevich(plain: Any) -> None:
    own = SpikingNetwork(
        layers={"input": SpikeInput(), "output": Izhikevich()},
        connections={"input_output": plain(weight=10.0, bound=10.0)},
        plasticity=0.0,
    )

    trace = play(own, {"observation": np.ones((1001, 1, 1))}, dt=0.001, action=Spec(shape=(1,)))
    fired = trace["action"][:, 0, 0]

    v, u, spikes = -65.0, -13.0, []
    for step in range(1001):
        for _half in range(2):
            v += 0.5 * (0.04 * v * v + 5 * v + 140 - u + 10.0 * (step > 0))
        u += 0.02 * (0.2 * v - u)
        spikes.append(v >= 30)
        v, u = (-65.0, u + 8.0) if v >= 30 else (v, u)
    np.testing.assert_array_equal(fired[:500], spikes[:500])
    assert 15 < fired.sum() < 40
