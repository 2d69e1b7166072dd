"""`engram reproduce`: what the literature reports against what a run gives."""

import numpy as np
import pytest

from engram_cli.reproduce import holds
from engram_cli.statistic import STATISTICS


def test_a_recipe_that_holds_exits_with_0(command):
    done = command("reproduce", "count")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["RESULT", "PAPER", "RANGE", "OURS", "HOLDS", "SOURCE"]
    assert lines[1] == "last-total.total 15 14 to 16 15 yes Hand 2020, fig. 1".split()
    assert lines[2] == "last-total.total.max 19 to 20 yes Hand 2020, fig. 2".split()


def test_a_result_outside_its_range_exits_with_1(command):
    done = command("reproduce", "count", "--steps", 3)
    assert done.exit_code == 1
    assert " NO " in done.stdout
    assert "error: count.toml: 2 of 2 results lie outside the range that agrees" in done.stderr


def test_the_json_has_ours_and_whether_it_holds(answer):
    found = answer("reproduce", "count")
    assert found["files"] == ["count.h5"]
    assert [(item["ours"], item["holds"]) for item in found["results"]] == [(15.0, True), (20.0, True)]
    assert found["results"][1]["paper"] is None


def test_every_file_of_a_sweep_is_compared(answer):
    found = answer("reproduce", "count", "-o", "sweep.memory.places=[2, 3]")
    assert [item["file"] for item in found["results"]] == ["count-000.h5"] * 2 + ["count-001.h5"] * 2


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("absent.total", "no analysis named 'absent'"),
        ("last-total", "must be ANALYSIS.RESULT"),
        ("last-total.total.mode", "must be ANALYSIS.RESULT"),
    ],
)
def test_a_wrong_key_is_found_before_anything_runs(command, tmp_path, key, text):
    (tmp_path / "mine.toml").write_text(
        '[run]\nsteps = 5\n[task]\nuse = "ticking"\n[memory]\nuse = "counting"\n'
        f'[expect]\n"{key}" = {{ low = 0.0 }}\n'
    )
    done = command("reproduce", "mine.toml")
    assert done.exit_code == 2
    assert f'error: mine.toml: expect."{key}": {text}' in done.stderr
    assert not list(tmp_path.glob("*.h5*"))


def test_a_result_that_the_analysis_has_not_names_those_it_has(command, tmp_path):
    done = command("reproduce", "count", "-o", "expect.last-total.sum={low = 0.0}")
    assert done.exit_code == 2
    assert "'last-total' has no result 'sum'; it has total" in done.stderr


def test_a_recipe_without_expect_says_so(command, tmp_path):
    (tmp_path / "mine.toml").write_text(
        '[run]\nsteps = 5\n[task]\nuse = "ticking"\n[memory]\nuse = "counting"\n'
    )
    done = command("reproduce", "mine.toml")
    assert done.exit_code == 2
    assert done.stderr == "error: mine.toml: has no table [expect] to compare with; use `engram run`\n"


@pytest.mark.parametrize(
    ("ours", "low", "high", "verdict"),
    [
        (1.0, 1.0, 1.0, True),
        (0.9, 1.0, None, False),
        (9.0, None, 2.0, False),
        (float("nan"), None, None, False),
    ],
)
def test_a_range_includes_its_ends_and_never_nan(ours, low, high, verdict):
    assert holds(ours, low, high) is verdict


def test_statistics_reduce_arrays_and_single_numbers():
    values = np.array([[1.0, 2.0], [3.0, 6.0]])
    found = {name: reduce(values) for name, reduce in STATISTICS.items()}
    assert found["mean"] == 3.0
    assert found["median"] == 2.5
    assert (found["min"], found["max"], found["last"]) == (1.0, 6.0, 4.5)
    assert STATISTICS["last"](np.array(7.0)) == 7.0
