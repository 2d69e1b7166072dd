"""What the synapses promise beside the equations: one pass, samples, sparseness, delays, signs, own traces."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from engram import EngramError
from engram.rules import target
from engram.testing import Case, play
from engram_stdp import MSTDP, MSTDPET, Exponential, Initialiser, Static, TraceSTDP, forward, nearest
from engram_stdp.exponential import conductance
from engram_stdp.hebbian import Form, direct, direct_of_sum, eligible, eligible_of_sum, summed

SEMANTICS = ("florian-2007", "ngclearn-3.2")
LEARNING = [kind(semantics=name) for kind in (TraceSTDP, MSTDP, MSTDPET) for name in SEMANTICS]
IDS = [f"{type(one).name}-{one.semantics}" for one in LEARNING]
BATCH, PRE, POST, STEPS = 2, 6, 4, 15


def activity(*shape: int, seed: int = 0) -> Any:
    return (np.random.default_rng(seed).random((STEPS, *shape)) < 0.4).astype(float)


def inputs(*lead: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {
        "pre": activity(BATCH, *lead, PRE, seed=1),
        "post": activity(BATCH, *lead, POST, seed=2),
        "modulator": rng.normal(size=(STEPS, BATCH)),
    }


def played(component: Any, given: dict[str, Any], **options: Any) -> dict[str, Any]:
    return play(component, given, batch=BATCH, dt=0.005, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("extra", [{}, {"connection_probability": 0.5, "delay_steps": 3, "scale": 2.5}])
@pytest.mark.parametrize("component", LEARNING, ids=IDS)
def test_advance_gives_the_bits_of_propagate_and_learn(component, extra, dtype):
    component, given = attrs.evolve(component, **extra), inputs()
    case = Case(component, units=(PRE, POST), dt=0.005)
    one, two = (case.driver(BATCH, dtype=dtype) for _ in range(2))
    before = one.state.w.copy()

    for step in range(STEPS):
        pre, post, m = (given[name][step].astype(dtype) for name in ("pre", "post", "modulator"))
        wanted = component.propagate(one.state, pre)
        component.learn(one.state, pre, post, m)
        found = component.advance(two.state, pre, post, m)
        assert found.tobytes() == wanted.tobytes()

    for left, right in zip(one.slots, two.slots, strict=True):
        assert left.value.tobytes() == right.value.tobytes(), left.path
    assert not np.array_equal(one.state.w, before)


@pytest.mark.parametrize("component", LEARNING, ids=IDS)
def test_samples_add_up(component):
    """Of samples that never spike together, each changes the weights as if it were alone."""
    given = inputs(3)
    given["pre"] *= np.arange(PRE) % 3 == np.arange(3)[:, None]
    start = {"w": 0.5}
    small = attrs.evolve(component, learning_rate=1e-3, samples=3)

    together = played(small, given, start=start)

    alone = [
        played(
            attrs.evolve(small, samples=1),
            {**given, "pre": given["pre"][:, :, n], "post": given["post"][:, :, n]},
            start=start,
        )
        for n in range(3)
    ]  # fmt: skip
    wanted = 0.5 + sum(one["w"] - 0.5 for one in alone)
    np.testing.assert_allclose(together["w"], wanted, rtol=1e-12)
    assert np.ptp(wanted) > 1e-6


@pytest.mark.parametrize("component", LEARNING, ids=IDS)
def test_a_sample_axis_of_one_changes_nothing(component):
    given = inputs()

    plain = played(component, given)
    axis = played(component, {**given, "pre": given["pre"][:, :, None], "post": given["post"][:, :, None]})

    assert axis["post"].shape == (STEPS, BATCH, 1, POST)
    assert plain["w"].tobytes() == axis["w"].tobytes()
    assert plain["post"].tobytes() == axis["post"].tobytes()


@pytest.mark.parametrize("options", [{}, {"delay_steps": 2, "trace": "gated"}, {"trace": "nearest"}])
@pytest.mark.parametrize("component", LEARNING, ids=IDS)
def test_spikes_may_be_true_and_false(component, options):
    component, given = attrs.evolve(component, **options), inputs()
    flags = {**given, "pre": given["pre"] == 1, "post": given["post"] == 1}

    as_numbers, as_flags = played(component, given), played(component, flags)

    for path, values in as_numbers.items():
        assert values.tobytes() == as_flags[path].tobytes(), path


@pytest.mark.parametrize("component", LEARNING, ids=IDS)
def test_the_modulator_of_a_replica_is_its_own(component):
    given = inputs()
    given["pre"], given["post"] = (np.repeat(given[name][:, :1], BATCH, axis=1) for name in ("pre", "post"))
    given["modulator"] = np.tile([1.0, 0.0], (STEPS, 1))

    w = played(component, given, start={"w": 0.5})["w"]

    moved = [np.ptp(w[:, replica]) > 0 for replica in range(BATCH)]
    assert moved == ([True, True] if isinstance(component, TraceSTDP) else [True, False])


@pytest.mark.parametrize("kind", [TraceSTDP, MSTDP, MSTDPET])
def test_synapses_that_do_not_exist_never_come_to_be(kind):
    component = kind(connection_probability=0.4, bound=(0.1, 1.0), initial=Initialiser(low=0.2))

    trace = played(component, inputs(), seed=2)

    absent = ~trace["mask"][0]
    assert 0.3 < absent.mean() < 0.9
    assert (trace["w"][:, absent] == 0).all()
    assert np.ptp(trace["w"][:, ~absent]) > 0


@pytest.mark.parametrize(
    "component", [Static(connection_probability=0.4), Exponential(connection_probability=0.4)]
)
def test_what_does_not_learn_can_be_sparse(component):
    trace = played(component, inputs())

    assert (trace["w"][~np.asarray(trace["mask"])] == 0).all()
    assert 0.2 < trace["mask"].mean() < 0.6


def test_each_input_arrives_after_its_own_delay():
    pre = activity(1, 3)
    component = Static(delay_steps=(1, 2, 4), initial=Initialiser(distribution="diagonal"))

    post = play(component, {"pre": pre, "post": pre}, batch=1)["post"]

    for unit, lag in enumerate((1, 2, 4)):
        np.testing.assert_array_equal(post[lag:, 0, unit], pre[:-lag, 0, unit])
        assert not post[:lag, 0, unit].any()


def test_drawn_delays_lie_between_one_and_the_longest():
    lag = play(Static(delay_steps=3), {"pre": activity(1, 300)}, batch=1)["lag"]

    assert set(lag[0, 0]) == {1, 2, 3}


def test_a_weight_outside_its_bounds_asks_for_no_nan():
    component = MSTDPET(
        connection_probability=0.4, bound=(0.1, 1.0), initial=Initialiser(low=0.2), weight_exponent=0.5
    )

    trace = played(component, inputs())

    assert not trace["mask"].all()
    assert np.isfinite(trace["z"]).all()


def test_signs_turn_weights_and_bounds():
    given = inputs()
    component = MSTDP(signs=(1, -1), bound=(0.0, 0.7), initial=Initialiser(low=0.1, high=0.6))

    w = played(component, given)["w"]

    assert (w[:, :, ::2] >= 0).all() and (w[:, :, 1::2] <= 0).all()
    assert w.max() == 0.7 and w.min() == -0.7


def test_a_bound_of_both_signs_holds():
    w = played(MSTDP(bound=(-0.3, 0.8)), inputs())["w"]

    assert w.min() == -0.3
    assert w.max() == 0.8


def test_where_the_mask_of_learning_is_zero_nothing_learns():
    w = played(MSTDPET(), inputs(), start={"learns": [1, 0, 1, 0]})["w"]

    assert np.ptp(w[..., 1::2], axis=0).max() == 0
    assert np.ptp(w[..., ::2], axis=0).max() > 0


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("component", LEARNING, ids=IDS)
def test_where_nothing_is_learnt_weights_and_eligibility_stay_and_traces_go_on(component, samples):
    given, probe = inputs(*[samples][: samples - 1]), slice(5, 11)
    mask = np.ones((STEPS, BATCH))
    mask[probe, 1] = 0

    trace = played(
        attrs.evolve(component, tau_weight=2.0, samples=samples), given, force={"learning_mask": mask}
    )

    for name in ("w", "z") if component.waits else ("w",):
        values = trace[name]
        assert (values[probe, 1] == values[4, 1]).all(), name
        assert (np.diff(values[:, 0], axis=0) != 0).any(axis=(1, 2)).all(), name
        assert (values[11, 1] != values[4, 1]).any() and (values[4, 1] != values[0, 1]).any(), name
    assert np.ptp(trace["pre_trace"][probe, 1], axis=0).min() > 0


def test_weights_decay_with_their_time_constant():
    quiet = {name: 0 * values for name, values in inputs().items()}

    w = played(MSTDPET(tau_weight=0.1), quiet, start={"w": 0.8})["w"]

    np.testing.assert_allclose(w[-1], 0.8 * 0.95**STEPS, rtol=1e-12)


def test_a_negative_strength_turns_the_sign_only_in_the_paper():
    given = inputs() | {"modulator": np.ones((STEPS, BATCH))}
    changed = [
        played(MSTDP(a_plus=0.0, a_minus=-1.0, semantics=name), given, start={"w": 0.5})["w"]
        for name in SEMANTICS
    ]

    assert changed[0][-1].mean() > 0.5
    assert np.ptp(changed[1]) == 0


def test_the_current_of_an_exponential_synapse_decays_exactly():
    pre = np.zeros((STEPS, 1, 1))
    pre[0] = 1
    component = Exponential(tau=0.005, peak=2.0, initial=Initialiser(distribution="constant", value=0.5))

    post = play(component, {"pre": pre}, dt=0.001)["post"]

    np.testing.assert_allclose(post[:, 0, 0], np.exp(-np.arange(STEPS) / 5), rtol=1e-12)


def test_a_conductance_pulls_towards_its_reversal_potential():
    component = Exponential(reversal=-70.0)

    post = play(
        component, {"pre": np.ones((3, 1, 2)), "post": np.zeros((3, 1, 2))}, start={"v": [[-80.0, -60.0]]}
    )["post"]

    assert (post[:, 0, 0] > 0).all() and (post[:, 0, 1] < 0).all()


def test_activity_without_the_samples_is_refused():
    with pytest.raises(
        EngramError, match=r"mstdp: activity of shape \(2, 6\) is not \(batch, 3, unit\); set samples"
    ):
        played(MSTDP(samples=3), inputs())


PLAIN = Form("additive")
SPARSE = Form("multiplicative", sparse=True, forward=True)
LATE = Form("power", lagged=True, hidden=True, forward=True)
RULES = [
    direct(PLAIN), direct(SPARSE), eligible(PLAIN), eligible(SPARSE), eligible(LATE), summed(LATE),
    direct_of_sum(SPARSE), eligible_of_sum(LATE), forward, nearest, conductance,
]  # fmt: skip


def arrays(rule: Any, dtype: str) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    sizes = {"b": 2, "n": 3, "i": 17, "j": 9}
    given: dict[str, Any] = {}
    for item in rule.spec.arguments:
        values = rng.random([sizes[axis] for axis in item.axes])
        given[item.name] = values < 0.5 if item.name == "mask" else values.astype(dtype) if item.axes else 2.0
    if "low" in given:
        given["low"] -= 1
        given["high"] += 2
    return given


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_array_code_numba_and_c_give_the_same_bits(rule, dtype):
    first = arrays(rule, dtype)
    ways = {way: {name: np.array(value) for name, value in first.items()} for way in ("numpy", "numba", "c")}
    for given in ways.values():
        given |= {name: value for name, value in first.items() if isinstance(value, float)}

    rule.reference(**ways["numpy"])
    rule.on_host(**ways["c"])
    with target.chosen("numba"):
        rule(**ways["numba"])

    for item in rule.spec.outputs:
        wanted = ways["numpy"][item.name]
        assert np.isfinite(wanted).all()
        assert not np.array_equal(wanted, first[item.name])
        assert wanted.tobytes() == ways["numba"][item.name].tobytes() == ways["c"][item.name].tobytes()
