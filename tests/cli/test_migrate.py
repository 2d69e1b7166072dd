"""`engram migrate`."""

from pathlib import Path

import pytest

import engram

GOLDEN = Path(__file__).parent.parent / "golden" / "hdf5"


def test_an_old_file_becomes_a_valid_one_of_the_present_version(command):
    done = command("migrate", GOLDEN / "ok_full.h5", "new.h5")
    assert (done.exit_code, done.stderr) == (0, "")
    said = "format 1.0.0 (was 1.0.0); changed: committed rows (n_rows), text of the schema"
    assert done.stdout == f"new.h5: {said}\n"
    assert command("validate", "new.h5").exit_code == 0
    with engram.open("new.h5") as run:
        assert "migrated from ok_full.h5" in run.attrs["history"]


def test_a_file_of_this_engram_is_not_copied(command, answer, counted, tmp_path):
    done = command("migrate", counted, "new.h5")
    said = "nothing to migrate; it is as this engram writes it, format 1.0.0"
    assert (done.exit_code, done.stdout) == (0, f"{counted}: {said}\n")
    assert answer("migrate", counted, "new.h5")["path"] is None
    assert [item.name for item in tmp_path.iterdir()] == ["count.h5"]


def test_the_json_says_what_was_changed(answer):
    found = answer("migrate", GOLDEN / "ok_minimal.h5", "new.h5")
    assert (found["path"], found["before"], found["after"]) == ("new.h5", "1.0.0", "1.0.0")
    assert found["changes"] == ["committed rows (n_rows)", "text of the schema"]


@pytest.mark.parametrize("name", ["future_major", "hard_cycle", "bitflip_chunk", "not_hdf5", "missing_attrs"])
def test_a_file_that_cannot_be_migrated_exits_with_4(command, tmp_path, name):
    done = command("migrate", GOLDEN / f"{name}.h5", "new.h5")
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr.startswith(f"error: {GOLDEN / name}.h5: ")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_only_by_force(command, tmp_path):
    (tmp_path / "new.h5").write_text("precious")
    done = command("migrate", GOLDEN / "ok_minimal.h5", "new.h5")
    assert done.exit_code == 2 and "new.h5: exists already" in done.stderr
    assert command("migrate", GOLDEN / "ok_minimal.h5", "new.h5", "--force").exit_code == 0
