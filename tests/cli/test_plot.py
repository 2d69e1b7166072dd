"""`engram plot`: settings of an analysis, and pictures that move."""

import shutil

import pytest

RECIPE = """
[run]
steps = 6
batch = 2
[task]
use = "ticking"
[memory]
use = "counting"
[analysis.scaled]
factor = 3.0
[analysis.halved]
use = "scaled"
factor = 0.5
[expect]
"halved.total.max" = { low = 1.5, high = 1.5 }
"scaled.total.max" = { low = 9.0, high = 9.0 }
"""


@pytest.fixture
def set_up(command, tmp_path):
    """The file of a run whose recipe sets an analysis."""
    (tmp_path / "mine.toml").write_text(RECIPE)
    assert command("run", "mine.toml").exit_code == 0
    return tmp_path / "mine.h5"


def largest(answer, *arguments):
    return max(max(row) for row in answer("plot", *arguments)["arrays"]["total"]["values"])


def test_a_setting_reaches_the_computation(answer, counted):
    assert largest(answer, counted, "scaled", "-o", "factor=2") == 2 * largest(answer, counted, "scaled")


def test_the_recipe_in_the_file_sets_what_plot_is_not_told(answer, set_up):
    assert largest(answer, set_up, "scaled") == 9.0
    assert largest(answer, set_up, "scaled", "-o", "kind=odd") == 9.0
    assert largest(answer, set_up, "scaled", "-o", "factor=1.0") == 3.0


def test_the_recipe_sets_what_reproduce_compares(command, set_up):
    assert command("reproduce", "mine.toml", "--force").exit_code == 0
    changed = command("reproduce", "mine.toml", "--force", "-o", "analysis.scaled.factor=1.0")
    assert changed.exit_code == 1


def test_a_run_keeps_its_settings_with_the_recipe(set_up):
    import engram

    with engram.open(set_up) as run:
        assert run.recipe["analysis"] == {
            "scaled": {"use": "scaled", "factor": 3.0, "kind": "plain"},
            "halved": {"use": "scaled", "factor": 0.5, "kind": "plain"},
        }


def test_one_analysis_has_several_names_with_settings_of_their_own(command, answer, set_up, tmp_path):
    assert largest(answer, set_up, "halved") == 1.5
    assert largest(answer, set_up, "halved", "-o", "factor=2") == 6.0
    assert command("plot", set_up, "halved").stdout.endswith("mine-halved.png\n")
    rows = [line.split()[:2] for line in command("plot", set_up).stdout.splitlines()]
    assert ["halved", "counting"] in rows


def test_a_name_that_neither_plugins_nor_the_recipe_know_is_one_line(command, set_up):
    done = command("plot", set_up, "quartered")
    assert done.exit_code == 2
    assert "no analysis named 'quartered'" in done.stderr
    assert done.stderr.endswith("; the recipe has halved\n")


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("factr=2", "scaled.factr: unknown parameter; did you mean 'factor'?"),
        ("factor=-1", "scaled.factor: must be >= 0, not -1"),
        ("factor=much", "scaled.factor: must be a number, not 'much'"),
        ("kind=even", "scaled.kind: must be one of 'plain', 'odd', not 'even'"),
        ("factor", "-o factor: must be PATH=VALUE"),
    ],
)
def test_a_wrong_setting_is_one_line(command, counted, option, text):
    done = command("plot", counted, "scaled", "-o", option)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_analysis_without_settings_takes_none(command, counted):
    done = command("plot", counted, "last-total", "-o", "factor=2")
    assert done.exit_code == 2
    assert done.stderr == "error: last-total.factor: unknown parameter; there are none\n"


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("analysis.scled.factor=1", "analysis.scled.use: no analysis named 'scled'; did you mean 'scaled'?"),
        ("analysis.scaled.factr=1", "analysis.scaled.factr: unknown parameter; did you mean 'factor'?"),
        ("analysis.scaled=1", "analysis.scaled: must be a table such as {use"),
        ("analysis=1", "analysis: must be a table, not 1"),
    ],
)
def test_a_recipe_that_sets_what_is_not_there_is_refused_before_it_runs(command, tmp_path, override, text):
    done = command("run", "count", "-o", override)
    assert done.exit_code == 2
    assert text in done.stderr
    assert not list(tmp_path.glob("*.h5*"))


def test_describe_lists_the_settings_and_says_that_it_moves(command, answer):
    text = command("describe", "analysis", "scaled").stdout
    row = next(line for line in text.splitlines() if line.startswith("factor"))
    assert row.split() == "factor number 1.0 1/mV >= 0 what totals are multiplied by".split()
    assert "yes, with --out NAME.gif" in text
    found = answer("describe", "analysis", "scaled")
    assert [item["name"] for item in found["settings"]] == ["factor", "kind"]
    assert found["animation"] is True
    assert answer("describe", "analysis", "last-total")["settings"] == []


def test_a_gif_has_a_frame_for_each_that_was_drawn(command, counted, tmp_path):
    from PIL import Image

    done = command("plot", counted, "scaled", "--out", "film.gif", "--fps", "20")
    assert done.stdout == "film.gif\n"
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 20
        assert film.info["duration"] == 50
        first = film.convert("L").tobytes()
        film.seek(19)
        assert film.convert("L").tobytes() != first


def test_without_ffmpeg_a_line_says_what_to_install_or_take_instead(command, counted, monkeypatch, tmp_path):
    from matplotlib.animation import FFMpegWriter

    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    done = command("plot", counted, "scaled", "--out", "film.mp4")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: film.mp4: ffmpeg is not installed, which makes .mp4; install it, or write a .gif\n"
    )
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is a program of its own, and not here")
def test_with_ffmpeg_an_mp4_is_written(command, counted, tmp_path):
    assert command("plot", counted, "scaled", "--out", "film.mp4").exit_code == 0
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("analysis", "out", "code", "text"),
    [
        ("last-total", "x.gif", 2, "x.gif: analysis 'last-total' does not move; write a .png"),
        ("torn", "x.gif", 3, "analysis 'torn' of plugin 'counting' (- -): ValueError: the film tore"),
        ("scaled", "absent/x.gif", 2, "absent/x.gif: cannot be written"),
    ],
)
def test_an_animation_that_cannot_be_made_says_why(command, counted, tmp_path, analysis, out, code, text):
    done = command("plot", counted, analysis, "--out", out)
    assert done.exit_code == code
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / out).exists()
