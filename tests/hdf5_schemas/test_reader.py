import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5


def test_everything_written_comes_back(run_path, kit):
    rows = kit.draw()
    with h5.open(run_path) as run:
        assert run.variables() == ["memory.gain", "memory.spikes", "memory.awake", "memory.q"]
        for name in ("gain", "spikes", "awake", "q"):
            values = run[f"memory.{name}"]
            np.testing.assert_array_equal(values, rows[name])
            assert values.dtype == rows[name].dtype
        np.testing.assert_array_equal(run.time("memory"), rows["time"])
        np.testing.assert_array_equal(run.step("memory.gain"), rows["step"])
        np.testing.assert_array_equal(run.final("memory.q"), np.ones((kit.BATCH, 2)))
        assert run.final_variables() == ["memory.q"]
        assert run.batch == kit.BATCH


def test_a_part_of_the_rows_is_read_alone(run_path, kit):
    rows = kit.draw()
    with h5.open(run_path) as run:
        for part in (slice(2, 5), slice(7, None), slice(-3, None), slice(0, 0), slice(3, 10**9)):
            values = run.part("memory.awake", part)
            np.testing.assert_array_equal(values, rows["awake"][part])
            assert values.dtype == bool
        with pytest.raises(h5.UnknownNameError, match=r"holds no 'memory\.gane'; did you mean"):
            run.part("memory.gane", slice(2))


def test_bit_patterns_survive(make_writer, kit):
    payload = np.array([0x7FC00001, 0x80000000, 0x00000001], np.uint32).view(np.float32)
    writer = make_writer()
    variable = h5.Variable("v", (), (), "float32", "1", "value", compress="gzip")
    recording = kit.record(writer, variables=[variable])
    writer.append(recording, np.array([0]), np.array([0.0]), {"v": payload[None]})
    with h5.open(writer.complete()) as run:
        assert run["memory.v"].tobytes() == payload.tobytes()


def test_facts_of_the_run_come_back(run_path):
    with h5.open(run_path) as run:
        assert run.status == "complete"
        assert (run.attrs["title"], run.attrs["source"], run.attrs["run_id"]) == (
            "a test",
            "engram 0.1",
            "run-1",
        )
        assert run.provenance["backend"] == "numpy"
        assert (run.provenance["seed"], run.provenance["git_dirty"]) == (1, 0)
        assert run.provenance["wall_time_s"] == 1.5
        assert run.recipe == {"run": {"steps": 50}}
        assert run.recipe_text == "[run]\nsteps = 50\n"
        assert run.text("packages") == '{"engram": "0.1"}'
        assert list(run.columns) == ["seed", "memory_alpha"]
        np.testing.assert_array_equal(run.columns["memory_alpha"], [0.1, 0.2, 0.3])


def test_attributes_and_labels_come_back(run_path):
    with h5.open(run_path) as run:
        assert run.attributes("memory.gain") == {"units": "mV", "long_name": "sensory gain"}
        assert run.attributes("memory")["component"] == "rl-gain"
        assert run.attributes("memory_alpha")["path"] == "memory.alpha"
        assert run.labels("memory.gain", "stimulus") == ("CS", "US")
        assert run.labels("memory.q", "action") == ()
        assert run.dims("memory.q") == ("time", "batch", "stimulus", "action")
        assert isinstance(run.dataset("memory.gain"), h5py.Dataset)
        with pytest.raises(h5.UnknownNameError, match="no axis 'odour'"):
            run.labels("memory.gain", "odour")


def test_an_unknown_name_is_answered_with_the_nearest(run_path):
    with h5.open(run_path) as run:
        with pytest.raises(
            KeyError, match=r"holds no 'memory\.gian'; did you mean 'memory\.gain'\?"
        ) as caught:
            run["memory.gian"]
        assert not str(caught.value).startswith("'")
        with pytest.raises(h5.UnknownNameError, match="it holds"):
            run.time("nothing")
        with pytest.raises(h5.UnknownNameError, match=r"did you mean 'memory\.q'"):
            run.final("memory.qq")
        with pytest.raises(h5.UnknownNameError, match="provenance/plugins"):
            run.text("plugins")
        assert "memory.gain" in run
        assert "memory.gian" not in run


def test_a_nested_component_goes_by_its_path(make_writer, kit):
    writer = make_writer()
    said = {"component": "mstdp-et", "schema": "s", "schema_version": "1.0.0"}
    weight = h5.Variable("w", ("pre", "post"), (2, 3), "float32", "1", "weight")
    recording = writer.add_recording(
        "synapse", "hidden_output", path="memory.hidden_output", attributes=said, every=1, variables=[weight]
    )
    values = np.random.default_rng(0).random((4, 3, 2, 3)).astype(np.float32)
    writer.append(recording, np.arange(4), np.arange(4.0), {"w": values})
    writer.write_final(
        "synapse", "hidden_output", step=3, time=3.0, arrays={"w": values[-1]}, variables=[weight]
    )
    with h5.open(writer.complete()) as run:
        np.testing.assert_array_equal(run["memory.hidden_output.w"], values)
        np.testing.assert_array_equal(run.final("memory.hidden_output.w"), values[-1])
        assert run.attributes("memory.hidden_output.w")["long_name"] == "weight"


def test_a_file_without_paths_goes_by_kind_and_name(golden):
    with h5.open(golden / "ok_minimal.h5") as run:
        expected = np.random.default_rng(0).standard_normal((32, 2, 3)).astype(np.float32)
        np.testing.assert_array_equal(run["memory.gain.v"], expected)
        assert run.time("memory.gain").shape == (32,)
        assert run.columns == {}
    with h5.open(golden / "ok_full.h5") as run:
        assert run.variables() == ["memory.gain.v", "synapse.s1.v", "task.bandit.v"]


def test_rows_beyond_the_shortest_array_are_not_shown(golden):
    with h5.open(golden / "ragged_tail.h5") as run:
        assert len(run["memory.gain.v"]) == len(run.time("memory.gain")) == 32


def test_time_and_step_are_columns_of_a_table(make_writer):
    columns = [
        h5.ColumnSpec("time", "float64", "s", "time"),
        h5.ColumnSpec("step", "int64", "1", "step"),
        h5.ColumnSpec("replica", "int32", "1", "index along batch"),
    ]
    writer = make_writer()
    table = writer.add_table("events", columns)
    rows = {"time": np.array([0.5]), "step": np.array([5]), "replica": np.array([1], np.int32)}
    writer.append_rows(table, rows)
    with h5.open(writer.complete()) as run:
        assert run.tables()["events"].variables == ("time", "step", "replica")
        assert run.events().to_dict("records") == [{"time": 0.5, "step": 5, "replica": 1}]


def test_trials_and_events_are_data_frames(run_path):
    with h5.open(run_path) as run:
        trials, events = run.trials(), run.events()
    assert list(trials.columns) == ["replica", "start_time", "outcome", "rewarded"]
    assert trials["outcome"].tolist() == [0, 1, 1]
    assert trials["rewarded"].tolist() == [False, True, True]
    assert trials["rewarded"].dtype == bool
    assert trials.index.name == "trial"
    assert list(events.columns) == ["time", "replica", "unit"]
    assert events["time"].tolist() == [0.5, 0.25, 0.75]


def test_a_file_without_trials_says_how_to_get_them(golden):
    with (
        h5.open(golden / "ok_minimal.h5") as run,
        pytest.raises(h5.UnknownNameError, match="record.trials = true"),
    ):
        run.trials()


def test_repr_tells_what_is_in_the_file(run_path):
    run = h5.open(run_path)
    shown = repr(run)
    assert "'a test', complete, 3 replicas" in shown
    assert "memory.gain  (time 50, batch 3, stimulus 2)  float32  mV" in shown
    assert "trials: 3 rows" in shown
    assert "final memory.q" in shown
    run.close()
    assert "closed" in repr(run)


def test_reading_needs_neither_xarray_nor_pandas_until_asked(run_path, monkeypatch):
    for name in ("xarray", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)
    with h5.open(run_path) as run:
        assert len(run["memory.gain"]) == 50
        with pytest.raises(ImportError, match=r"pip install engram\[xarray\]"):
            run.to_xarray()
        with pytest.raises(ImportError, match=r"pip install engram\[xarray\]"):
            run.trials()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("absent.h5", "E_OPEN"),
        ("not_hdf5.h5", "E_NOT_HDF5"),
        ("zero_length.h5", "E_NOT_HDF5"),
        ("truncated.h5", "E_TRUNCATED"),
        ("open_for_write.h5", "E_OPEN_FOR_WRITE"),
        ("future_major.h5", "E_SCHEMA_VERSION"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(golden, name, code):
    with pytest.raises(h5.FormatError) as caught:
        h5.open(golden / name)
    assert caught.value.code == code
    assert str(golden / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_hdf5_file_of_another_kind_is_refused(tmp_path):
    h5py.File(tmp_path / "other.h5", "w").close()
    with pytest.raises(h5.FormatError, match="no run file"):
        h5.open(tmp_path / "other.h5")


def test_a_file_that_another_process_writes_is_refused(make_writer):
    writer = make_writer()
    program = (
        "import sys, engram_hdf5\ntry: engram_hdf5.open(sys.argv[1])\nexcept Exception as e: print(repr(e))"
    )
    roots = [str(Path(h5.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))}
    command = [sys.executable, "-c", program, str(writer.part)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    writer.stop("failed", "end of the test")
    assert "is being written; wait until the run has ended" in done.stdout
    assert "FormatError" in done.stdout


def test_a_second_writer_of_one_file_is_refused(make_writer):
    writer = make_writer()
    with pytest.raises(h5.OutputError, match="a run is writing it"):
        make_writer(force=True)
    writer.stop("failed", "end of the test")
    with h5.open(writer.part) as run:
        assert run.attrs["status_reason"] == "end of the test"


def test_a_closed_file_says_so(run_path):
    with h5.open(run_path) as run:
        pass
    for read in (lambda: run["memory.gain"], lambda: run.attrs, run.tables):
        with pytest.raises(h5.FormatError, match=r"run\.h5: was closed; open it again"):
            read()


def test_a_component_without_times_says_so(run_path):
    with h5py.File(run_path, "r+") as file:
        del file["recordings/memory/rl_gain/step"]
    with (
        h5.open(run_path) as run,
        pytest.raises(h5.UnknownNameError, match="memory: holds no 'step'; it holds"),
    ):
        run.step("memory")


def test_damaged_structure_is_told_in_one_line_with_the_file(run_path, monkeypatch):
    def broken(item):
        raise RuntimeError("cannot go on\nand a stack of HDF5 messages")

    with h5.open(run_path) as run:
        monkeypatch.setattr("engram_hdf5.reader.read_attributes", broken)
        with pytest.raises(h5.FormatError) as caught:
            run.attributes("memory.gain")
    said = "is damaged (cannot go on); copy it again, or recover it"
    assert (str(caught.value), caught.value.code) == (f"{run_path}: {said}", "E_OBJECT")


def test_damaged_data_are_an_error(golden):
    with (
        h5.open(golden / "bitflip_chunk.h5") as run,
        pytest.raises(h5.FormatError, match="damaged") as caught,
    ):
        run["memory.gain.v"]
    assert caught.value.code == "E_DATA"


@pytest.mark.parametrize("name", ["external_link", "external_storage", "virtual", "soft_cycle", "hard_cycle"])
def test_reading_never_leaves_the_file(golden, name):
    with h5.open(golden / f"{name}.h5") as run:
        assert run.variables() == ["memory.gain.v"]
        assert run.to_xarray()["recordings/memory/gain/v"].shape == (32, 2, 3)
