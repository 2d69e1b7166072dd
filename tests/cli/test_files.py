"""`engram inspect`, `engram validate`, `engram plot`."""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from engram_cli.plot import summary

GOLDEN = Path(__file__).parent.parent / "golden" / "hdf5"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
SECRET = (GOLDEN / "secret.txt").read_bytes()
CRASHING = """
import importlib, sys
here = __file__.rpartition("/h5py/")[0]
sys.path.remove(here)
del sys.modules["h5py"]
real = importlib.import_module("h5py")

class File(real.File):
    def __init__(self, *arguments, **options):
        import ctypes
        ctypes.string_at(0)

real.File = File
"""


def test_inspect_shows_status_variables_and_columns(command, counted):
    text = command("inspect", counted).stdout
    facts = dict(line.split(maxsplit=1) for line in text.splitlines()[:11])
    assert facts["status"] == "complete"
    assert facts["title"] == "Counting to ten"
    assert facts["seed"] == "7"
    (total,) = [line for line in text.splitlines() if line.startswith("memory.total")]
    assert total.split() == "memory.total time 20, batch 6 float32 mV sum of what was seen".split()
    (rate,) = [line for line in text.splitlines() if line.startswith("memory_rate")]
    assert rate.split() == "memory_rate 0.5, 1 1/step weight of an observation".split()


def test_the_json_of_inspect_gives_shapes_and_units(answer, counted):
    found = answer("inspect", counted)
    assert found["schema"] == 1
    (total,) = [item for item in found["variables"] if item["name"] == "memory.total"]
    assert (total["dims"], total["shape"], total["unit"]) == (["time", "batch"], [20, 6], "mV")
    assert found["provenance"]["seed"] == 7
    assert found["tables"] == {"trials": 0}


def test_inspect_says_which_entries_were_kept(command, answer):
    kept = (
        "memory.places=9",
        "record.variables=['memory.ring', 'memory.total']",
        "record.entries.memory.place=3",
    )
    options = [part for item in kept for part in ("-o", item)]
    assert command("run", "count", "--out", "run.h5", *options).exit_code == 0
    assert "entries kept of memory.place: 0, 4, 8" in command("inspect", "run.h5").stdout.splitlines()
    shown = {item["name"]: item["entries"] for item in answer("inspect", "run.h5")["variables"]}
    assert shown == {"memory.ring": {"place": [0, 4, 8]}, "memory.total": {}}


def test_inspect_says_why_a_run_did_not_end(command):
    command("run", "count", "-o", "memory.fails_at=3")
    text = command("inspect", "count.h5.part").stdout
    assert "failed (ZeroDivisionError: the sum is tired)" in text


def test_a_sound_file_is_valid(command, answer, counted):
    done = command("validate", counted, "--data")
    assert done.exit_code == 0
    assert done.stdout == f"{counted}: valid\n"
    assert answer("validate", counted) == {"schema": 1, "file": str(counted), "valid": True, "findings": []}


def test_a_file_that_breaks_the_format_exits_with_4(command, answer, counted):
    with h5py.File(counted, "r+") as file:
        del file["recordings/memory/counting/step"]
    done = command("validate", counted)
    assert done.exit_code == 4
    assert "recordings/memory/counting/step: E_MISSING" in done.stdout
    assert done.stderr.endswith("against the format\n")
    found = answer("validate", counted)
    assert found["valid"] is False
    assert "E_MISSING" in {item["code"] for item in found["findings"]}


def test_a_text_file_is_no_valid_run(command, tmp_path):
    (tmp_path / "x.h5").write_text("not a run")
    done = command("validate", "x.h5")
    assert done.exit_code == 4
    assert "E_NOT_HDF5" in done.stdout


def test_plot_without_an_analysis_lists_them(command, answer, counted):
    lines = command("plot", counted).stdout.splitlines()
    assert lines[1].split() == ["last-total", "counting", "The", "total", "at", "the", "end."]
    assert [item["name"] for item in answer("plot", counted)["analyses"]] == [
        "last-total", "needy", "picky", "scaled", "tired", "torn",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "start"), [("p.png", b"\x89PNG"), ("p.pdf", b"%PDF"), ("p.svg", b"<?xml")])
def test_the_suffix_decides_the_kind_of_picture(command, counted, tmp_path, name, start):
    done = command("plot", counted, "last-total", "--out", name)
    assert done.stdout == f"{name}\n"
    assert (tmp_path / name).read_bytes().startswith(start)


def test_a_picture_has_a_name_of_its_own(command, counted, tmp_path):
    assert command("plot", "count.h5", "last-total").stdout == "count-last-total.png\n"
    assert (tmp_path / "count-last-total.png").exists()


def test_the_json_of_plot_is_the_computed_arrays(answer, counted, tmp_path):
    total = answer("plot", counted, "last-total")["arrays"]["total"]
    assert total == {"shape": [6], "dtype": "float32", "values": [10.0] * 3 + [20.0] * 3}
    assert not list(tmp_path.glob("*.png"))


def test_a_large_array_is_summed_up():
    assert summary(np.arange(20_000)) == {
        "shape": (20_000,), "dtype": "int64", "min": 0, "mean": 9999.5, "max": 19_999,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nowt"], 2, "no analysis named 'nowt'"),
        (["needy"], 2, "holds no 'memory.absent'"),
        (["needy"], 2, "'needy' needs it"),
        (["picky"], 2, "count.h5: nothing here is blue; 'picky' cannot be computed"),
        (["tired"], 3, "analysis 'tired' of plugin 'counting' (- -): ValueError: no idea"),
        (["last-total", "--out", "x.xyz"], 2, "x.xyz: not a kind of picture; known: "),
        (["last-total", "--out", "absent/x.png"], 2, "absent/x.png: cannot be written"),
    ],
)
def test_a_picture_that_cannot_be_made_says_why(command, counted, arguments, code, text):
    done = command("plot", counted, *arguments)
    assert done.exit_code == code
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", [name for name in EXPECTED if "E_" in str(EXPECTED[name]["must_report"])])
def test_plot_opens_no_broken_file(command, monkeypatch, name):
    def opened(path):
        raise AssertionError(f"{path} was opened")

    if name == "bitflip_chunk.h5":  # its structure is sound; the damage shows when the data are read
        assert command("plot", GOLDEN / name, "needy").exit_code == 2
        return
    monkeypatch.setattr("engram.open", opened)
    done = command("plot", GOLDEN / name, "last-total")
    assert (done.exit_code, done.stdout) == (4, "")
    first, *others = done.stderr.splitlines()
    assert first.startswith(f"error: {GOLDEN / name}: ") and "; " in first
    assert all(line.startswith("note: ") for line in others)
    assert SECRET.strip() not in done.stderr_bytes


def test_plot_takes_the_part_of_a_run_that_failed(command):
    command("run", "count", "-o", "memory.fails_at=3")
    assert command("plot", "count.h5.part", "last-total").exit_code == 0


def test_an_analysis_without_picture_points_to_its_numbers(command, counted, registry):
    import engram

    class Plain:
        @staticmethod
        @engram.hookimpl
        def register_analyses():
            return [engram.Analysis("plain", "Numbers.", lambda run: {"n": np.ones(2)})]

    registry.register(Plain, "plain")
    done = command("plot", counted, "plain")
    assert done.exit_code == 2
    assert "draws nothing; print its numbers with --json" in done.stderr


def test_without_matplotlib_the_line_that_adds_it_is_given(command, counted, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    done = command("plot", counted, "last-total")
    assert done.exit_code == 2
    assert "pip install 'engram[plot]'" in done.stderr


@pytest.mark.parametrize("name", EXPECTED)
def test_validate_gives_each_golden_file_its_codes_and_exit_code(command, name):
    wanted = EXPECTED[name]["must_report"]
    done, listed = command("validate", GOLDEN / name), command("validate", GOLDEN / name, "--json")
    found = json.loads(listed.stdout)
    codes = {item["code"] for item in found["findings"]}
    assert all(codes & set(code.split("|")) for code in wanted)
    assert all(f": {code}: " in done.stdout for code in codes)
    assert done.exit_code == listed.exit_code == 4 * any(code.startswith("E_") for code in wanted)
    assert found["valid"] == (done.exit_code == 0)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("verb", ["validate", "inspect"])
def test_no_verb_shows_the_bytes_of_another_file_or_a_traceback(command, name, verb):
    for options in ([], ["--json"]):
        done = command(verb, GOLDEN / name, *options)
        assert done.exit_code in (0, 4)
        assert SECRET.strip() not in done.stdout_bytes + done.stderr_bytes
        assert "Traceback" not in done.stderr


def test_damaged_data_are_found_unless_they_are_not_to_be_read(command):
    assert command("validate", GOLDEN / "bitflip_chunk.h5").exit_code == 4
    assert command("validate", GOLDEN / "bitflip_chunk.h5", "--no-data").exit_code == 0


def test_names_in_a_file_cannot_command_the_terminal(command, answer, counted):
    with h5py.File(counted, "r+") as file:
        file["\x1b[2J\nred"] = h5py.SoftLink("/")
        file.create_group(b"\xff")
        file.attrs["title"] = "\x1b[31m\nred"
    for verb in ("validate", "inspect"):
        done = command(verb, counted)
        assert "\x1b" not in done.output
        assert "\\x1b[" in done.stdout
        answer(verb, counted)
    refused = command("plot", counted, "last-total")
    assert refused.exit_code == 4
    assert "\x1b" not in refused.stderr
    assert "\\x1b[" in refused.stderr


@pytest.mark.parametrize("verb", ["validate", "inspect", "plot"])
@pytest.mark.skipif(sys.platform != "linux", reason="no such signal here")
def test_a_file_that_crashes_hdf5_exits_with_4(shell, counted, tmp_path, verb):
    # Stands for HDF5: a module that is found before the real one, and crashes when a file is opened.
    (tmp_path / "crash" / "h5py").mkdir(parents=True)
    (tmp_path / "crash" / "h5py" / "__init__.py").write_text(CRASHING)
    done = type(shell)((*shell.sites, tmp_path / "crash"))(verb, counted, *["last-total"] * (verb == "plot"))
    assert done.returncode == 4
    assert "HDF5 crashed on it (SIGSEGV)" in done.stdout + done.stderr
