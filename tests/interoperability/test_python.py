"""xarray, pandas and engram itself read from the file of every recipe what h5py reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import engram

ENGINES = {"h5netcdf": "h5netcdf", "netcdf4": "netCDF4"}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(ENGINES[request.param])
    return request.param


@pytest.fixture(scope="session")
def groups(arrays: dict[str, Any]) -> dict[str, list[str]]:
    """Names of the arrays of each group."""
    made: dict[str, list[str]] = {}
    for path in arrays:
        group, _, name = path.rpartition("/")
        made.setdefault(group, []).append(name)
    return made


def test_the_files_hold_recordings_trials_and_a_final_state(groups: dict[str, list[str]]) -> None:
    tops = {group.partition("/")[0] for group in groups}

    assert tops >= {"", "recordings", "trials", "state"}


def test_xarray_reads_the_values_of_each_group(
    run_file: Path, arrays: dict[str, Any], groups: dict[str, list[str]], engine: str
) -> None:
    for group, names in groups.items():
        with xr.open_dataset(run_file, engine=engine, group=group or None) as dataset:
            for name in names:
                path = f"{group}/{name}".lstrip("/")
                np.testing.assert_array_equal(dataset[name].values, arrays[path].values, path)


def test_xarray_names_the_dimensions_of_each_group(
    run_file: Path, arrays: dict[str, Any], groups: dict[str, list[str]], engine: str
) -> None:
    for group, names in groups.items():
        with xr.open_dataset(run_file, engine=engine, group=group or None) as dataset:
            for name in names:
                path = f"{group}/{name}".lstrip("/")
                assert dataset[name].dims == arrays[path].dims, path


def test_a_tree_of_xarray_holds_every_array(run_file: Path, arrays: dict[str, Any], engine: str) -> None:
    with xr.open_datatree(run_file, engine=engine) as tree:
        for path, array in arrays.items():
            assert tree[path].dims == array.dims, path
            np.testing.assert_array_equal(tree[path].values, array.values, path)


def test_a_tree_of_xarray_lends_the_replicas_to_every_recording(run_file: Path, engine: str) -> None:
    with h5py.File(run_file) as file:
        replicas = file["batch"][()]
        recordings = [
            f"recordings/{kind}/{name}" for kind, node in file["recordings"].items() for name in node
        ]

    with xr.open_datatree(run_file, engine=engine) as tree:
        for path in recordings:
            np.testing.assert_array_equal(tree[path].coords["batch"].values, replicas, path)


def test_pandas_makes_a_table_of_the_trials(run_file: Path, arrays: dict[str, Any], engine: str) -> None:
    with xr.open_dataset(run_file, engine=engine, group="trials") as dataset:
        table = dataset.to_dataframe()

    columns = [path.rpartition("/")[2] for path, array in arrays.items() if array.dims == ("trial",)]
    assert set(columns) == {*table.columns, table.index.name} - {"n_rows"}
    for name in columns:
        np.testing.assert_array_equal(table.reset_index()[name], arrays[f"trials/{name}"].values, name)


def test_pandas_makes_the_same_table_from_h5py(run_file: Path, arrays: dict[str, Any]) -> None:
    with h5py.File(run_file) as file:
        table = pd.DataFrame({name: dataset[()] for name, dataset in file["trials"].items()})

    assert len(table) == arrays["trials/n_rows"].values
    np.testing.assert_array_equal(table["stop_step"], arrays["trials/stop_step"].values)


def test_engram_reads_what_h5py_reads(run_file: Path, arrays: dict[str, Any]) -> None:
    with h5py.File(run_file) as file:
        nodes = {
            f"recordings/{kind}/{name}": item.attrs["path"]
            for kind, node in file["recordings"].items()
            for name, item in node.items()
        }

    with engram.open(run_file) as run:
        for path, array in arrays.items():
            group, _, name = path.rpartition("/")
            if array.dims[:2] == ("time", "batch"):
                np.testing.assert_array_equal(run[f"{nodes[group]}.{name}"], array.values, path)
