"""`engram run`: files, messages, overrides."""

import json
import os
import pty
import sys

import pytest

import engram
from engram_cli.progress import Progress, duration, progress_line


def test_the_file_written_is_the_only_thing_on_stdout(command, tmp_path):
    done = command("run", "count")
    assert done.exit_code == 0
    assert done.stdout == "count.h5\n"
    assert engram.open(tmp_path / "count.h5").status == "complete"


def test_messages_say_what_runs_on_what_and_what_to_do_next(command):
    lines = command("run", "count", "--backend", "numpy").stderr.splitlines()
    assert lines[0] == "count.toml: 3 replicas at each of 2 sweep points, 20 steps, seed 7"
    assert lines[1] == "numpy: asked for"
    assert lines[2].startswith("done in ")
    assert lines[3:] == ["  engram inspect count.h5", "  engram plot count.h5"]


def test_a_drawn_seed_is_said_and_written(command, tmp_path):
    (tmp_path / "mine.toml").write_text(
        '[run]\nsteps = 5\n[task]\nuse = "ticking"\n[memory]\nuse = "counting"\n'
    )
    done = command("run", "mine.toml")
    seed = int(done.stderr.partition("seed ")[2].partition(" (drawn)")[0])
    with engram.open(tmp_path / "mine.h5") as run:
        assert run.provenance["seed"] == seed
    assert "(drawn)" not in command("run", "mine.toml", "--seed", 4, "--out", "b.h5").stderr


def test_quiet_says_nothing(command):
    assert command("run", "count", "--quiet").stderr == ""


def test_json_names_file_seed_and_title(answer):
    found = answer("run", "count")
    assert found.pop("seconds") > 0
    assert found == {"schema": 1, "files": ["count.h5"], "title": "Counting to ten", "seed": 7}


def test_overrides_reach_the_run_and_options_win(command, tmp_path):
    done = command(
        "run", "count", "-o", "task.height=2.0", "-o", "run.steps=9", "--steps", 4, "--out", "x.h5"
    )
    assert done.stdout == "x.h5\n"
    with engram.open(tmp_path / "x.h5") as run:
        assert run["memory.total"].shape == (4, 6)
        assert run["memory.total"][-1].tolist() == [4.0] * 3 + [8.0] * 3


def test_the_printed_recipe_is_not_run_and_runs_the_same(command, tmp_path):
    printed = command("run", "count", "--print-recipe", "-o", "memory.places=5")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "again.toml").write_text(printed.stdout)
    assert "places = 5" in printed.stdout
    assert command("run", "again.toml", "--print-recipe").stdout == printed.stdout
    assert command("run", "again.toml").exit_code == 0


def test_an_axis_that_cannot_fold_makes_a_file_a_point(command):
    done = command("run", "count", "-o", "sweep.memory.places=[2, 3]")
    assert done.stdout == "count-000.h5\ncount-001.h5\n"
    assert "4 sweep points" in done.stderr
    assert "2 files" in done.stderr


def test_progress_is_silent_where_stderr_is_no_terminal(shell):
    assert "%" not in shell("run", "count").stderr


def test_progress_on_a_terminal_shows_percent_speed_and_time_left(shell):
    ours, theirs = pty.openpty()
    process = shell.start("run", "count", "-o", "run.chunk=1", "-o", "memory.pause=0.02", stderr=theirs)
    os.close(theirs)
    process.communicate(timeout=60)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    assert process.returncode == 0
    assert b" % " in seen
    assert b"steps/s" in seen
    assert b" left" in seen


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.005, "5 ms"), (0.25, "0.25 s"), (5, "5 s"), (59, "59 s"), (75, "1 min 15 s"), (7300, "2 h 01 min")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_the_progress_line_survives_a_run_of_no_time():
    assert progress_line(0, 100, 0.0).startswith("  0 %")
    assert progress_line(50, 100, 10.0) == " 50 %  5 steps/s  10 s left"
    assert progress_line(50, None, 10.0) == "step 50  5 steps/s"


def test_quiet_progress_writes_nothing_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    Progress(quiet=True).clear()
    assert capsys.readouterr().err == ""


def test_a_plugin_that_failed_is_a_warning_and_stops_no_run(broken_shell):
    done = broken_shell("run", "count")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: plugin 'broken' (engram-broken 0.9) failed at import")
    assert json.loads(broken_shell("run", "count", "--force", "--json").stdout)["files"] == ["count.h5"]
