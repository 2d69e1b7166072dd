"""`engram export`."""

import sys

import pytest

import engram


@pytest.fixture
def nwb():
    """pynwb, where it is installed."""
    return pytest.importorskip("pynwb", reason="pynwb is not installed: pip install 'engram[nwb]'")


def test_each_replica_becomes_a_file_whose_name_is_printed(command, counted, nwb, tmp_path):
    with engram.open(counted) as run:
        paths = [tmp_path / f"count-b{n:03d}.nwb" for n in range(run.batch)]
    done = command("export", counted, "--nwb")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(path) for path in paths]
    assert [nwb.validate(path=str(path)) for path in paths] == [[]] * len(paths)


def test_options_choose_replica_folder_and_what_is_said(command, answer, counted, nwb, tmp_path):
    (tmp_path / "to").mkdir()
    arguments = ("export", counted, "--nwb", "--replica", "0", "--out", "to", "--subject", "fly")
    arguments += ("--species", "Drosophila melanogaster", "--experimenter", "Doe, Jane")
    found = answer(*arguments)
    assert found["files"] == ["to/count-b000.nwb"]
    with nwb.NWBHDF5IO(tmp_path / found["files"][0], "r") as file:
        content = file.read()
        assert content.subject.subject_id == "fly-b000"
        assert content.subject.species == "Drosophila melanogaster"
        assert content.experimenter == ("Doe, Jane",)


def test_a_part_can_be_exported(command, nwb, tmp_path):
    assert command("run", "count", "-o", "memory.fails_at=3").exit_code == 1
    done = command("export", tmp_path / "count.h5.part", "--nwb", "--replica", 0)
    assert done.stdout == f"{tmp_path / 'count-b000.nwb'}\n"


def test_a_refusal_is_one_line(command, counted, nwb, tmp_path):
    command("export", counted, "--nwb", "--replica", 0)
    (tmp_path / "text.h5").write_text("no run")
    cases = [
        ((counted,), 2, "no format chosen; add --nwb"),
        ((counted, "--nwb"), 2, "count-b000.nwb: exists already"),
        ((counted, "--nwb", "--replica", 99), 2, "has no replica 99"),
        ((counted, "--nwb", "--out", "absent"), 2, "the folder absent does not exist"),
        (("text.h5", "--nwb"), 4, "text.h5: is no HDF5 file"),
    ]
    for arguments, code, text in cases:
        done = command("export", *arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert text in done.stderr
        assert done.stderr.count("\n") == 1
    assert command("export", counted, "--nwb", "--force").exit_code == 0


def test_without_pynwb_one_line_says_what_to_install(command, counted, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    monkeypatch.delitem(sys.modules, "engram_hdf5.neurodata", raising=False)
    done = command("export", counted, "--nwb")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: export: NWB needs pynwb: pip install 'engram[nwb]'\n"
