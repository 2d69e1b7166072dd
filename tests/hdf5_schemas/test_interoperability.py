import subprocess

import numpy as np
import pytest
import xarray as xr

import engram_hdf5 as h5

NODE = "recordings/memory/rl_gain"


def test_xarray_reads_the_file_as_it_is(run_path, kit):
    with xr.open_datatree(run_path, engine="h5netcdf") as tree:
        gain = tree[f"{NODE}/gain"]
        assert gain.dims == ("time", "batch", "stimulus")
        assert gain.attrs["units"] == "mV"
        np.testing.assert_array_equal(gain.coords["batch"], np.arange(kit.BATCH))
        np.testing.assert_array_equal(gain.values, kit.draw()["gain"])
        assert gain.coords["time"].attrs["units"] == "s"
        assert gain.coords["time"].dtype == np.float64
        assert tree["state/final/memory/rl_gain/q"].dims == ("batch", "stimulus")
        assert tree["trials"].to_dataset()["replica"].dims == ("trial",)
        assert tree["memory_alpha"].dims == ("batch",)


def test_to_xarray_equals_what_xarray_reads(run_path):
    with h5.open(run_path) as run:
        ours = run.to_xarray()
    with xr.open_datatree(run_path, engine="h5netcdf") as tree:
        for name in ("gain", "spikes", "q", "step"):
            xr.testing.assert_equal(ours[f"{NODE}/{name}"], tree[f"{NODE}/{name}"].load())
        assert ours["batch"].dtype == tree["batch"].dtype
        assert ours[f"{NODE}/gain"].attrs == tree[f"{NODE}/gain"].attrs
    assert ours.attrs["title"] == "a test"
    assert ours[f"{NODE}/awake"].dtype == bool
    assert ours["provenance"].attrs["backend"] == "numpy"


def test_to_xarray_does_not_hold_the_file(run_path, make_writer, kit):
    with h5.open(run_path) as run:
        tree = run.to_xarray()
    before = tree[f"{NODE}/gain"].values.copy()
    writer = make_writer(force=True)
    recording = kit.record(writer)
    kit.append(writer, recording, kit.draw(10))
    writer.complete()
    np.testing.assert_array_equal(tree[f"{NODE}/gain"].values, before)
    with h5.open(run_path) as run:
        assert len(run["memory.gain"]) == 10


def test_to_xarray_of_a_part_shows_committed_rows(make_writer, kit):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw(5000)
    kit.append(writer, recording, rows, slice(0, 30))
    writer.commit()
    kit.append(writer, recording, rows, slice(30, 5000))
    copy = writer.part.with_name("copy.h5")
    copy.write_bytes(writer.part.read_bytes())
    with h5.open(copy) as run:
        assert run.to_xarray()[f"{NODE}/gain"].sizes == {"time": 30, "batch": 3, "stimulus": 2}
    writer.stop("failed", "end of the test")


def test_wrong_dimensions_are_told_in_one_line(golden):
    for name in ("wrong_dims.h5", "no_scales.h5"):
        with h5.open(golden / name) as run, pytest.raises(h5.FormatError) as caught:
            run.to_xarray()
        assert caught.value.code == "E_DIMS"


def test_ncdump_shows_dimension_names(run_path, needs):
    needs("ncdump")
    done = subprocess.run(["ncdump", "-h", run_path], capture_output=True, text=True, check=True)
    assert "float gain(time, batch, stimulus) ;" in done.stdout
    assert 'gain:units = "mV" ;' in done.stdout
    assert "time = UNLIMITED" in done.stdout
