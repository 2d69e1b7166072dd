"""Experiments saved by drl_sim as run files of engram, against arrays that drl_sim computed."""

from __future__ import annotations

import hashlib
import tomllib

import numpy as np
import pytest

import engram
import engram_hdf5
from engram import EngramError
from engram_cli.imported import convert
from engram_distributional_td.drl_sim import read

CASES = [
    "single_lambda0", "single_lambda0.5", "single_lambda1", "single_dt1", "two_cues_two_types", "var_dt0.1",
    "gamma_uniform", "alpha_list_lambda_uniform", "delay_six_types", "normal_magnitude_time_jitter",
]  # fmt: skip
OTHERS = ["two_cues_compound_extinction", "dense_features"]


@pytest.fixture
def imported(saved, tmp_path):
    """`imported(content)`: the run file that becomes of what drl_sim saved."""

    def make(content, **options):
        return convert("drl_sim", saved(content, **options), tmp_path / "imported.h5", force=True)

    return make


def refusal(path):
    with pytest.raises(EngramError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def array(tensor):
    return np.lib.stride_tricks.as_strided(tensor.storage, tensor.size, [4 * step for step in tensor.stride])


@pytest.mark.parametrize("name", [*CASES, *OTHERS])
def test_rows_hold_what_was_saved_bit_for_bit(experiment, imported, name):
    content = experiment(name)
    value, deltas, r = (array(content[key]) for key in ("V", "deltas", "r"))
    trials, steps = r.shape[1:]
    states, each = np.array(content["states"]), np.arange(trials)
    with engram.open(imported(content)) as run:
        rows = {path: run[path][:, 0].reshape(trials, steps, -1) for path in run.variables()}
    np.testing.assert_array_equal(rows["memory.value"], value[:, states, each].transpose(1, 2, 0))
    delta, reward = rows["memory.delta"], rows["task.reward"][..., 0]
    np.testing.assert_array_equal(delta[:, 1:], deltas[:, states, each].transpose(1, 2, 0))
    np.testing.assert_array_equal(reward[:, 1:], r[states, each, :-1])
    assert not delta[:, 0].any() and not reward[:, 0].any()


@pytest.mark.parametrize("name", [*CASES, *OTHERS])
def test_the_file_is_valid_and_says_where_it_comes_from(experiment, imported, tmp_path, name):
    file = imported(experiment(name))
    assert engram_hdf5.validate(file) == []
    with engram.open(file) as run:
        said = run.provenance
        assert (run.status, run.batch, "seed" in run.columns) == ("complete", 1, False)
    path = tmp_path / "experiment.pth"
    assert (said["imported_from"], said["imported_format"]) == (str(path), "drl_sim")
    assert said["imported_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (said["backend"], said["device"], said["seed"]) == ("none", "none", -1)
    assert not {"wall_time_s", "execution"} & said.keys()


@pytest.mark.parametrize("name", CASES)
def test_the_recipe_in_the_file_runs_to_the_same_values_errors_rewards_and_weights(
    experiment, imported, tmp_path, name
):
    content = experiment(name)
    tolerance = 1e-5 * max(1, np.abs(array(content["r"])).max())
    with engram.open(imported(content)) as before:
        tables = tomllib.loads(before.recipe_text)
        assert "seed" not in tables["run"]
        (again,) = engram.run(
            tables, out=tmp_path / "again.h5", overrides=["run.seed=1", "run.backend=numpy"]
        )
        with engram.open(again) as after:
            for path in before.variables():
                np.testing.assert_allclose(before[path], after[path], rtol=0, atol=tolerance)
            for path in before.final_variables():
                np.testing.assert_allclose(before.final(path), after.final(path), rtol=1e-6, atol=tolerance)
            for column in before.trials():
                np.testing.assert_array_equal(before.trials()[column], after.trials()[column])


@pytest.mark.parametrize("name", OTHERS)
def test_weights_are_left_out_where_the_stimuli_are_not_those_of_drl_sim(experiment, imported, name):
    with engram.open(imported(experiment(name))) as run:
        assert run.attrs["title"].endswith("trials, stimuli unknown")
        assert "memory.w" not in run.final_variables()
        assert "memory.value" in run.final_variables()


def test_each_trial_has_its_type_as_outcome_and_the_sum_of_its_rewards(experiment, imported):
    content = experiment("delay_six_types")
    r, dt = array(content["r"]), content["dt"]
    with engram.open(imported(content)) as run:
        trials = run.trials()
    number = np.arange(200)
    np.testing.assert_array_equal(trials["outcome"], content["states"])
    np.testing.assert_array_equal(trials["number"], number)
    np.testing.assert_array_equal(trials["start_step"], 17 * number)
    np.testing.assert_array_equal(trials["stop_step"], 17 * number + 16)
    np.testing.assert_allclose(trials["stop_time"], (17 * number + 16) * dt)
    np.testing.assert_allclose(trials["return_"], r[content["states"], number, :-1].sum(axis=1))
    assert not trials["truncated"].any()


def test_parameters_stand_in_the_recipe_as_given_and_in_the_final_state_for_each_step(experiment, imported):
    content = experiment("alpha_list_lambda_uniform")
    alpha, lmbda = array(content["alpha"]), array(content["lmbda"])[:, 0]
    with engram.open(imported(content)) as run:
        memory = run.recipe["memory"]
        final = {path.rpartition(".")[2]: run.final(path)[0] for path in run.final_variables()}
    assert (memory["semantics"], memory["predictors"], memory["gamma"]) == ("drl_sim", 10, 0.8)
    np.testing.assert_allclose(memory["alpha_plus"], alpha[:, 0])
    np.testing.assert_allclose(memory["lam"], lmbda)
    np.testing.assert_allclose(final["alpha_minus"], alpha[:, 1])
    np.testing.assert_allclose(final["down"], alpha[:, 1] ** 0.1, rtol=1e-6)
    np.testing.assert_allclose(final["decay"], lmbda**0.1, rtol=1e-6)
    np.testing.assert_allclose(final["tau"], alpha[:, 0] / alpha.sum(axis=1), rtol=1e-6)


def test_xarray_reads_it(experiment, imported):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed: pip install 'engram[xarray]'")
    content = experiment("var_dt0.1")
    group = "recordings/memory/distributional_td"
    with xarray.open_dataset(imported(content), engine="h5netcdf", group=group) as found:
        assert found.value.dims == ("time", "batch", "predictor")
        np.testing.assert_allclose(found.time[:3], [0, 0.1, 0.2])
        assert float(found.value[30, 0, 2]) == array(content["V"])[2, 0, 1, 5]


def test_double_precision_and_arrays_of_numpy_are_taken(experiment, imported, tensor):
    content = experiment("single_dt1")
    content |= {key: tensor(array(content[key]), "f8") for key in ("V", "deltas", "r")}
    content |= {"alpha": np.array([0.1]), "dt": np.float64(1.0)}
    with engram.open(imported(content)) as run:
        assert run["memory.value"].dtype == np.float64
        assert run.recipe["run"]["dtype"] == "float64"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: [e], "is no experiment of drl_sim: it has no V, deltas"),
        (lambda e: {k: v for k, v in e.items() if k not in ("r", "gamma")}, "is no experiment of drl_sim: it has no r, gamma"),
        (lambda e: e | {"V": 1.0}, "V is no tensor of floating-point numbers"),
        (lambda e: e | {"V": e["r"]}, "V has the shape (1, 100, 25), not (any, any, any, any)"),
        (lambda e: e | {"deltas": e["V"]}, "deltas has the shape (1, 1, 100, 25), not (1, 1, 100, 24)"),
        (lambda e: e | {"states": e["states"][1:]}, "states is no list of 100 types of trial"),
        (lambda e: e | {"states": [1] * 100}, "states has what is no type of trial from 0 to 0"),
        (lambda e: e | {"states": [0.5] * 100}, "states has what is no type of trial"),
        (lambda e: e | {"dt": 0.0}, "dt is no length of a step in s"),
        (lambda e: e | {"dt": float("nan")}, "dt is no length of a step in s"),
        (lambda e: e | {"dt": 10**400}, "dt is too large"),
        (lambda e: e | {"dt": "0.1"}, "dt is no number and no tensor"),
        (lambda e: e | {"alpha": 1.5}, "alpha_plus is not one number from 0 to 1, or one for each of 1 predictors"),
        (lambda e: e | {"lmbda": np.array([0.1, 0.2])}, "lam is not one number from 0 to 1"),
        (lambda e: e | {"V": type(e["V"])(np.zeros(2500, "f4"), *map(tuple, ((1, 1, 100, 25), (2500, 2500, 25, 1))))},
         "V is 0 throughout, so nothing tells when the cue came"),
    ],
)  # fmt: skip
def test_what_is_no_experiment_is_refused_in_one_line(experiment, saved, change, said):
    assert refusal(saved(change(experiment("single_lambda0")))).startswith(said)


def test_rewards_that_are_not_finite_are_refused(experiment, saved, tensor):
    content = experiment("single_dt1")
    r = array(content["r"]).copy()
    r[0, 3, 4] = np.inf
    assert refusal(saved(content | {"r": tensor(r)})).startswith("r has rewards that are not finite")


def test_an_experiment_that_diverged_is_imported_without_weights(experiment, imported, tensor):
    content = experiment("single_dt1")
    value = array(content["V"]).copy()
    value[:, :, 50:] = np.nan
    with engram.open(imported(content | {"V": tensor(value)})) as run:
        assert np.isnan(run["memory.value"][-1]).all()
        assert "memory.w" not in run.final_variables()


def test_a_type_that_was_never_presented_has_no_cue(experiment, imported):
    content = experiment("two_cues_two_types")
    value = array(content["V"]).copy()
    value[:, 1] = 0
    changed = content | {"V": type(content["V"])(value.ravel(), content["V"].size, content["V"].stride)}
    changed["states"] = [np.int64(0)] * 120
    with engram.open(imported(changed)) as run:
        first, second = run.recipe["task"]["types"]
    assert [event for event in first["events"] if event.get("stimulus")]
    assert not [event for event in second["events"] if event.get("stimulus")]


def test_mutants_are_imported_or_refused_in_one_line(experiment, saved, tmp_path):
    import random

    whole = saved(experiment("single_lambda0")).read_bytes()
    path, dice, refused = tmp_path / "mutant.pth", random.Random(7), 0
    for _ in range(500):
        content = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
        try:
            read(path)
        except EngramError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 250


def test_the_format_is_an_entry_point_of_the_project():
    from importlib.metadata import entry_points

    (entry,) = (entry for entry in entry_points(group="engram.importers") if entry.name == "drl_sim")
    assert entry.load() is read
