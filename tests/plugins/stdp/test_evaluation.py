"""Every evaluation of the synapses gives what the rules give: lazy and one call to the bit, event-driven nearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engram
from engram.rules import target
from engram.testing import Case, play
from engram_stdp import MSTDP, MSTDPET, TraceSTDP

BATCH, PRE, POST, STEPS = 3, 9, 11, 200
EVERY = [
    (MSTDPET, {}),
    (MSTDPET, {"semantics": "ngclearn-3.2"}),
    (MSTDPET, {"weight_exponent": 1.0, "connection_probability": 0.5, "delay_steps": 3, "scale": 2.0}),
    (MSTDPET, {"tau_weight": 3.0, "trace": "nearest", "signs": (1, -1)}),
    (MSTDP, {"trace": "gated", "bound": (-1.0, 1.0)}),
    (MSTDP, {"semantics": "ngclearn-3.2"}),
    (TraceSTDP, {"trace_target": 0.2}),
]
IDS = [f"{kind.name}-{'-'.join(map(str, options))}" for kind, options in EVERY]
WITH_EVENTS = [EVERY[2][1], {"tau_eligibility": 0.001}]


def stepped(component: Any, dtype: str, how: str) -> dict[str, Any]:
    """What passes in each step, weights now and then, and the final state; some replicas do not always learn."""
    rng = np.random.default_rng(5)
    state = Case(component, units=(PRE, POST), dt=0.001).driver(BATCH, dtype=dtype).state
    passed, seen = [], []
    with target.chosen(how):
        for step in range(STEPS):
            pre, post = ((rng.random((BATCH, n)) < 0.15).astype(dtype) for n in (PRE, POST))
            modulator = (rng.normal(size=BATCH) * (rng.random(BATCH) < 0.2)).astype(dtype)
            state.learning_mask[...] = rng.random(BATCH) < 0.9
            if step % 10 == 7:
                component.learn(state, pre, post, modulator)
                passed.append(component.propagate(state, pre))
            else:
                passed.append(component.advance(state, pre, post, modulator))
            if step % 31 == 3:
                state.settle()
                seen.append(state.w.copy())
        state.settle()
    eligibility = state.z * state.scale[:, None, None] if component.waits else state.w
    return {
        "passed": np.array(passed), "w then": np.array(seen), "w": state.w, "eligibility": eligibility,
        "x": state.pre_trace, "y": state.post_trace,
    }  # fmt: skip


def made(kind: Any, options: dict[str, Any], evaluation: str = "dense") -> Any:
    return kind(learning_rate=0.3, evaluation=evaluation, **options)


@pytest.mark.parametrize(
    ("kind", "options", "dtype"),
    [(kind, options, "float32") for kind, options in EVERY] + [(*EVERY[0], "float64")],
    ids=[*IDS, "float64"],
)
def test_one_call_and_rows_that_wait_give_the_bits_of_the_rules(kind, options, dtype):
    wanted = stepped(made(kind, options), dtype, "numpy")
    assert np.abs(wanted["w"] - wanted["w then"][0]).max() > 0.01
    for evaluation in ("dense", "lazy"):
        found = stepped(made(kind, options, evaluation), dtype, "numba")
        for name, array in wanted.items():
            assert found[name].tobytes() == array.tobytes(), f"{evaluation}: {name}"


@pytest.mark.parametrize(
    ("options", "dtype"), [(options, "float32") for options in WITH_EVENTS] + [({}, "float64")]
)
def test_event_driven_is_dense_but_for_rounding(options, dtype):
    wanted = stepped(made(MSTDPET, options), dtype, "numpy")
    everywhere = stepped(made(MSTDPET, options, "event-driven"), dtype, "numpy")
    at_spikes = stepped(made(MSTDPET, options, "event-driven"), dtype, "numba")
    for name, array in wanted.items():
        np.testing.assert_array_equal(at_spikes[name], everywhere[name], err_msg=name)
        size = np.abs(array).max()
        tolerance = (1e-5 if dtype == "float32" else 1e-13) * max(1, size)
        np.testing.assert_allclose(everywhere[name], array, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(("kind", "options"), EVERY, ids=IDS)
def test_known_steps_give_the_bits_of_single_steps(kind, options):
    component, rng = made(kind, options), np.random.default_rng(6)
    pre, post = ((rng.random((BATCH, 75, n)) < 0.2).astype(np.float32) for n in (PRE, POST))
    modulator = rng.normal(size=(BATCH, 75)).astype(np.float32)
    one, many, rules = (Case(component, units=(PRE, POST), dt=0.001).driver(BATCH).state for _ in range(3))
    for state in (one, many, rules):
        state.learning_mask[1] = 0
    with target.chosen("numba"):
        wanted = np.stack(
            [component.advance(one, pre[:, t], post[:, t], modulator[:, t]) for t in range(75)], axis=1
        )
        found = component.advance_steps(many, pre, post, modulator)
    with target.chosen("numpy"):
        slowly = component.advance_steps(rules, pre, post, modulator)
    assert found.tobytes() == wanted.tobytes() == slowly.tobytes()
    for state in (many, rules):
        assert state.w.tobytes() == one.w.tobytes()
        assert state.pre_trace.tobytes() == one.pre_trace.tobytes()


def test_known_steps_may_be_none_and_have_samples():
    component = MSTDP(samples=2)
    state = Case(component, units=(PRE, POST), dt=0.001).driver(BATCH).state
    for steps in (0, 3):
        pre, post = (np.ones((BATCH, steps, 2, n), dtype=np.float32) for n in (PRE, POST))
        found = component.advance_steps(state, pre, post, np.ones((BATCH, steps), dtype=np.float32))
        assert found.shape == (BATCH, steps, 2, POST)


def test_known_steps_of_another_number_are_refused():
    component = MSTDPET()
    state = Case(component, units=(PRE, POST), dt=0.001).driver(BATCH).state
    pre, post = np.ones((BATCH, 4, PRE), np.float32), np.ones((BATCH, 3, POST), np.float32)
    with pytest.raises(engram.EngramError, match="mstdp-et: pre has 4 steps, post has shape"):
        component.advance_steps(state, pre, post, np.ones((BATCH, 4), np.float32))


def test_a_state_whose_array_was_replaced_is_bound_anew():
    component = MSTDPET(learning_rate=0.3)
    state = Case(component, units=(PRE, POST), dt=0.001).driver(BATCH).state
    pre, post = (np.ones((BATCH, n), dtype=np.float32) for n in (PRE, POST))
    with target.chosen("numba"):
        component.advance(state, pre, post, np.zeros(BATCH, dtype=np.float32))
        state.w = np.full_like(state.w, 0.25)
        found = component.advance(state, pre, post, np.zeros(BATCH, dtype=np.float32))
    assert (found == 0.25 * PRE).all()


@pytest.mark.parametrize("evaluation", ["dense", "lazy"])
@pytest.mark.parametrize("name", ["w", "z", "mask", "learns", "learning_mask"])
def test_arrays_that_a_memory_replaced_and_the_engine_put_back_are_those_of_the_rules(name, evaluation):
    component = made(MSTDPET, {"connection_probability": 0.9}, evaluation)
    states = []
    for how in ("numpy", "numba"):
        rng = np.random.default_rng(9)
        states.append(Case(component, units=(PRE, POST), dt=0.001).driver(BATCH).state)
        with target.chosen(how):
            for step in range(40):
                pre, post = ((rng.random((BATCH, n)) < 0.3).astype(np.float32) for n in (PRE, POST))
                buffer = getattr(states[-1], name)
                if step % 9 == 4:
                    states[-1].settle()
                    setattr(states[-1], name, buffer * buffer.dtype.type(step % 2))
                component.advance(states[-1], pre, post, np.ones(BATCH, dtype=np.float32))
                buffer[...] = getattr(states[-1], name)
                setattr(states[-1], name, buffer)
                states[-1].settle()
    assert states[0].w.tobytes() == states[1].w.tobytes()


@pytest.mark.parametrize("evaluation", ["dense", "lazy", "event-driven"])
def test_who_learns_may_change_in_each_step(evaluation):
    found = []
    for how, chosen in (
        ("numpy", "event-driven" if evaluation == "event-driven" else "dense"),
        ("numba", evaluation),
    ):
        component, rng = made(MSTDPET, {}, chosen), np.random.default_rng(10)
        state = Case(component, units=(PRE, POST), dt=0.001).driver(BATCH).state
        with target.chosen(how):
            for _ in range(90):
                pre, post = ((rng.random((BATCH, n)) < 0.1).astype(np.float32) for n in (PRE, POST))
                state.learns[...] = rng.random((BATCH, POST)) < 0.5
                component.advance(state, pre, post, np.ones(BATCH, dtype=np.float32))
            state.settle()
        found.append(state.w.tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("evaluation", ["lazy", "event-driven"])
def test_the_target_may_change_while_weights_wait(evaluation):
    component, found = made(MSTDPET, {}, evaluation), []
    for targets in (("numpy", "numpy", "numpy"), ("numba", "numpy", "numba")):
        rng = np.random.default_rng(11)
        state = Case(component, units=(PRE, POST), dt=0.001).driver(BATCH).state
        for how in targets:
            with target.chosen(how):
                for step in range(20):
                    pre, post = ((rng.random((BATCH, n)) < 0.2).astype(np.float32) for n in (PRE, POST))
                    modulator = np.full(BATCH, step % 7 == 0, dtype=np.float32)
                    (component.advance if step < 15 else component.learn)(state, pre, post, modulator)
        state.settle()
        found.append((state.w.tobytes(), state.z.tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("evaluation", ["lazy", "event-driven"])
def test_what_is_played_is_settled(evaluation):
    rng = np.random.default_rng(12)
    inputs = {"pre": rng.random((30, 2, PRE)) < 0.2, "post": rng.random((30, 2, POST)) < 0.2}
    inputs = {name: spikes.astype(float) for name, spikes in inputs.items()} | {
        "modulator": (rng.random((30, 2)) < 0.1).astype(float)
    }
    component = made(MSTDPET, {}, evaluation)
    with target.chosen("numpy"):
        wanted = play(component, inputs, batch=2, dt=0.001, record=("w", "z"))
    with target.chosen("numba"):
        found = play(component, inputs, batch=2, dt=0.001, record=("w", "z"))
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)


RECIPE = {
    "run": {"steps": 300, "dt": 0.001, "batch": 2, "seed": 3, "backend": "numba"},
    "task": {"use": "spike-protocol", "pre": [[0.01, 0.05, 0.11, 0.2], [0.03, 0.2]], "post": [[0.02, 0.12], [0.06]],
             "duration": 0.3, "reward": [[0.1, 1.0], [0.16, -0.5], [0.25, 1.0]]},
    "memory": {"use": "driven-synapse", "outputs": 2, "synapse": {"use": "mstdp-et", "learning_rate": 5.0}},
    "record": {"every": 7, "variables": ["memory.synapse.w", "memory.synapse.z", "memory.drive"]},
}  # fmt: skip


def ran(evaluation: str, chunk: int, tmp_path: Any) -> Any:
    recipe = {**RECIPE, "run": {**RECIPE["run"], "chunk": chunk}}
    recipe["memory"] = {
        **RECIPE["memory"],
        "synapse": {**RECIPE["memory"]["synapse"], "evaluation": evaluation},
    }
    path = tmp_path / f"{evaluation}-{chunk}.h5"
    engram.run(recipe, out=path)
    with engram.open(path) as run:
        final = {f"final {name}": np.asarray(run.final(name)) for name in run.final_variables()}
        return {name: np.asarray(run[name]) for name in run.variables()} | final


def test_records_are_the_same_however_weights_are_evaluated_and_whatever_the_chunk(tmp_path):
    wanted = ran("dense", 300, tmp_path)
    assert np.ptp(wanted["memory.synapse.w"]) > 0.01
    for chunk in (7, 300):
        found = ran("lazy", chunk, tmp_path)
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert not any(array.any() for name, array in found.items() if ".past_" in name)
    one, other = (ran("event-driven", chunk, tmp_path) for chunk in (7, 300))
    for name, array in one.items():
        np.testing.assert_array_equal(other[name], array, err_msg=name)
    np.testing.assert_allclose(one["memory.synapse.w"], wanted["memory.synapse.w"], rtol=1e-5)


@pytest.mark.parametrize(
    ("component", "line"),
    [
        (lambda: MSTDP(evaluation="event-driven"), "mstdp has no eligibility, so it is not event-driven"),
        (lambda: MSTDPET(evaluation="event-driven", semantics="ngclearn-3.2"), "has semantics ngclearn-3.2"),
        (lambda: MSTDPET(evaluation="event-driven", tau_weight=1.0), "has weights that decay"),
        (lambda: MSTDPET(evaluation="lazy", samples=2), "lazy takes one sample, samples is 2"),
    ],
)
def test_an_evaluation_that_does_not_fit_is_refused(component, line):
    with pytest.raises(engram.InvalidParameters, match=line):
        component()
