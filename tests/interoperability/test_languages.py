"""R and Octave read from the file of every recipe what h5py reads, with the axes reversed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

# Each prints a line for an array: path, sizes, names of the dimensions (rhdf5 and hdf5r show none), values in the
# order in which they are stored. By column and reversed is the order of h5py.
R = """
show <- function(path, names, a) {{
  sizes <- if (is.null(dim(a))) length(a) else dim(a)
  cat(path, paste(sizes, collapse = " "), paste(names, collapse = " "),
      paste(sprintf("%.17g", as.double(a)), collapse = " "), sep = "\\t")
  cat("\\n")
}}
file <- {open}
for (path in readLines("paths.txt")) {{
  {read}
}}
"""
NCDF4 = """
  dims <- lapply(file$var[[path]]$dim, function(d) basename(d$name))
  show(path, dims, ncdf4::ncvar_get(file, path, collapse_degen = FALSE))
"""
OCTAVE = """
pkg load netcdf
file = netcdf_open("run.h5", "NOWRITE");
paths = strsplit(strtrim(fileread("paths.txt")), "\\n");
for k = 1:numel(paths)
  path = paths{k};
  a = ncread("run.h5", ["/" path]);
  [group, name] = fileparts(path);
  place = file;
  if (! isempty(group))
    place = netcdf_inqGrpFullNcid(file, ["/" group]);
  endif
  [~, ~, ids] = netcdf_inqVar(place, netcdf_inqVarID(place, name));
  names = arrayfun(@(id) netcdf_inqDim(place, id), ids, "UniformOutput", false);
  numbers = strtrim(sprintf("%.17g ", a));
  printf("%s\\t%s\\t%s\\t%s\\n", path, num2str(size(a)), strjoin(names, " "), numbers);
endfor
"""
SCRIPTS = {
    "R, ncdf4": R.format(open='ncdf4::nc_open("run.h5")', read=NCDF4),
    "R, rhdf5": R.format(open='"run.h5"', read='show(path, "", rhdf5::h5read(file, path))'),
    "R, hdf5r": R.format(
        open='hdf5r::H5File$new("run.h5", "r")', read='show(path, "", file[[path]]$read(drop = FALSE))'
    ),
    "Octave": OCTAVE,
}
COMMANDS = {"R": ["Rscript", "--vanilla"], "Octave": ["octave-cli", "--norc", "--quiet"]}


@attrs.frozen
class Reading:
    """An array as a language shows it.

    Attributes:
        sizes: Along its axes; a language may leave out the last ones of length one.
        dims: Names of its dimensions.
        values: In the order of h5py.
    """

    sizes: list[int]
    dims: tuple[str, ...]
    values: Any


def trimmed(sizes: list[int]) -> list[int]:
    """Without the ones at the end."""
    while sizes and sizes[-1] == 1:
        sizes = sizes[:-1]
    return sizes


@pytest.fixture(scope="module", params=SCRIPTS)
def readings(
    request: pytest.FixtureRequest,
    run_file: Path,
    variables: dict[str, Any],
    needs: Callable[[str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Reading]:
    """Every variable as a tool reads it."""
    needs(request.param)
    folder = tmp_path_factory.mktemp("language")
    (folder / "run.h5").symlink_to(run_file)
    (folder / "paths.txt").write_text("\n".join(variables) + "\n")
    (folder / "script").write_text(SCRIPTS[request.param])
    command = [*COMMANDS[request.param.partition(",")[0]], "script"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    read = {}
    for line in done.stdout.splitlines():
        path, sizes, dims, values = line.split("\t")
        dtype = variables[path].values.dtype
        numbers = np.array([float(word) for word in values.split()]).astype(dtype)
        read[path] = Reading([int(size) for size in sizes.split()], tuple(dims.split()), numbers)
    return read


def test_every_variable_is_read(readings: dict[str, Reading], variables: dict[str, Any]) -> None:
    assert readings.keys() == variables.keys()


def test_the_values_are_the_same(readings: dict[str, Reading], variables: dict[str, Any]) -> None:
    for path, reading in readings.items():
        np.testing.assert_array_equal(reading.values, variables[path].values.ravel(), path)


def test_the_axes_are_reversed(readings: dict[str, Reading], variables: dict[str, Any]) -> None:
    for path, reading in readings.items():
        assert trimmed(reading.sizes) == trimmed(list(variables[path].values.shape[::-1])), path


@pytest.mark.parametrize("readings", ["R, ncdf4", "Octave"], indirect=True)
def test_the_dimensions_have_their_names(readings: dict[str, Reading], variables: dict[str, Any]) -> None:
    for path, reading in readings.items():
        assert reading.dims == variables[path].dims[::-1], path
