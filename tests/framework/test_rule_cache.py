"""Compiled code on disk: never stale, written at once or not at all, where it is allowed to be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engram.rules import cache

RULE = """
import engram
from factors import FACTOR, twice

@engram.rule("x[i]&; k")
def scaled(x, k):
    return twice(x) * k + FACTOR
"""
FACTORS = """
import engram

FACTOR = 0.5

@engram.rule
def twice(x):
    return 2 * x
"""
USE = """
import importlib, sys, numpy, pathlib
import factors, scaling
from engram.rules import cache, target

def results():
    found = []
    for apply in (scaling.scaled.reference, scaling.scaled, scaling.scaled.on_host):
        x = numpy.ones(6, "float32")
        with target.chosen("numba"):
            apply(x, 10.0)
        found.append(float(x[0]))
    print(*found)

results()
"""
RELOAD = """
text = pathlib.Path(MODULE.__file__).read_text()
pathlib.Path(MODULE.__file__).write_text(text.replace(OLD, NEW))
importlib.invalidate_caches()
importlib.reload(factors)
importlib.reload(scaling)
results()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two modules: a rule, and what it calls."""
    (tmp_path / "scaling.py").write_text(RULE)
    (tmp_path / "factors.py").write_text(FACTORS)
    return tmp_path


def python(folder: Path, code: str, **variables: str) -> subprocess.Popen[str]:
    kept = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(process: subprocess.Popen[str]) -> list[list[float]]:
    out, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return [[float(number) for number in line.split()] for line in out.splitlines()]


@pytest.mark.parametrize(
    ("module", "old", "new", "changed"),
    [
        ("scaling", "* k", "* k * k", 200.5),
        ("factors", "2 * x", "3 * x", 30.5),
        ("factors", "0.5", "0.25", 20.25),
    ],
    ids=["the rule", "a function in another module", "a constant in another module"],
)
def test_an_edited_rule_gives_new_results_in_the_same_process_and_in_the_next(
    folder: Path, module: str, old: str, new: str, changed: float
) -> None:
    edit = RELOAD.replace("MODULE", module).replace("OLD", repr(old)).replace("NEW", repr(new))

    assert printed(python(folder, USE + edit)) == [[20.5] * 3, [changed] * 3]
    assert printed(python(folder, USE)) == [[changed] * 3]


def test_a_rule_is_what_was_imported_though_its_file_has_changed_since(folder: Path) -> None:
    edit = """
place = pathlib.Path(scaling.__file__)
place.write_text("# one more line" + place.read_text().replace("* k", "* k * k"))
"""

    assert printed(python(folder, USE.replace("\ndef results", edit + "\ndef results"))) == [[20.5] * 3]


def test_processes_that_compile_at_once_do_not_disturb_each_other(folder: Path) -> None:
    place = folder / "cache"

    processes = [python(folder, USE, ENGRAM_CACHE=str(place)) for _ in range(3)]

    assert [printed(process) for process in processes] == [[[20.5] * 3]] * 3
    names = {path.name for path in place.iterdir()}
    assert {name.partition(".")[2] for name in names} == {"py", "so", "c", ""}, names


def test_a_second_process_finds_what_the_first_has_compiled(folder: Path) -> None:
    place = folder / "cache"
    printed(python(folder, USE, ENGRAM_CACHE=str(place)))
    (library,) = place.glob("*.so")
    before = library.stat().st_mtime_ns

    assert printed(python(folder, USE, ENGRAM_CACHE=str(place), CC="/nowhere/cc")) == [[20.5] * 3]

    assert library.stat().st_mtime_ns == before
    assert len(list(place.glob("*.so"))) == 1


@pytest.fixture
def fresh() -> Iterator[None]:
    cache.folder.cache_clear()
    yield
    cache.folder.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_the_cache_is_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGRAM_CACHE", str(tmp_path / "new" / "place"))

    assert cache.folder() == tmp_path / "new" / "place"


@pytest.mark.usefixtures("fresh")
def test_without_the_variable_it_is_in_the_cache_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENGRAM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache.folder() == tmp_path / "engram"


def test_a_folder_that_cannot_be_written_is_replaced_by_a_temporary_one(folder: Path) -> None:
    """A file stands where the folders would be: no user, not even root, can write there."""
    (folder / "file").write_text("")
    blocked = {"ENGRAM_CACHE": str(folder / "file" / "cache"), "XDG_CACHE_HOME": str(folder / "file")}

    process = python(folder, USE + "print(float('engram-cache-' in str(cache.folder())))", **blocked)

    assert printed(process) == [[20.5] * 3, [1.0]]


def test_the_tests_leave_the_cache_of_the_user_alone() -> None:
    assert "compiled-code" in str(cache.folder())
