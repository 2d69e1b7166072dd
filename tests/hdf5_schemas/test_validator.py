import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5

EXPECTED = json.loads((Path(__file__).parent.parent / "golden" / "hdf5" / "expected.json").read_text())
SCHEMA = """
name = "engram-gain/rl-gain"
version = "1.0.0"
[[var]]
name = "gain"
dtype = ["float32"]
dims = ["time", "batch", "stimulus"]
[var.attrs]
units = {type = "str", const = "mV"}
[[var]]
name = "q"
dtype = ["float64"]
dims = ["time", "batch", "stimulus", "action"]
"""


def codes(path, **options):
    return [finding.code for finding in h5.validate(path, **options)]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_golden_file_gets_its_codes(golden, name):
    wanted = EXPECTED[name]["must_report"]
    found = set(codes(golden / name, data=True))
    assert all(found & set(code.split("|")) for code in wanted), found
    if not wanted:
        assert found == set()
    assert any(code.startswith("E_") for code in found) == any(code.startswith("E_") for code in wanted)


@pytest.mark.parametrize("name", ["external_storage.h5", "external_link.h5", "virtual.h5"])
def test_nothing_but_the_file_is_opened(golden, tmp_path, name):
    alone = tmp_path / name
    alone.write_bytes((golden / name).read_bytes())
    assert h5.validate(alone, data=True) == h5.validate(golden / name, data=True)
    secret = (golden / "secret.txt").read_text().strip()
    assert secret
    assert not any(secret in str(finding) for finding in h5.validate(golden / name, data=True))


def test_codes_are_on_the_faulty_object_only(golden):
    assert {finding.where for finding in h5.validate(golden / "wrong_dims.h5")} == {
        "recordings/memory/gain/v"
    }
    assert {finding.where for finding in h5.validate(golden / "hard_cycle.h5")} == {"recordings/memory/up"}
    assert {finding.where for finding in h5.validate(golden / "time_not_monotonic.h5")} == {
        "recordings/memory/gain/time"
    }


def test_a_file_of_the_writer_has_no_finding(run_path):
    assert h5.validate(run_path, data=True) == []


def test_findings_are_one_line_and_know_whether_they_are_errors(golden):
    (finding,) = h5.validate(golden / "bad_status.h5")
    assert finding.is_error
    assert str(finding).startswith("/: E_ATTR_VALUE: attribute 'status' is 'done'")
    assert not h5.Finding("W_INCOMPLETE", "/", "x").is_error


def test_a_component_is_checked_by_the_schema_kept_in_the_file(make_writer, kit):
    writer = make_writer(schemas={"engram-gain/rl-gain": SCHEMA})
    kit.fill(writer)
    path = writer.complete()
    # The final q has no action axis, the schema says it has one.
    assert [(finding.code, finding.where) for finding in h5.validate(path)] == [
        ("E_DTYPE", "state/final/memory/rl_gain/q"),
        ("E_DIMS", "state/final/memory/rl_gain/q"),
    ]
    with h5py.File(path, "r+") as file:
        del file["state"]
        file["recordings/memory/rl_gain/gain"].attrs["units"] = "V"
    (finding,) = h5.validate(path)
    assert (finding.code, finding.where) == ("E_ATTR_VALUE", "recordings/memory/rl_gain/gain")


@pytest.mark.parametrize(
    "text", ["not toml [", 'name = "x"', 'name="x"\nversion="1"\nattrs.a.pattern="(a+)+"']
)
def test_an_embedded_schema_that_cannot_be_trusted_is_an_error(run_path, text):
    with h5py.File(run_path, "r+") as file:
        file["provenance/schemas"].create_dataset("odd", data=text).attrs.update(
            schema="x", schema_version="1"
        )
    assert codes(run_path) == ["E_SCHEMA"]


def test_rows_missing_below_the_commit_mark_are_an_error(run_path):
    with h5py.File(run_path, "r+") as file:
        file["recordings/memory/rl_gain/n_rows"][()] = 51
    found = h5.validate(run_path)
    assert {finding.code for finding in found} == {"E_DIM_SIZE"}
    assert len(found) == 6


def test_rows_above_the_commit_mark_are_an_error_only_in_a_complete_file(run_path):
    with h5py.File(run_path, "r+") as file:
        file["recordings/memory/rl_gain/n_rows"][()] = 40
    assert set(codes(run_path)) == {"E_DIM_SIZE"}
    with h5py.File(run_path, "r+") as file:
        file.attrs["status"] = "interrupted"
    assert codes(run_path) == ["W_INCOMPLETE"]


def test_order_is_checked_across_blocks_and_below_the_commit_mark_only(make_writer, kit):
    writer = make_writer()
    recording = kit.record(writer, variables=[])
    step = np.arange(3_000_000)
    writer.append(recording, step, step * 0.1, {})
    path = writer.complete()
    assert codes(path) == []
    with h5py.File(path, "r+") as file:
        # 16 MiB blocks of float64: the fault lies exactly between the first and the second.
        time = file["recordings/memory/rl_gain/time"]
        time[2**21] = time[2**21 - 1]
    assert codes(path) == ["E_NOT_MONOTONIC"]


def change_missing_group(file):
    del file["provenance"]


def change_missing_dataset(file):
    del file["recordings/memory/rl_gain/step"]


def change_unknown_group(file):
    file.create_group("extras")


def change_name(file):
    file["recordings/memory/rl_gain"].move("gain", "ga-in")


def change_flags(file):
    file["recordings/memory/rl_gain/awake"].attrs["flag_values"] = "0 1"


def change_empty_attribute(file):
    file.attrs["odd"] = h5py.Empty("f4")


def change_many_attributes(file):
    for index in range(300):
        file.attrs[f"a{index}"] = index


def change_long_attribute(file):
    file.attrs["odd"] = np.zeros(20_000)


def change_bool_attribute(file):
    file.attrs["odd"] = True


def change_dangling_scale(file):
    del file["recordings/memory/rl_gain/stimulus"]


def change_depth(file):
    group = file
    for _ in range(40):
        group = group.create_group("recordings" if group == file and "recordings" not in file else "deep")


def change_text_rank(file):
    del file["provenance/config"]
    file["provenance"].create_dataset("config", data=["a", "b"], dtype=h5py.string_dtype())


def change_empty_dataset(file):
    file["recordings/memory/rl_gain"].create_dataset("odd", data=h5py.Empty("f4"))


def change_foreign_scale(file):
    group = file["recordings/memory/rl_gain"]
    item = group.create_dataset("odd", shape=(50, 3), dtype="f4")
    item.attrs.update(units="1", long_name="odd")
    item.dims[0].attach_scale(group["time"])
    item.dims[1].attach_scale(file["trials/trial"])


def change_second_link(file):
    file["recordings/memory/rl_gain/copy"] = file["recordings/memory/rl_gain/gain"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (change_missing_group, "E_MISSING"),
        (change_missing_dataset, "E_MISSING"),
        (change_unknown_group, "W_UNKNOWN"),
        (change_name, "E_NAME"),
        (change_flags, "E_ATTR_TYPE"),
        (change_empty_attribute, "E_ATTR_TYPE"),
        (change_many_attributes, "E_LIMIT"),
        (change_long_attribute, "E_LIMIT"),
        (change_bool_attribute, "E_ATTR_TYPE"),
        (change_dangling_scale, "E_DIM_LIST"),
        (change_depth, "E_LIMIT"),
        (change_text_rank, "E_DIMS"),
        (change_empty_dataset, "E_DTYPE"),
        (change_foreign_scale, "E_DIMS"),
        (change_second_link, "E_HARD_LINK"),
    ],
)
def test_each_fault_has_its_code(run_path, change, code):
    with h5py.File(run_path, "r+") as file:
        change(file)
    assert code in codes(run_path, data=True)


def test_plain_texts_are_no_pickles(run_path):
    with h5py.File(run_path, "r+") as file:
        for index, text in enumerate(
            ["N.", "Ends with a dot.", "I1\n.", "0.1.2.", "(a). b.", "a" * 300 + "."]
        ):
            file.attrs[f"text{index}"] = text
    assert codes(run_path) == []
