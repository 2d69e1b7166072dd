"""What is built: a wheel that holds every package and its data, an sdist that builds it, plugins alone."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ALONE = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{package}"
version = "9.9"
dependencies = ["engram"]

[project.entry-points.engram]
{name} = "{package}"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""


def build(source: Path, out: Path, *options: str) -> list[Path]:
    """Build what `python -m build` builds of a folder, with the tools installed here."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(out), str(source)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(out.iterdir())


@pytest.fixture(scope="module")
def built(tree: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist of this checkout, and the wheel built from the sdist, by suffix."""
    found = build(tree.root, tmp_path_factory.mktemp("dist"))
    return {path.suffix: path for path in found}


def packaged(wheel: Path) -> set[str]:
    """Return the names in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_every_package(tree: Any, built: dict[str, Path]) -> None:
    expected = {
        path.relative_to(package.parent).as_posix()
        for package in tree.packages
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    found = {name for name in packaged(built[".whl"]) if ".dist-info/" not in name}

    assert found == expected
    assert any(name.endswith(".toml") and "/recipes/" in name for name in found)
    assert any(name.endswith(".toml") and "/schemas/" in name for name in found)
    assert "engram/py.typed" in found


def test_the_wheel_from_the_sdist_runs_where_nothing_else_of_engram_is(
    built: dict[str, Path], scratch: Any, tmp_path: Path
) -> None:
    done = scratch.run(f"pip install --quiet --target {tmp_path / 'site'} {built['.whl']}")
    assert done.returncode == 0, done.stderr

    code = "import engram, engram_hdf5, engram_cli; print(engram.__file__, engram_hdf5.__file__)"
    places = scratch.run(f"python -c '{code}'", path=[tmp_path / "site"]).stdout.split()
    recipes = scratch.run("engram recipes", path=[tmp_path / "site"])

    assert all(place.startswith(str(tmp_path / "site")) for place in places)
    assert recipes.returncode == 0, recipes.stderr
    assert "odor-preference" in recipes.stdout


def test_each_plugin_folder_builds_as_a_wheel_of_its_own(tree: Any, scratch: Any, tmp_path: Path) -> None:
    for name, folder in tree.plugins.items():
        source = tmp_path / name
        copytree(folder, source / folder.name)
        (source / "pyproject.toml").write_text(ALONE.format(package=folder.name, name=name))
        (wheel,) = build(source, tmp_path / f"dist-{name}", "--wheel")
        done = scratch.run(f"pip install --quiet --target {tmp_path / f'site-{name}'} {wheel}")
        assert done.returncode == 0, done.stderr

        code = (
            f"import {folder.name} as plugin; from engram.plugins import Registry;"
            f"r = Registry(discover=False); r.register(plugin, '{name}');"
            "print(plugin.__file__); print(sum(r.plugins['" + name + "'].offers.values(), []));"
            "assert all(r.find('recipe', recipe).is_file() for recipe in r.names('recipe'))"
        )
        alone = scratch.run(f'python -c "{code}"', path=[tmp_path / f"site-{name}"])

        assert alone.returncode == 0, alone.stderr
        place, offered = alone.stdout.splitlines()
        assert place.startswith(str(tmp_path / f"site-{name}"))
        assert offered != "[]"
