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

    from engram_hdf5.reader import RunFile
    from engram_hdf5.rows import Rows


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


def _variable(rows: Rows, name: str) -> tuple[tuple[str, ...], Any, dict[str, Any]]:
    dims = dimension_names(rows.arrays[name])
    if dims is None or "?" in dims:
        where = str(rows.arrays[name].name)
        raise FormatError(f"{where}: its dimensions have no names; use run[...] instead", "E_DIMS")
    return dims, rows.read(name), read_attributes(rows.arrays[name])
