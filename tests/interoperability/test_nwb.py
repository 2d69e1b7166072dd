"""Every shipped recipe, exported to NWB: found valid by pynwb, and nothing of it is lost."""

import numpy as np
import pytest

import engram_hdf5

pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: pip install 'engram[nwb]'")
REPLICA = 1


@pytest.fixture(scope="module")
def content(run_file, tmp_path_factory):
    """What the NWB file of one replica holds."""
    folder = tmp_path_factory.mktemp("nwb")
    (path,) = engram_hdf5.export_nwb(run_file, folder, replicas=[REPLICA])
    assert pynwb.validate(path=str(path)) == []
    with pynwb.NWBHDF5IO(path, "r") as file:
        yield file.read()


@pytest.fixture(scope="module")
def run(run_file):
    with engram_hdf5.open(run_file) as run:
        yield run


def bits(values):
    return np.asarray(values).tobytes()


def test_every_recorded_value_is_the_same(run, content):
    seen = 0
    for rows in run.recordings.values():
        kind, name = rows.group.name.split("/")[-2:]
        for variable in rows.variables:
            series = content.processing[kind][f"{name}__{variable}"]
            assert bits(series.data[:]) == bits(rows.read(variable)[:, REPLICA])
            times = series.timestamps  # of rows that are not regular
            if times is None:
                times = series.starting_time + np.arange(len(series.data)) / series.rate
            assert np.allclose(times, rows.read("time"), rtol=1e-9, atol=0)
            seen += 1
    assert seen == len(run.variables()) > 0


def test_every_value_of_the_final_state_is_the_same(run, content):
    for rows in run.finals.values():
        table = content.processing["final_state"]["__".join(rows.group.name.split("/")[-2:])]
        assert set(table.colnames) == set(rows.variables)
        for name in rows.variables:
            assert bits(table[name][:]) == bits(rows.read(name)[REPLICA])


def test_every_trial_and_every_column_is_the_same(run, content):
    trials = run.trials()
    trials = trials[trials["replica"] == REPLICA].drop(columns="replica")
    assert set(content.trials.colnames) == set(trials.columns)
    for name in trials.columns:
        assert bits(content.trials[name][:]) == bits(trials[name].to_numpy())


def test_the_seed_and_all_swept_parameters_are_the_same(run, content):
    values = content.processing["run"]["replica"]
    assert {name: bits(values[name][:]) for name in run.columns} == {
        name: bits(column[REPLICA : REPLICA + 1]) for name, column in run.columns.items()
    }
