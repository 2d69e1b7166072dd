"""Stops early where the package under test is not installed; lends scratch environments, finds other tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import attrs
import pytest

try:
    distribution("engram")
except PackageNotFoundError:
    pytest.exit("engram is not installed here: run pip install -e '.[test]' first", returncode=4)

Done = subprocess.CompletedProcess[str]
SCRIPTS = {
    "engram": "engram_cli.main:main",
    "pip": "pip._internal.cli.main:main",
    "pytest": "pytest:main",
}
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INPUT": "1"}

# What tells that a tool is here, by the name that the documentation gives it.
TOOLS = {
    "ncdump": ["ncdump"],
    "h5dump": ["h5dump", "--version"],
    "Octave": ["octave-cli", "--norc", "--quiet", "--eval", "pkg load netcdf"],
    "R, ncdf4": ["Rscript", "-e", "library(ncdf4)"],
    "R, rhdf5": ["Rscript", "-e", "library(rhdf5)"],
    "R, hdf5r": ["Rscript", "-e", "library(hdf5r)"],
}


@pytest.fixture(scope="session", autouse=True)
def compiled_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled code goes to a folder of the tests, here and in all processes they start."""
    before = os.environ.get("ENGRAM_CACHE")
    os.environ["ENGRAM_CACHE"] = str(tmp_path_factory.mktemp("compiled-code"))
    yield
    del os.environ["ENGRAM_CACHE"]
    if before is not None:
        os.environ["ENGRAM_CACHE"] = before


@attrs.frozen
class Scratch:
    """A virtual environment that sees everything installed here, and takes what a test installs.

    Attributes:
        folder: Where its commands run.
        bin: Where its commands are.
    """

    folder: Path
    bin: Path

    def run(self, command: str, path: Iterable[Path] = (), **variables: str) -> Done:
        """Run a shell command in it, without network; variables of engram are those given, and ENGRAM_CACHE."""
        kept = {key: text for key, text in os.environ.items() if not re.match("ENGRAM_(?!CACHE)|PYTHON", key)}
        kept |= OFFLINE | {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        if places := os.pathsep.join(map(str, path)):
            kept["PYTHONPATH"] = places
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=kept | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def _script(python: Path, target: str) -> str:
    module, _, function = target.partition(":")
    return f"#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"


@pytest.fixture(scope="session")
def new_scratch() -> Callable[[Path], Scratch]:
    """Makes scratch environments: `new_scratch(folder)`."""

    def make(folder: Path) -> Scratch:
        home = folder / "env"
        venv.create(home, symlinks=True)
        scheme = {"base": str(home), "platbase": str(home)}
        bin = Path(sysconfig.get_path("scripts", "venv", scheme))
        site = Path(sysconfig.get_path("purelib", "venv", scheme))
        places = dict.fromkeys(p for p in sys.path if p.endswith("-packages"))
        lines = "".join(f"import site; site.addsitedir({place!r})\n" for place in places)
        (site / "everything_here.pth").write_text(lines)
        for name, target in SCRIPTS.items():
            (bin / name).write_text(_script(bin / "python", target))
            (bin / name).chmod(0o755)
        work = folder / "work"
        work.mkdir()
        return Scratch(work, bin)

    return make


@pytest.fixture
def scratch(new_scratch: Callable[[Path], Scratch], tmp_path: Path) -> Scratch:
    """A scratch environment of the test's own."""
    return new_scratch(tmp_path)


@pytest.fixture(scope="session")
def needs() -> Callable[[str], None]:
    """Skips a test where a tool that is no Python package is missing: `needs("R, ncdf4")`."""
    missing: dict[str, str] = {}

    def reason(tool: str) -> str:
        command = TOOLS[tool]
        if shutil.which(command[0]) is None:
            return f"{command[0]} is not installed"
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return f"{command[-1]!r} fails in {command[0]}" if done.returncode else ""

    def check(tool: str) -> None:
        if tool not in missing:
            missing[tool] = reason(tool)
        if missing[tool]:
            pytest.skip(missing[tool])

    return check
