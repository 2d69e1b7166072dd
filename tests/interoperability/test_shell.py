"""ncdump and h5dump show from the file of every recipe what h5py reads."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def output(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.replace(",", " ").split()]


def sample(variables: dict[str, Any]) -> dict[str, Any]:
    """The recordings and the trials."""
    return {name: array for name, array in variables.items() if name.startswith(("recordings", "trials"))}


def test_ncdump_shows_the_dimensions_of_every_variable(
    run_file: Path, variables: dict[str, Any], needs: Callable[[str], None]
) -> None:
    needs("ncdump")

    header = output("ncdump", "-h", run_file)

    for path, array in variables.items():
        shown = path.rpartition("/")[2] + (f"({', '.join(array.dims)})" if array.dims else "")
        assert f" {shown} ;\n" in header, path


def test_ncdump_shows_the_sizes_of_the_dimensions(
    run_file: Path, arrays: dict[str, Any], needs: Callable[[str], None]
) -> None:
    needs("ncdump")

    header = output("ncdump", "-h", run_file)

    rows = {array.values.size for path, array in arrays.items() if path.endswith("/time")}
    assert f"batch = {arrays['batch'].values.size} ;" in header
    assert {
        int(found) for found in re.findall(r"\ttime = UNLIMITED ; // \((\d+) currently\)", header)
    } == rows


def test_ncdump_shows_the_values_of_every_variable(
    run_file: Path, variables: dict[str, Any], needs: Callable[[str], None]
) -> None:
    needs("ncdump")

    for path, array in sample(variables).items():
        text = output("ncdump", "-p", "9,17", "-v", f"/{path}", run_file)
        text = re.sub(r"dimensions:.*?variables:", "", text, flags=re.DOTALL)
        (data,) = re.findall(rf"^\s+{path.rpartition('/')[2]} =(.*?);$", text, re.DOTALL | re.MULTILINE)
        np.testing.assert_array_equal(np.array(numbers(data), array.values.dtype), array.values.ravel(), path)


def test_h5dump_shows_the_shape_of_every_variable(
    run_file: Path, variables: dict[str, Any], needs: Callable[[str], None]
) -> None:
    needs("h5dump")

    assert 'GROUP "recordings"' in output("h5dump", "-H", run_file)
    for path, array in sample(variables).items():
        text = output("h5dump", "-H", "-d", f"/{path}", run_file)
        shape = ", ".join(map(str, array.values.shape))
        assert (f"SIMPLE {{ ( {shape} ) /" if shape else "DATASPACE  SCALAR") in text, path


def test_h5dump_shows_the_values_of_every_variable(
    run_file: Path, variables: dict[str, Any], needs: Callable[[str], None]
) -> None:
    needs("h5dump")

    for path, array in sample(variables).items():
        text = output("h5dump", "-y", "-m", "%.17g", "-d", f"/{path}", run_file)
        (data,) = re.findall(r"^   DATA \{(.*?)\}", text, re.DOTALL | re.MULTILINE)
        np.testing.assert_array_equal(np.array(numbers(data), array.values.dtype), array.values.ravel(), path)
