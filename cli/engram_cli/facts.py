"""`python -m engram_cli.facts`: what `inspect` runs in a child, where a bad file can do no harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import engram_hdf5
from engram_hdf5 import RunFile
from engram_hdf5.confinement import Alive, answer


def look(request: dict[str, Any], alive: Alive) -> Iterator[dict[str, Any]]:
    """Yield the facts of the file `path`, at once: no block of data is read."""
    with engram_hdf5.open(request["path"]) as run:
        yield facts(run)


def facts(run: RunFile) -> dict[str, Any]:
    """Return what a run file holds, without its data."""
    provenance = run.provenance
    return {
        "file": run.path,
        "title": run.attrs.get("title", ""),
        "status": run.status,
        "reason": run.attrs.get("status_reason", ""),
        "created": run.attrs.get("date_created", ""),
        "completed": run.attrs.get("date_completed", ""),
        "run_id": run.attrs.get("run_id", ""),
        "provenance": provenance,
        "replicas": run.batch,
        "variables": [variable(run, path) for path in run.variables()],
        "tables": {name: rows.length for name, rows in run.tables().items()},
        "columns": [column(run, name) for name in run.columns],
        "final": run.final_variables(),
    }


def variable(run: RunFile, path: str) -> dict[str, Any]:
    """Return shape, unit and meaning of one recorded variable."""
    dataset = run.dataset(path)
    said = run.attributes(path)
    rows = run.recordings[path.rpartition(".")[0]].length
    return {
        "name": path,
        "dims": run.dims(path),
        "shape": (rows, *dataset.shape[1:]),
        "entries": entries(run, path),
        "dtype": str(dataset.dtype),
        "unit": said.get("units", ""),
        "doc": said.get("long_name", ""),
    }


def entries(run: RunFile, path: str) -> dict[str, list[int]]:
    """Return the indices kept along the axes of a variable of which some were left out."""
    kept = {axis: run.entries(path, axis).tolist() for axis in run.dims(path)[2:]}
    return {axis: indices for axis, indices in kept.items() if indices != list(range(len(indices)))}


def column(run: RunFile, name: str) -> dict[str, Any]:
    """Return the values that the replicas have of one column: seed, swept parameters."""
    values = sorted(set(run.columns[name].tolist()))
    said = run.attributes(name)
    return {"name": name, "values": values, "unit": said.get("units", ""), "doc": said.get("long_name", "")}


if __name__ == "__main__":
    answer(look)
