import os

import numpy as np
import pytest

import engram_hdf5 as h5


def entries(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["run.h5", "run.h5.part"])
def test_an_existing_file_is_refused_before_anything_is_created(make_writer, tmp_path, name):
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(h5.OutputExistsError, match="force") as caught:
        make_writer()
    assert isinstance(caught.value, FileExistsError)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert entries(tmp_path) == {name: b"precious"}


def test_force_leaves_the_old_file_until_the_new_one_is_complete(make_writer, kit, tmp_path):
    old = tmp_path / "run.h5"
    old.write_bytes(b"precious")
    (tmp_path / "run.h5.part").write_bytes(b"left over")
    writer = make_writer(force=True)
    kit.fill(writer)
    writer.commit()
    assert old.read_bytes() == b"precious"
    writer.complete()
    assert h5.validate(old) == []


def test_a_stopped_run_leaves_the_old_file(make_writer, kit, tmp_path):
    (tmp_path / "run.h5").write_bytes(b"precious")
    writer = make_writer(force=True)
    kit.fill(writer)
    writer.stop("failed", "boom")
    assert (tmp_path / "run.h5").read_bytes() == b"precious"


def test_a_missing_folder_is_refused(make_writer, tmp_path):
    with pytest.raises(h5.OutputError, match="does not exist; create it"):
        make_writer("no/run.h5")
    assert entries(tmp_path) == {}


def test_a_folder_that_cannot_be_written_is_refused(make_writer, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(h5.OutputError, match="not writable"):
        make_writer()
    assert entries(tmp_path) == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provenance": {"backend": "numpy"}}, "'seed' is missing"),
        ({"provenance": {"backend": "numpy", "seed": "one"}}, "'seed' must be of type int"),
        ({"provenance": {"backend": "numpy", "seed": 2**70}}, "cannot be stored"),
        ({"texts": {"config": ""}}, "'packages' is missing"),
        ({"texts": {"config": "", "packages": "", "poem": ""}}, "'poem'"),
        ({"batch": 0, "columns": []}, "at least one replica"),
        ({"columns": [h5.Column("batch", np.arange(3), "1", "x")]}, "'batch' is taken"),
        ({"columns": [h5.Column("a.b", np.arange(3), "1", "x")]}, r"'a\.b' cannot be stored"),
        ({"columns": [h5.Column("a", np.arange(4), "1", "x")]}, r"shape is \(4,\), must be \(3,\)"),
        ({"columns": [h5.Column("a", np.arange(3.0, dtype="f2"), "1", "x")]}, "stored as float16"),
        ({"schemas": {"mine": "not = [toml"}}, "schema 'mine'"),
    ],
)
def test_a_writer_that_cannot_begin_leaves_nothing_behind(make_writer, tmp_path, changes, message):
    with pytest.raises(h5.OutputError, match=message):
        make_writer(**changes)
    assert entries(tmp_path) == {}


@pytest.mark.parametrize("dtype", ["float16", "complex64", "object", "<U3", "datetime64[s]"])
def test_a_dtype_that_some_reader_cannot_take_is_refused(make_writer, kit, dtype):
    writer = make_writer()
    with pytest.raises(h5.OutputError, match="allowed here: float32"):
        kit.record(writer, variables=[h5.Variable("v", (), (), dtype, "1", "value")])
    writer.stop("failed", "refused")


@pytest.mark.parametrize("name", ["w.x", "1w", "w w", "gr\u00f6\u00dfe", "", "a/b", "..", "w\n"])
def test_a_name_that_some_reader_cannot_take_is_refused(make_writer, kit, name):
    writer = make_writer()
    with pytest.raises(h5.OutputError, match="cannot be stored"):
        kit.record(writer, variables=[h5.Variable(name, (), (), "float32", "1", "value")])
    writer.stop("failed", "refused")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"axes": ("unit", "unit"), "sizes": (2, 2)}, "occurs twice"),
        ({"axes": ("unit",), "sizes": ()}, "one size an axis"),
        ({"axes": ("unit",), "sizes": (0,)}, "is empty"),
        ({"labels": {"unit": ("a",)}}, "1 labels for an axis of 2"),
        ({"labels": {"unit": ("a b", "c")}}, "holds a blank"),
        ({"entries": {"unit": (0, 2, 4)}}, "3 entries along 'unit'; give one a place"),
    ],
)
def test_axes_that_cannot_be_dimensions_are_refused(arguments, message):
    usual = {"axes": ("unit",), "sizes": (2,), "dtype": "float32", "units": "1", "long_name": "value"}
    with pytest.raises(h5.OutputError, match=message):
        h5.Variable("v", **usual | arguments)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ([("v", ("unit",), (2,)), ("w", ("unit",), (3,))], "has 3 places here and 2 in another"),
        ([("unit", ("unit",), (2,))], "'unit' is taken"),
        ([("v", ("time",), (2,))], "may not be called 'time'"),
        ([("v", ("batch",), (2,))], "may not be called 'batch'"),
        ([("time", (), ())], "'time' is taken"),
        ([("n_rows", (), ())], "'n_rows' is taken"),
        ([("v", (), ()), ("v", (), ())], "'v' is taken"),
    ],
)
def test_names_that_clash_are_refused(make_writer, kit, variables, message):
    writer = make_writer()
    with pytest.raises(h5.OutputError, match=message):
        kit.record(writer, variables=[h5.Variable(*item, "float32", "1", "value") for item in variables])
    writer.stop("failed", "refused")


def test_variables_that_keep_other_entries_of_an_axis_are_refused(make_writer, kit):
    writer = make_writer()
    variables = [
        h5.Variable(name, ("unit",), (2,), "float32", "1", "value", entries={"unit": kept})
        for name, kept in (("v", (0, 1)), ("w", (0, 7)))
    ]
    with pytest.raises(h5.OutputError, match="w: along 'unit' other entries are kept than in another"):
        kit.record(writer, variables=variables)
    writer.stop("failed", "refused")


def test_a_column_of_texts_is_refused():
    with pytest.raises(h5.OutputError, match="codes with flags"):
        h5.Column("a", np.array(["x", "y"]), "1", "x")


def test_units_must_be_given(make_writer, kit):
    writer = make_writer()
    with pytest.raises(h5.OutputError, match="units and long_name"):
        kit.record(writer, variables=[h5.Variable("v", (), (), "float32", "", "value")])
    writer.stop("failed", "refused")


def test_an_unknown_kind_and_a_second_recording_of_one_name_are_refused(make_writer, kit):
    writer = make_writer()
    kit.record(writer)
    with pytest.raises(h5.OutputError, match="is there already"):
        kit.record(writer)
    with pytest.raises(h5.OutputError, match="kinds are memory, synapse and task"):
        writer.add_recording("plant", "x", path="plant", attributes={}, every=1, variables=[])
    with pytest.raises(h5.OutputError, match="'component' is missing"):
        writer.add_recording("memory", "y", path="memory", attributes={}, every=1, variables=[])
    writer.stop("failed", "refused")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("gain", lambda array: array.astype(np.float64), "dtype is float64, declared was float32"),
        ("gain", lambda array: array[:, :1], r"shape is \(50, 1, 2\), must be \(50, 3, 2\)"),
        ("awake", lambda array: array.astype(np.int8), "dtype is int8, declared was bool"),
        ("time", lambda array: array[::-1].copy(), "time: does not increase"),
        ("step", lambda array: np.zeros_like(array), "step: does not increase"),
        ("time", lambda array: np.full_like(array, np.nan), "time: does not increase"),
    ],
)
def test_rows_that_are_not_as_declared_are_refused_and_change_nothing(
    make_writer, kit, name, change, message
):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw()
    with pytest.raises(h5.OutputError, match=message):
        kit.append(writer, recording, {**rows, name: change(rows[name])})
    kit.append(writer, recording, rows)
    with h5.open(writer.complete()) as run:
        np.testing.assert_array_equal(run["memory.gain"], rows["gain"])


def test_time_must_increase_from_one_block_to_the_next(make_writer, kit):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw()
    kit.append(writer, recording, rows, slice(0, 10))
    with pytest.raises(h5.OutputError, match="time: does not increase"):
        kit.append(writer, recording, rows, slice(9, 20))
    writer.stop("failed", "refused")


def test_every_variable_must_be_in_every_block(make_writer, kit):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw()
    del rows["q"]
    with pytest.raises(h5.OutputError, match="not declared: q;"):
        kit.append(writer, recording, rows)
    writer.stop("failed", "refused")


def test_a_table_needs_its_columns(make_writer, kit):
    writer = make_writer()
    with pytest.raises(h5.OutputError, match="'replica' is missing"):
        writer.add_table("trials", kit.TRIALS[1:])
    writer.stop("failed", "refused")
