"""The synapses and the trace against recorded trajectories of ngclearn 3.2.3 and the equations of Florian 2007."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engram.testing import play
from engram_stdp import (
    MSTDP,
    MSTDPET,
    Exponential,
    TraceSTDP,
    additive,
    change,
    factor,
    forward,
    gated,
    nearest,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "ngclearn"
PER_ROW = "mstdpet_mstdpet_batch_eq_nin"
MODULATED = sorted(path.stem for path in GOLDEN.glob("mstdpet_*.npz") if path.stem != PER_ROW)
PRECISIONS = ["float32", "float64"]
NAMES = {
    "A_plus": "a_plus", "A_minus": "a_minus", "eta": "learning_rate", "mu": "weight_exponent",
    "pretrace_target": "trace_target", "tau_w": "tau_weight", "g_conduct_factor": "scale",
    "batch_size": "samples", "p_conn": "connection_probability", "max_delay_steps": "delay_steps",
}  # fmt: skip


def golden(name: str) -> dict[str, Any]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def synapse(case: dict[str, Any]) -> MSTDP | MSTDPET:
    given = json.loads(str(case["params_json"]))
    chosen = {ours: given[theirs] for theirs, ours in NAMES.items() if theirs in given}
    chosen |= {"bound": (0.0, given["w_bound"]), "trace": "given", "semantics": "ngclearn-3.2"}
    if "mask" in case:
        chosen["connection_probability"] = 0.5
    if given["tau_elg"] == 0:
        return MSTDP(**chosen)
    return MSTDPET(tau_eligibility=given["tau_elg"], eligibility_factor=given["elg_decay"], **chosen)


def start(case: dict[str, Any]) -> dict[str, Any]:
    """What ngclearn set up: weights, the forward mask, the output mask in force, delays."""
    given: dict[str, Any] = {"w": case["w0"] * case.get("weight_mask", 1), "learns": case["outmask"][0]}
    if "mask" in case:
        given["mask"] = case["mask"] != 0
    if "delay_indices" in case:
        given["lag"] = 3 - case["delay_indices"]
    return given


def replayed(case: dict[str, Any], dtype: str, component: Any, modulator: Any) -> dict[str, Any]:
    batch = modulator.shape[1]
    spread = [np.repeat(case[name][:, None], batch, axis=1) for name in ("pre_trace", "post_trace")]
    squeeze = component.samples == 1
    pre, post = (
        np.repeat(case[name] if squeeze else case[name][:, None], batch, axis=1)
        for name in ("pre_spike", "post_spike")
    )
    return play(
        component,
        {"pre": pre, "post": post, "modulator": modulator},
        batch=batch,
        dt=float(json.loads(str(case["params_json"]))["dt"]) if "params_json" in case else 1.0,
        dtype=dtype,
        start=start(case),
        force=dict(zip(("pre_trace", "post_trace"), spread, strict=True)),
    )


def close(found: Any, wanted: Any, atol: float = 2e-6) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=atol)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", MODULATED)
def test_modulated_synapses_repeat_ngclearn(name, dtype):
    case = golden(name)
    component = synapse(case)

    trace = replayed(case, dtype, component, case["modulator"][:, :, 0])

    loose = 1e-4 if 0 < component.weight_exponent < 1 else 2e-6
    close(trace["w"][:, 0], case["out_weights"])
    close(trace["z"][:-1, 0], case["out_eligibility"][1:], loose)  # ngclearn takes in D at the next call
    if "out_outputs" in case:
        wanted = case["out_outputs"]
        close(trace["post"], wanted if component.samples == 1 else wanted[:, None])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", [*MODULATED, PER_ROW])
def test_the_change_that_spikes_ask_for_is_that_of_ngclearn(name, dtype):
    case = golden(name)
    given = json.loads(str(case["params_json"]))
    before = np.concatenate([case["w0"][None], case["out_weights"][:-1]]).astype(dtype)[:, None]
    p, x = (case[key].astype(dtype)[..., None] for key in ("pre_spike", "pre_trace"))
    q, y = (case[key].astype(dtype)[..., None, :] for key in ("post_spike", "post_trace"))
    dependence = {0.0: "additive", 1.0: "multiplicative"}.get(given["mu"], "power")

    d = change(
        before, p, x, q, y, 0.0, given["w_bound"], given["A_plus"], max(given["A_minus"], 0.0),
        given["pretrace_target"], given["mu"], dependence,
    )  # fmt: skip

    close(d.sum(axis=1), case["out_dWeights"], 1e-4 if dependence == "power" else 2e-6)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_modulator_for_each_row_is_that_of_as_many_replicas(dtype):
    """ngclearn lets a batch as large as the inputs act on the rows; here each replica has one modulator."""
    case = golden(PER_ROW)
    component = synapse(case)

    trace = replayed(case, dtype, component, case["modulator"][:, :, 0])

    row = np.arange(case["w0"].shape[0])
    close(trace["w"][:, row, row], case["out_weights"])
    close(trace["z"][:-1, row, row], case["out_eligibility"][1:])
    before = np.concatenate([case["w0"][None], trace["w"][:-1, row, row]]).astype(dtype)
    outputs = np.zeros_like(case["out_outputs"], dtype=dtype)
    forward(case["inputs"].astype(dtype), before, outputs)
    close(outputs, case["out_outputs"])


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_trace_stdp_repeats_ngclearn(dtype):
    case = golden("tracestdp") | {"outmask": np.ones((1, 4))}
    component = TraceSTDP(
        a_minus=0.5, learning_rate=0.05, trace_target=0.1, tau_weight=300.0, samples=3,
        connection_probability=0.5, trace="given", semantics="ngclearn-3.2",
    )  # fmt: skip
    case["mask"] = case["weight_mask"]

    trace = replayed(case, dtype, component, np.zeros((50, 1)))

    close(trace["w"][:, 0], case["out_weights"])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(("name", "reversal"), [("cond", 0.0), ("current", None)])
def test_exponential_repeats_ngclearn(name, reversal, dtype):
    case = golden(f"synapse_exponential_{name}")
    component = Exponential(tau=5.0, peak=2.4, reversal=reversal, semantics="ngclearn-3.2")

    trace = play(
        component, {"pre": case["inputs"], "post": case["v"]}, dtype=dtype,
        start={"w": case["w0"]}, force={"v": case["v"][:, None]},
    )  # fmt: skip

    close(trace["g"][:, 0], case["out_g_syn"])
    close(trace["post"], case["out_i_syn"], 2e-5)


TRACES = {
    "add": (additive, 20.0, "exponential", 1.0, 0.3, 1),
    "gated": (gated, 20.0, "exponential", 1.0, 0.7, 1),
    "lin": (additive, 10.0, "linear", 0.9, 1.0, 1),
    "nn2": (nearest, 10.0, "exponential", 1.0, 1.0, 2),
}


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", TRACES)
def test_traces_are_those_of_ngclearn(name, dtype):
    case = golden(f"cell_vartrace_{name}")
    rule, tau, decay, scale, step, spikes = TRACES[name]
    left = factor(float(case["dt"]), np.array([tau]), decay, scale).astype(dtype)
    x = case["init_trace"].astype(dtype)[None]

    for spike, wanted in zip(case["inputs"].astype(dtype), case["out_trace"], strict=True):
        rule(x, spike[None], left, step, float(spikes))
        close(x[0], wanted)


FIGURE = [
    (MSTDP(learning_rate=0.2, tau_plus=20.0, tau_minus=20.0), "paper_w_mstdp"),
    (MSTDPET(learning_rate=0.2, tau_eligibility=25.0, tau_plus=20.0, tau_minus=20.0), "paper_w_mstdpet"),
]


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(("component", "name"), FIGURE, ids=["mstdp", "mstdp-et"])
def test_figure_1_of_florian_2007_holds(component, name, dtype):
    case = golden("florian_fig1")
    spikes = {"pre": case["pre_spike"], "post": case["post_spike"], "modulator": case["reward"][:, None]}

    trace = play(component, spikes, dtype=dtype, start={"w": 0.2})

    close(trace["w"][:, 0, 0, 0], case[name])
    close(trace["pre_trace"][:, 0], case["pre_trace"])


LATE = [
    (MSTDP, 0.2, {}, "mstdp"),
    (MSTDPET, 0.2 / 25, {"tau_eligibility": 25.0}, "mstdpet_tutorial"),
    (MSTDPET, 0.2, {"tau_eligibility": 25.0}, "mstdpet_paper_scale"),
]


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(("kind", "rate", "given", "name"), LATE, ids=[case[3] for case in LATE])
def test_figure_1_as_ngclearn_draws_it_is_one_call_late(kind, rate, given, name, dtype):
    case = golden("florian_fig1")
    spikes = {"pre": case["pre_spike"], "post": case["post_spike"], "modulator": case["reward"][:, None]}
    component = kind(learning_rate=rate, tau_plus=20.0, tau_minus=20.0, semantics="ngclearn-3.2", **given)

    trace = play(component, spikes, dtype=dtype, start={"w": 0.2})

    close(trace["w"][:, 0, 0, 0], case[f"w_{name}"])
    close(trace["z"][:-1, 0, 0, 0], case[f"elg_{name}"][1:])
