"""Copies of run files brought to the present version."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5
from engram_hdf5 import migration

EXPECTED = json.loads((Path(__file__).parent.parent / "golden" / "hdf5" / "expected.json").read_text())
BROKEN = [name for name, said in EXPECTED.items() if any("E_" in code for code in said["must_report"])]


def contents(path):
    """Every dataset's stored bytes, chunk by chunk where there are chunks."""
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            count = item.id.get_num_chunks() if item.chunks else 0
            chunks = [item.id.get_chunk_info(index).chunk_offset for index in range(count)]
            packed = [item.id.read_direct_chunk(offset) for offset in chunks]
            found[name] = packed or item.asstr()[()] if item.dtype == object else packed or item[()].tolist()

    with h5py.File(path) as file:
        file.visititems(note)
    return found


@pytest.mark.parametrize("name", ["ok_minimal", "ok_full", "status_running"])
def test_a_file_without_marks_and_schema_gets_them(golden, tmp_path, name):
    path = tmp_path / "new.h5"
    done = h5.migrate(golden / f"{name}.h5", path)
    assert (done.path, done.before, done.after) == (path, "1.0.0", "1.0.0")
    assert done.changes == ("committed rows (n_rows)", "text of the schema")
    assert [item for item in h5.validate(path, data=True) if item.is_error] == []
    with h5py.File(path) as file:
        assert file["recordings/memory/gain/n_rows"][()] == len(file["recordings/memory/gain/time"])
        assert file["provenance/schemas/engram_run"].asstr()[()] == h5.run_schema().text
        assert f"migrated from {name}.h5, format 1.0.0, by engram " in file.attrs["history"]
    before, after = contents(golden / f"{name}.h5"), contents(path)
    assert {key: after[key] for key in before} == before
    added = {key.rpartition("/")[2] for key in after.keys() - before.keys()}
    assert added == {"n_rows", "engram_run"}


def test_the_old_file_stays_as_it_is(golden, tmp_path):
    old = tmp_path / "old.h5"
    old.write_bytes((golden / "ok_full.h5").read_bytes())
    h5.migrate(old, tmp_path / "new.h5")
    assert old.read_bytes() == (golden / "ok_full.h5").read_bytes()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["new.h5", "old.h5"]


def test_a_migrated_file_reads_the_same_and_needs_no_migration(golden, tmp_path):
    new = tmp_path / "new.h5"
    h5.migrate(golden / "ok_full.h5", new)
    with h5.open(golden / "ok_full.h5") as one, h5.open(new) as other:
        assert set(h5.compare(one, other).values()) == {True}
    assert h5.migrate(new, tmp_path / "newer.h5") == h5.Migrated(None, "1.0.0", "1.0.0", ())
    assert not (tmp_path / "newer.h5").exists()


def test_a_file_of_this_engram_has_nothing_to_migrate(run_path, tmp_path):
    assert h5.migrate(run_path, tmp_path / "new.h5").path is None
    assert not (tmp_path / "new.h5").exists()


def test_only_what_lacks_is_added(run_path, tmp_path):
    with h5py.File(run_path, "r+") as file:
        del file["trials/n_rows"]
    done = h5.migrate(run_path, tmp_path / "new.h5")
    assert done.changes == ("committed rows (n_rows)",)
    with h5.open(tmp_path / "new.h5") as run:
        assert run.file["trials/n_rows"][()] == 3
        assert run.attrs["history"].count("\n") == 1
    assert h5.validate(tmp_path / "new.h5", data=True) == []


def old_file(golden, tmp_path, version):
    """A file of a made-up format before 1.0.0, in which `backend` was an attribute of the file."""
    path = tmp_path / f"old-{version}.h5"
    path.write_bytes((golden / "ok_minimal.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["engram_format_version"] = version
        file.attrs["backend"] = file["provenance"].attrs["backend"]
        del file["provenance"].attrs["backend"]
    return path


def move_backend(file):
    file["provenance"].attrs["backend"] = file.attrs["backend"]
    del file.attrs["backend"]


MADE_UP = (
    h5.Migration("0.8.0", "0.9.0", "a title", lambda file: file.attrs.create("title", "made up")),
    h5.Migration("0.9.0", "1.0.0", "place of the backend", move_backend),
    *migration.MIGRATIONS,
)


@pytest.mark.parametrize(("version", "first"), [("0.8.0", 0), ("0.9.0", 1)])
def test_steps_are_taken_version_by_version_from_that_of_the_file(golden, tmp_path, version, first):
    old = old_file(golden, tmp_path, version)
    done = h5.migrate(old, tmp_path / "new.h5", migrations=MADE_UP)
    assert done.changes == tuple(step.doc for step in MADE_UP[first:])
    assert (done.before, done.after) == (version, "1.0.0")
    with h5.open(tmp_path / "new.h5") as run:
        assert run.attrs["engram_format_version"] == "1.0.0"
        assert run.attrs.get("title") == ("made up" if first == 0 else "golden")
        assert run.provenance["backend"] == "numpy"
    assert not [item for item in h5.validate(tmp_path / "new.h5", data=True) if item.is_error]


def test_a_step_that_leaves_an_invalid_file_writes_nothing(golden, tmp_path):
    old = old_file(golden, tmp_path, "0.9.0")
    step = h5.Migration("0.9.0", "1.0.0", "nothing", lambda file: None)
    with pytest.raises(h5.FormatError, match=r"provenance: E_ATTR_MISSING: attribute 'backend' is missing"):
        h5.migrate(old, tmp_path / "new.h5", migrations=(step, *migration.MIGRATIONS))
    assert [item.name for item in tmp_path.iterdir()] == [old.name]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("0.9.0", "has format '0.9.0', from which nothing leads to 1.0.0; the first format was 1.0.0"),
        ("1.7.0", "has format 1.7.0, this engram writes 1.0.0; upgrade engram to migrate it"),
        ("2.0.0", "format 2.0.0 is newer than 1.0.0; upgrade engram"),
    ],
)
def test_a_version_from_which_no_step_leads_here_is_refused(golden, tmp_path, version, text):
    old = old_file(golden, tmp_path, version)
    with pytest.raises(h5.FormatError) as caught:
        h5.migrate(old, tmp_path / "new.h5")
    assert caught.value.code == "E_SCHEMA_VERSION"
    assert text in str(caught.value) and str(caught.value).startswith(f"{old}: ")
    assert [item.name for item in tmp_path.iterdir()] == [old.name]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_or_hostile_file_is_refused_and_leaves_nothing(golden, tmp_path, name):
    with pytest.raises(h5.FormatError) as caught:
        h5.migrate(golden / name, tmp_path / "new.h5")
    assert str(golden / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_places_that_may_not_be_written_are_refused(golden, tmp_path):
    old = tmp_path / "old.h5"
    old.write_bytes((golden / "ok_minimal.h5").read_bytes())
    (tmp_path / "there.h5").write_text("precious")
    with pytest.raises(h5.OutputError, match="is the file to migrate itself"):
        h5.migrate(old, old, force=True)
    with pytest.raises(h5.OutputExistsError, match=r"there\.h5: exists already"):
        h5.migrate(old, tmp_path / "there.h5")
    assert (tmp_path / "there.h5").read_text() == "precious"
    h5.migrate(old, tmp_path / "there.h5", force=True)
    assert h5.validate(tmp_path / "there.h5") == []


def test_a_full_disk_leaves_the_old_file_and_no_other(golden, tmp_path, monkeypatch):
    old = tmp_path / "old.h5"
    old.write_bytes((golden / "ok_minimal.h5").read_bytes())
    space = os.statvfs_result((4096, 4096, 9, 9, 9, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: space)
    with pytest.raises(h5.StorageError, match="KiB are left for it"):
        h5.migrate(old, tmp_path / "new.h5")
    assert [item.name for item in tmp_path.iterdir()] == ["old.h5"]


def test_a_latest_format_file_can_be_migrated(golden, tmp_path):
    with (
        h5py.File(golden / "ok_minimal.h5") as source,
        h5py.File(tmp_path / "old.h5", "w", libver="latest", track_order=True) as target,
    ):
        for name, value in source.attrs.items():
            target.attrs[name] = value
        target["batch"] = np.arange(2, dtype=np.int32)
        target["batch"].make_scale("batch")
        source.copy("provenance", target)
    h5.migrate(tmp_path / "old.h5", tmp_path / "new.h5")
    assert h5.validate(tmp_path / "new.h5", data=True) == []
