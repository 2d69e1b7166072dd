"""`engram recover`."""

import pytest

import engram


@pytest.fixture
def part(command, tmp_path):
    """The `.part` of a run that failed."""
    assert command("run", "count", "-o", "memory.fails_at=3").exit_code == 1
    return tmp_path / "count.h5.part"


def test_the_rows_of_a_failed_run_are_saved_beside_it(command, part, tmp_path):
    before = part.read_bytes()
    done = command("recover", part)
    assert (done.exit_code, done.stderr) == (0, "")
    path = tmp_path / "count.recovered.h5"
    assert done.stdout.startswith(f"{path}: ")
    assert " rows of memory/counting" in done.stdout
    assert part.read_bytes() == before
    with engram.open(path) as new, engram.open(part) as old:
        assert new.status == "interrupted"
        assert (new["memory.total"] == old["memory.total"]).all()
    assert command("validate", path, "--data").exit_code == 0
    assert "recovered from count.h5.part" in command("inspect", path).stdout


def test_the_segments_of_a_failed_run_are_saved_and_no_file_to_inspect(command, tmp_path):
    failed = command("run", "count", "-o", "memory.fails_at=3", "-o", "run.durability='segments'")
    assert (failed.exit_code, "count.h5.part keeps what was recorded" in failed.stderr) == (1, True)
    part = tmp_path / "count.h5.part"
    for verb in ("inspect", "validate", "plot"):
        refused = command(verb, part, *(["last-total"] if verb == "plot" else []))
        assert refused.exit_code in (2, 4)
        assert "`engram recover` makes one file" in refused.stdout + refused.stderr
    done = command("recover", part)
    assert (done.exit_code, done.stderr) == (0, "")
    assert command("validate", tmp_path / "count.recovered.h5").exit_code == 0


def test_another_name_can_be_given(command, part, tmp_path):
    assert command("recover", part, "--out", "x.h5").stdout.startswith("x.h5: ")
    assert (tmp_path / "x.h5").exists()


def test_the_json_says_what_was_saved_and_what_was_lost(answer, part, tmp_path):
    found = answer("recover", part)
    assert found["schema"] == 1
    assert found["path"] == str(tmp_path / "count.recovered.h5")
    assert found["rows"]["recordings/memory/counting"] > 0
    assert (found["mended"], found["lost"]) == (False, [])


def test_what_was_lost_is_a_warning(command, part):
    import h5py

    with h5py.File(part, "r+") as file:
        del file["recordings/memory/counting/n_rows"]
    done = command("recover", part)
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: recordings/memory/counting: W_INCOMPLETE: n_rows is missing")


def test_a_refusal_is_one_line(command, part, tmp_path):
    command("recover", part)
    command("run", "count", "--out", "whole.h5")
    (tmp_path / "text.h5").write_text("no run")
    cases = [
        ((part,), 2, "count.recovered.h5: exists already"),
        (("whole.h5", "--out", "y.h5"), 2, "is complete and sound, there is nothing to recover"),
        (("text.h5",), 4, "text.h5: is no HDF5 file"),
        (("absent.part",), 2, "absent.part"),
    ]
    for arguments, code, text in cases:
        done = command("recover", *arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert text in done.stderr
        assert done.stderr.count("\n") == 1
    assert command("recover", part, "--force").exit_code == 0
