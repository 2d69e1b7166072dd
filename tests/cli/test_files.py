"""`engram inspect`, `engram validate`, `engram plot`."""

import h5py
import numpy as np
import pytest

from engram_cli.plot import summary


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
        "last-total", "needy", "picky", "tired",
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
