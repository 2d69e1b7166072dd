"""The page on the run file: its groups are those of the schema, its Python and shell lines work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

import engram_hdf5
from engram_hdf5 import run_schema

PYTHON = ("engram", "xarray", "h5py", "pandas")
# Whether the line of a language gives the axes reversed.
REVERSED = {"R, rhdf5": False, "R, hdf5r": True, "R, ncdf4": True, "Octave": True}
# How to run a script of a language, and one that prints the sizes of what becomes of what a line gives.
LANGUAGES = {
    "R": ("Rscript --vanilla", "a <- {read}; cat(dim({turned}))"),
    "Octave": ("octave-cli --norc --quiet", '{load}; a = {read}; printf("%d ", size({turned}));'),
}


@pytest.fixture(scope="module")
def finished(page: Any, follow: Any, new_scratch: Callable[[Path], Any], tmp_path_factory: Any) -> Any:
    """A folder with run.h5, written by the tutorial's plugin."""
    scratch = new_scratch(tmp_path_factory.mktemp("format"))
    for block in page("docs/plugin-tutorial.md").blocks:
        if block.file:
            follow(scratch, block)
    done = scratch.run("pip install . && engram run two-machines --steps 200 --out run.h5")
    assert done.returncode == 0, done.stdout + done.stderr
    return scratch


def lines(text: str) -> dict[str, str]:
    """Return the line of each tool."""
    section = text.partition("## One line for each tool")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| (.+?) \| `(.+)` \|$", section, re.MULTILINE))


def test_every_group_and_member_of_a_file_is_on_the_page(page: Any, finished: Any) -> None:
    layout = page("docs/file-format.md").blocks[0].text
    with h5py.File(finished.folder / "run.h5") as file:
        names: list[str] = []
        file.visit(names.append)

    members = {name.rpartition("/")[2] for name in names}
    own = "running_average slot_machines action q chosen pulls trial".split()
    expected = {name for name in members if not any(part in name for part in own)}

    assert {name for name in expected if not re.search(rf"\b{name}\b", layout)} == set()
    assert len(expected) > 20


def test_the_groups_of_the_schema_are_on_the_page(page: Any) -> None:
    layout = page("docs/file-format.md").blocks[0].text
    tops = {group.path.partition("/")[0] for group in run_schema().groups if group.path}

    assert {top for top in tops if f"  {top}/" not in layout} == set()


@pytest.mark.parametrize("prefix", PYTHON)
def test_a_line_of_python_works(page: Any, finished: Any, prefix: str) -> None:
    for tool, line in lines(page("docs/file-format.md").text).items():
        if tool.startswith(prefix):
            (finished.folder / "line.py").write_text(f"import engram, h5py, pandas, xarray\nprint({line})\n")
            done = finished.run("python line.py")
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            assert done.stdout.strip()


@pytest.mark.parametrize("tool", ["ncdump", "h5dump"])
def test_the_lines_of_a_tool_of_the_shell_work(page: Any, finished: Any, needs: Any, tool: str) -> None:
    needs(tool)

    for name, line in lines(page("docs/file-format.md").text).items():
        if name.startswith(tool):
            done = finished.run(line)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            assert "running_average" in done.stdout


def sizes(finished: Any, tool: str, line: str, turned: str = "a") -> list[int]:
    """Return the sizes of the axes of `turned`, where `a` is what the line of a language gives."""
    load, _, read = line.rpartition("; ")
    command, script = LANGUAGES[tool.partition(",")[0]]
    (finished.folder / "script").write_text(script.format(load=load, read=read, turned=turned))
    done = finished.run(f"{command} script")
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return [int(size) for size in done.stdout.split()]


@pytest.fixture
def shape(finished: Any) -> list[int]:
    """The sizes of the array of the lines, as h5py gives them."""
    with h5py.File(finished.folder / "run.h5") as file:
        return list(file["recordings/memory/running_average/q"].shape)


@pytest.mark.parametrize("tool", REVERSED)
def test_a_line_of_a_language_gives_every_axis(
    page: Any, finished: Any, needs: Any, shape: list[int], tool: str
) -> None:
    needs(tool)

    found = sizes(finished, tool, lines(page("docs/file-format.md").text)[tool])

    assert found == (shape[::-1] if REVERSED[tool] else shape)


@pytest.mark.parametrize("tool", [tool for tool in REVERSED if REVERSED[tool]])
def test_the_axes_can_be_turned_as_the_page_says(
    page: Any, finished: Any, needs: Any, shape: list[int], tool: str
) -> None:
    needs(tool)
    text = page("docs/file-format.md").text
    turned = dict(
        (language, how) for how, language in re.findall(r"`(\w+\(a.*?\))` \((?:MATLAB, )?(\w+)\)", text)
    )

    found = sizes(finished, tool, lines(text)[tool], turned[tool.partition(",")[0]])

    assert found == shape


def test_the_python_block_works(page: Any, follow: Any, finished: Any) -> None:
    for block in page("docs/file-format.md").blocks:
        if block.kind == "python":
            follow(finished, block)


@pytest.fixture
def exported(page: Any, finished: Any) -> Path:
    """The NWB file of replica 0, made by the command of the page."""
    pytest.importorskip("pynwb", reason="pynwb is not installed: pip install 'engram[nwb]'")
    (command,) = re.findall(r"^engram export .+$", page("docs/file-format.md").text, re.MULTILINE)
    done = finished.run(f"{command} --force")
    assert done.returncode == 0, done.stderr
    return Path(finished.folder / "run-b000.nwb")


def test_the_places_in_the_table_of_nwb_are_those_of_an_exported_file(page: Any, exported: Path) -> None:
    section = page("docs/file-format.md").text.partition("## NWB")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*`.+) \| `([^`]+)`.* \|$", section, re.MULTILINE)
    parts = {"<kind>": "memory", "<name>": "running_average", "<variable>": "q"}

    found: set[str] = set()
    with h5py.File(exported) as file:
        file.visit(lambda name: found.add(name.removeprefix("general/")))

    places = [
        re.sub("<.+?>", lambda word: parts[word[0]], place) for said, place in rows if "events" not in said
    ]
    assert [place for place in places if place not in found] == []
    assert len(places) == 9


def test_there_is_a_line_for_every_tool(page: Any) -> None:
    tools = " ".join(lines(page("docs/file-format.md").text))

    for tool in ("engram", "xarray", "h5py", "pandas", "ncdump", "h5dump", *REVERSED):
        assert tool in tools


def test_the_table_of_findings_lists_the_codes_of_the_sources_and_no_others(page: Any) -> None:
    sources = Path(engram_hdf5.__file__).parent.glob("*.py")
    used = {code for path in sources for code in re.findall(r'"([EW]_[A-Z0-9_]+)"', path.read_text("utf-8"))}
    listed = re.findall(r"^\| `([EW]_\w+)` \| .+ \|$", page("docs/file-format.md").text, re.MULTILINE)

    assert sorted(listed) == sorted(used)
