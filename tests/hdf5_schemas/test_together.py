"""Several run files opened together: their replicas side by side, and what does not fit refused."""

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5


@pytest.fixture
def make_file(make_writer, kit):
    """Write a run of its own size and content: `make_file("b.h5", batch=2, seed=7)`."""

    def make(name, batch=3, seed=0, rows=6, variables=None, step=10, tables=True, **changes):
        rng = np.random.default_rng(seed)
        columns = [h5.Column("seed", np.arange(batch) + 100 * seed, "1", "seed of the draws")]
        writer = make_writer(name, batch=batch, **{"columns": columns} | changes)
        variables = variables or (
            h5.Variable(
                "gain", ("stimulus",), (2,), "float32", "mV", "gain", labels={"stimulus": ("CS", "US")}
            ),
            h5.Variable("awake", (), (), "bool", "1", "whether awake"),
        )
        recording = kit.record(writer, variables=variables)
        arrays = {
            item.name: (rng.random((rows, batch, *item.sizes)) * 9).astype(item.dtype) for item in variables
        }
        writer.append(recording, np.arange(rows) * step, np.arange(rows) * step * 0.1, arrays)
        if tables:
            trials = writer.add_table("trials", kit.TRIALS)
            replica = np.arange(batch, dtype=np.int32)
            flags = {"outcome": np.ones(batch, np.int8), "rewarded": np.ones(batch, bool)}
            writer.append_rows(
                trials, {"replica": replica, "start_time": np.full(batch, 1.0 * seed), **flags}
            )
        last = {item.name: arrays[item.name][-1] for item in variables}
        writer.write_final("memory", "rl_gain", step=rows, time=1.0, arrays=last, variables=variables)
        return writer.complete()

    return make


@pytest.fixture
def paths(make_file):
    return [make_file("a.h5"), make_file("b.h5", batch=2, seed=1), make_file("c.h5", batch=4, seed=2)]


def test_the_replicas_of_all_files_lie_side_by_side_in_the_order_of_the_files(paths):
    with h5.open(paths) as runs:
        single = [h5.open(path) for path in paths]
        assert (runs.batch, len(runs), runs.paths) == (9, 3, tuple(paths))
        for name in ("memory.gain", "memory.awake"):
            expected = np.concatenate([run[name] for run in single], axis=1)
            np.testing.assert_array_equal(runs[name], expected)
            assert runs[name].dtype == expected.dtype
            np.testing.assert_array_equal(
                runs.final(name), np.concatenate([run.final(name) for run in single])
            )
        np.testing.assert_array_equal(runs.time("memory"), single[0].time("memory"))
        np.testing.assert_array_equal(runs.step("memory.gain"), np.arange(6) * 10)


def test_files_given_in_another_order_give_their_replicas_in_that_order(paths):
    with h5.open(paths[:2]) as runs, h5.open(tuple(paths[1::-1])) as turned:
        np.testing.assert_array_equal(turned["memory.gain"][:, :2], runs["memory.gain"][:, 3:])


def test_columns_are_joined_and_tell_the_file(paths):
    with h5.open(iter(paths)) as runs:
        assert runs.columns["seed"].tolist() == [0, 1, 2, 100, 101, 200, 201, 202, 203]
        assert runs.columns["file"].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]


def test_a_column_that_one_file_lacks_is_left_out(paths, make_file):
    extra = make_file("d.h5", columns=[h5.Column("other", np.arange(3), "1", "another")])
    with h5.open([paths[0], extra]) as runs:
        assert list(runs.columns) == ["file"]


def test_the_words_are_those_of_a_single_file(paths):
    with h5.open(paths) as runs, h5.open(paths[0]) as run:
        assert (runs.variables(), runs.final_variables()) == (run.variables(), run.final_variables())
        assert runs.dims("memory.gain") == run.dims("memory.gain")
        assert runs.attributes("memory.gain") == run.attributes("memory.gain")
        assert runs.attributes("memory")["component"] == "rl-gain"
        assert runs.labels("memory.gain", "stimulus") == ("CS", "US")
        assert runs.attrs["title"] == "a test"
        assert runs.provenance["backend"] == "numpy"
        assert "memory.gain" in runs and "memory.gian" not in runs
        assert [type(item) for item in runs] == [h5.RunFile] * 3


def test_replicas_of_trials_count_through_the_files(paths):
    pytest.importorskip("pandas")
    with h5.open(paths) as runs:
        trials = runs.trials()
    assert trials["replica"].tolist() == list(range(9))
    assert trials["file"].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert trials["start_time"].tolist() == [0.0] * 3 + [1.0] * 2 + [2.0] * 4
    assert (trials.index.name, trials.index.tolist()) == ("trial", list(range(9)))


def test_replicas_of_events_count_through_the_files(run_path, make_writer, kit):
    pytest.importorskip("pandas")
    writer = make_writer("other.h5")
    kit.fill(writer)
    with h5.open([run_path, writer.complete()]) as runs:
        events = runs.events()
    assert events["replica"].tolist() == [0, 1, 2, 3, 4, 5]
    assert events["unit"].tolist() == [1, 2, 3] * 2


def test_xarray_gets_the_joint_arrays(paths):
    pytest.importorskip("xarray")
    with h5.open(paths) as runs:
        tree, gain = runs.to_xarray(), runs["memory.gain"]
    found = tree["recordings/memory/rl_gain/gain"]
    assert found.dims == ("time", "batch", "stimulus")
    assert found.attrs["units"] == "mV"
    np.testing.assert_array_equal(found, gain)
    assert tree["seed"].sizes == tree["file"].sizes == {"batch": 9}
    assert tree["trials/replica"].values.tolist() == list(range(9))
    assert tree["state/final/memory/rl_gain/awake"].shape == (9,)
    assert tree["recordings/memory/rl_gain/time"].attrs["units"] == "s"


CHANGED = {
    "dtype": h5.Variable("gain", ("stimulus",), (2,), "float64", "mV", "gain"),
    "axes": h5.Variable("gain", ("odour",), (2,), "float32", "mV", "gain"),
    "length along stimulus": h5.Variable("gain", ("stimulus",), (3,), "float32", "mV", "gain"),
    "labels along stimulus": h5.Variable(
        "gain", ("stimulus",), (2,), "float32", "mV", "gain", labels={"stimulus": ("US", "CS")}
    ),
    "units": h5.Variable("gain", ("stimulus",), (2,), "float32", "V", "gain"),
}


@pytest.mark.parametrize("trait", CHANGED)
def test_arrays_that_differ_are_refused_with_file_and_difference(make_file, paths, trait):
    other = make_file("other.h5", variables=(CHANGED[trait],))
    with h5.open([paths[0], other]) as runs:
        for read in (runs.__getitem__, runs.final):
            with pytest.raises(h5.FormatError) as caught:
                read("memory.gain")
            assert str(caught.value).startswith(f"{other}: memory.gain has {trait} ")
            assert str(caught.value).endswith("open the files one by one")
            assert caught.value.code == "E_DIFFERENT"
        assert "memory.gain" in runs


@pytest.mark.parametrize("changes", [{"rows": 5}, {"step": 20}])
def test_files_whose_rows_or_times_differ_are_refused_but_their_final_states_are_not(
    make_file, paths, changes
):
    other = make_file("other.h5", **changes)
    with h5.open([paths[0], other]) as runs:
        with pytest.raises(
            h5.FormatError, match=r"other\.h5: memory\.time has other values, or another number"
        ):
            runs["memory.gain"]
        with pytest.raises(h5.FormatError, match="open the files one by one"):
            runs.time("memory")
        assert runs.final("memory.gain").shape == (6, 2)


def test_replicas_that_no_axis_has_are_refused(paths, golden, tmp_path):
    (tmp_path / "n.h5").write_bytes((golden / "no_scales.h5").read_bytes())
    refused = pytest.raises(h5.FormatError, match=r"n\.h5: memory\.gain\.v has axes \?, \?, \?")
    with h5.open([golden / "ok_minimal.h5", tmp_path / "n.h5"]) as runs, refused:
        runs["memory.gain.v"]


def test_a_column_of_another_dtype_is_refused(paths, make_file):
    other = make_file("other.h5", columns=[h5.Column("seed", np.ones(3), "1", "seed")])
    with h5.open([paths[0], other]) as runs, pytest.raises(h5.FormatError, match="column 'seed' is float64"):
        _ = runs.columns


def test_trials_with_other_columns_are_refused(paths, make_file):
    pytest.importorskip("pandas")
    with h5py.File(paths[1], "r+") as file:
        del file["trials/outcome"]
    with h5.open(paths) as runs, pytest.raises(h5.FormatError, match=r"b\.h5: its trials have other columns"):
        runs.trials()


def test_what_only_some_files_hold_is_named_with_the_file(paths, make_file, run_path):
    with h5.open([paths[0], run_path]) as runs:
        assert runs.variables() == ["memory.gain", "memory.awake"]
        with pytest.raises(
            h5.UnknownNameError, match=r"a\.h5: holds no 'memory\.q', .*run\.h5 does; open the"
        ):
            runs["memory.q"]
        with pytest.raises(h5.UnknownNameError, match=r"did you mean 'memory\.gain'"):
            runs["memory.gian"]
    without = make_file("none.h5", tables=False)
    with (
        h5.open([paths[0], without]) as runs,
        pytest.raises(h5.UnknownNameError, match=r"none\.h5: holds no tr"),
    ):
        runs.trials()


def test_all_files_are_closed_when_one_cannot_be_opened(paths, golden):
    with pytest.raises(h5.FormatError, match="is no HDF5 file"):
        h5.open([*paths[:2], golden / "not_hdf5.h5"])
    for path in paths[:2]:
        h5py.File(path, "r+").close()


def test_all_files_are_closed_at_the_end(paths):
    with h5.open(paths) as runs:
        assert "a.h5" in repr(runs) and "memory.gain" in repr(runs) and "9 replicas" in repr(runs)
    assert repr(runs) == "<RunFiles, 3 files, closed>"
    for path in paths:
        h5py.File(path, "r+").close()


@pytest.mark.parametrize(("count", "said"), [(0, "no file is given"), (2, r"a\.h5: is given twice")])
def test_no_file_or_one_given_twice_is_refused(paths, count, said):
    with pytest.raises(h5.FormatError, match=said):
        h5.open([paths[0]] * count)


def test_one_path_gives_a_single_file_and_a_list_of_one_gives_files(paths):
    with h5.open(str(paths[0])) as run, h5.open([str(paths[1])]) as runs:
        assert (type(run), type(runs)) == (h5.RunFile, h5.RunFiles)
        assert runs["memory.gain"].shape == (6, 2, 2)
