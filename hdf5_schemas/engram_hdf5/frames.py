"""Run files as pandas and xarray objects, held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engram_hdf5.errors import FormatError
from engram_hdf5.netcdf import dimension_names
from engram_hdf5.storage import read_attributes

if TYPE_CHECKING:
    import pandas
    import xarray

    from engram_hdf5.joint import JointRows
    from engram_hdf5.reader import RunFile
    from engram_hdf5.rows import Rows
    from engram_hdf5.together import RunFiles

FILE = {"units": "1", "long_name": "index of the file"}


def data_frame(rows: Rows) -> pandas.DataFrame:
    """A table as a DataFrame, indexed by its rows.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas as pd  # optional and slow to import
    except ImportError as error:
        raise ImportError("trials and events need pandas: pip install engram[xarray]") from error
    frame = pd.DataFrame({name: rows.read(name) for name in rows.variables})
    frame.index.name = {"trials": "trial", "events": "event"}[rows.path]
    return frame


def data_tree(run: RunFile) -> xarray.DataTree:
    """A run file as a tree of datasets: its committed rows, dimension names, units and attributes.

    Raises:
        ImportError: xarray is not installed.
    """
    try:
        import xarray as xr  # optional and slow to import
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install engram[xarray]") from error
    columns = {name: ("batch", values, run.attributes(name)) for name, values in run.columns.items()}
    replicas = np.arange(run.batch, dtype=np.int32)
    nodes = {"/": xr.Dataset(columns, {"batch": ("batch", replicas)}, run.attrs)}
    for rows in (*run.recordings.values(), *run.tables().values(), *run.finals.values()):
        arrays = {name: _variable(rows, name) for name in rows.arrays if name != "n_rows"}
        try:
            nodes[str(rows.group.name)] = xr.Dataset(arrays, attrs=read_attributes(rows.group))
        except ValueError as error:
            raise FormatError(f"{rows.group.name}: dimensions do not fit ({error})", "E_DIMS") from error
    nodes["/provenance"] = xr.Dataset(attrs=run.provenance)
    return xr.DataTree.from_dict(nodes)


def joint_tree(runs: RunFiles) -> xarray.DataTree:
    """Several run files as one tree: what all of them hold, with their replicas side by side.

    Raises:
        FormatError: Something does not fit together.
        ImportError: xarray is not installed.
    """
    try:
        import xarray as xr  # optional and slow to import
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install engram[xarray]") from error
    said = {name: runs.attributes(name) if name != "file" else FILE for name in runs.columns}
    columns = {name: ("batch", values, said[name]) for name, values in runs.columns.items()}
    nodes = {
        "/": xr.Dataset(columns, {"batch": ("batch", np.arange(runs.batch, dtype=np.int32))}, runs.attrs)
    }
    for rows in (*runs.recordings.values(), *runs.finals.values()):
        nodes[_node(rows)] = xr.Dataset(_joint_variables(rows))
    first = next(iter(runs)).tables()
    for name in first if all(run.tables().keys() == first.keys() for run in runs) else ():
        frame = runs.trials() if name == "trials" else runs.events()
        index = str(frame.index.name)
        nodes[f"/{name}"] = xr.Dataset({key: (index, frame[key].to_numpy()) for key in frame})
    nodes["/provenance"] = xr.Dataset(attrs=runs.provenance)
    return xr.DataTree.from_dict(nodes)


def _node(rows: JointRows) -> str:
    """Its group in the files; where they hold different components of this path, one named by the path."""
    names = {str(part.group.name) for part in rows.parts.values()}
    return (
        names.pop() if len(names) == 1 else f"{min(names).rpartition('/')[0]}/{rows.path.replace('.', '_')}"
    )


def _joint_variables(rows: JointRows) -> dict[str, Any]:
    found = {name: (rows.dims(name), rows.read(name), rows.attributes(name)) for name in rows.variables}
    used = {dim for dims, _, _ in found.values() for dim in dims} | {"step"}
    shared = (name for name in rows.first.arrays if name in used - {"batch", *found})
    return {name: _variable(rows.first, name) for name in shared} | found


def _variable(rows: Rows, name: str) -> tuple[tuple[str, ...], Any, dict[str, Any]]:
    dims = dimension_names(rows.arrays[name])
    if dims is None or "?" in dims:
        where = str(rows.arrays[name].name)
        raise FormatError(f"{where}: its dimensions have no names; use run[...] instead", "E_DIMS")
    return dims, rows.read(name), read_attributes(rows.arrays[name])
