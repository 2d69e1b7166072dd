"""What one replica of a run is in the terms of NWB: series, tables and their texts.

Imports pynwb, which is optional and slow to import: `nwb` imports this module when it is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from hdmf.backends.hdf5.h5_utils import H5DataIO
from hdmf.common import DynamicTable, VectorData
from hdmf.data_utils import GenericDataChunkIterator
from numpy.typing import NDArray
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.event import EventsTable, TimestampVectorData
from pynwb.file import Subject as Individual
from pynwb.misc import Units

from engram_hdf5.errors import FormatError
from engram_hdf5.netcdf import dimension_names, fixed_chunk_shape
from engram_hdf5.nwb import replica_label
from engram_hdf5.rows import Rows, read_values
from engram_hdf5.storage import read_attributes

if TYPE_CHECKING:
    from engram_hdf5.nwb import Credit, Subject
    from engram_hdf5.reader import RunFile

_TABLE_ROWS = 1 << 16
_MOST_AXES = 4
_MODULES = {
    "memory": "recordings of memories",
    "synapse": "recordings of synapses",
    "task": "recordings of the task",
    "final_state": "state after the last step, a table of one row for each component",
    "run": "values of this replica: its seed and the parameters that a sweep varies",
}


class Block(GenericDataChunkIterator):  # type: ignore[misc]  # pynwb has no types
    """The rows of one replica of a recorded array, read block by block while they are written.

    Args:
        dataset: The array `(time, batch, ...)`.
        rows: How many rows are committed.
        replica: Index of the replica, None for an array without `batch`.
    """

    def __init__(self, dataset: h5py.Dataset, rows: int, replica: int | None) -> None:
        self._dataset = dataset
        self._places: tuple[int, ...] = () if replica is None else (replica,)
        self._shape = (rows, *flat(dataset.shape[1 + len(self._places) :]))
        chunk = fixed_chunk_shape(self._shape, dataset.dtype.itemsize)
        super().__init__(chunk_shape=chunk, buffer_shape=(chunk[0], *self._shape[1:]))

    def _get_data(self, selection: tuple[slice, ...]) -> NDArray[Any]:
        block = read_values(self._dataset, part=(selection[0], *self._places))
        # In a series truth values stay the numbers that they are in the run file.
        numbers = block.view(np.int8) if block.dtype == np.bool_ else block
        return numbers.reshape(len(block), *self._shape[1:])[(slice(None), *selection[1:])]

    def _get_maxshape(self) -> tuple[int, ...]:
        return self._shape

    def _get_dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self._dataset.dtype
        return dtype


def write(run: RunFile, replica: int, path: Path, subject: Subject, credit: Credit) -> None:
    """Write one replica of an open run into a new NWB file."""
    content = _header(run, replica, subject, credit)
    _add(content, "run", _columns(run, replica))
    for rows in run.recordings.values():
        for series in _recording(rows, replica):
            _add(content, _place(rows)[0], series)
    for rows in run.finals.values():
        _add(content, "final_state", _final(rows, replica))
    tables = run.tables()
    if "trials" in tables:
        _add_trials(content, tables["trials"], replica)
    if "events" in tables:
        _add_events(content, tables["events"], replica, run)
    with NWBHDF5IO(path, "w") as file:
        file.write(content)


def flat(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of a row as NWB takes them: three at most, else all in one."""
    return sizes if len(sizes) < _MOST_AXES else (math.prod(sizes),)


def _header(run: RunFile, replica: int, subject: Subject, credit: Credit) -> NWBFile:
    label = replica_label(run, replica)
    title, run_id = (str(run.attrs.get(name) or "run") for name in ("title", "run_id"))
    values = ", ".join(f"{name} = {run.columns[key][replica]}" for key, name in _paths(run).items())
    return NWBFile(
        session_description=f"{title}: replica {replica} of {run.batch} ({values}), {run.status}",
        identifier=f"{run_id}-{label}",
        session_id=run_id,
        session_start_time=_start(run),
        experiment_description=f"Simulation of {title}; the recipe is in source_script",
        experimenter=credit.experimenters or None,
        institution=credit.institution,
        keywords=["simulation", *_components(run)],
        source_script=run.recipe_text,
        source_script_file_name=f"{run.path.name}:provenance/config",
        notes=_notes(run),
        was_generated_by=[["engram", str(run.provenance.get("engram_version", "unknown"))]],
        subject=Individual(
            subject_id=f"{subject.id}-{label}",
            description=f"replica {replica} of a simulation",
            species=subject.species,
            sex=subject.sex,
            age=subject.age,
        ),
    )


def _start(run: RunFile) -> datetime:
    said = run.attrs.get("date_created")
    try:
        return datetime.fromisoformat(str(said)).astimezone(UTC)
    except ValueError as error:
        raise FormatError(
            f"{run.path}: date_created is {said!r}, no date; look with engram validate", "E_ATTR_VALUE"
        ) from error


def _notes(run: RunFile) -> str:
    facts = [f"{name}: {value}" for name, value in run.provenance.items()]
    return "\n".join([*facts, f"packages: {run.text('packages')}"])


def _paths(run: RunFile) -> dict[str, str]:
    """Names of the columns, each with the path of the parameter that it holds, if it holds one."""
    return {name: str(run.attributes(name).get("path", name)) for name in run.columns}


def _components(run: RunFile) -> list[str]:
    facts = [read_attributes(rows.group) for rows in run.recordings.values()]
    return sorted({str(item["component"]) for item in facts if "component" in item})


def _add(content: NWBFile, module: str, item: Any) -> None:
    if module not in content.processing:
        content.create_processing_module(name=module, description=_MODULES[module])
    content.processing[module].add(item)


def _place(rows: Rows) -> tuple[str, str]:
    """Kind and name of a component, from the path of its group."""
    kind, name = str(rows.group.name).split("/")[-2:]
    return kind, name


def _columns(run: RunFile, replica: int) -> DynamicTable:
    columns = {}
    for name, values in run.columns.items():
        said = run.attributes(name)
        path = f"{said['path']}: " if "path" in said else ""
        columns[name] = (values[replica : replica + 1], f"{path}{_meaning(said)}")
    columns["batch"] = (np.array([replica]), "index of the replica in the run file")
    return _table(DynamicTable, "replica", "values of this replica", columns)


def _recording(rows: Rows, replica: int) -> Iterator[TimeSeries]:
    timing = _timing(rows)
    facts = read_attributes(rows.group)
    kind, name = _place(rows)
    plugin = f" of {facts['plugin']} {facts.get('plugin_version', '')}" if "plugin" in facts else ""
    every = f"; a row every {facts['record_every']} steps" if "record_every" in facts else ""
    for variable in rows.variables:
        dataset = rows.arrays[variable]
        said = read_attributes(dataset)
        dims = _dims(dataset)
        axes = _axes(rows, dims[0], _own(dims), dataset.shape)
        yield TimeSeries(
            name=f"{name}__{variable}",
            data=_data(dataset, rows.length or 0, replica if "batch" in dims else None),
            unit=str(said.get("units", "1")),
            description=_meaning({**said, "units": None}),
            comments=f"{kind} {facts.get('component', name)}{plugin}{every}; {axes}",
            **timing,
        )


def _data(dataset: h5py.Dataset, rows: int, replica: int | None) -> Any:
    if rows == 0:
        own = dataset.shape[1 if replica is None else 2 :]
        return np.empty((0, *flat(own)), dtype=dataset.dtype)
    block = Block(dataset, rows, replica)
    return H5DataIO(block, compression="gzip", compression_opts=1, shuffle=True, fletcher32=True)


def _timing(rows: Rows) -> dict[str, Any]:
    """Start and rate where the rows are a millionth of an interval from regular at most, else all times."""
    times = _seconds(_array(rows, "time"), rows.read("time"))
    if len(times) > 1 and times[-1] > times[0]:
        interval = (times[-1] - times[0]) / (len(times) - 1)
        # Twelve digits: 10 Hz shall not read 9.999999999999998 because 0.1 s is no binary fraction.
        rate = float(f"{1 / interval:.12g}")
        if np.abs(times[0] + np.arange(len(times)) / rate - times).max() <= 1e-6 * interval:
            return {"starting_time": float(times[0]), "rate": rate}
    return {"timestamps": times}


def _array(rows: Rows, name: str) -> h5py.Dataset:
    if name not in rows.arrays:
        raise FormatError(f"{rows.group.name}: has no {name}; look with engram validate", "E_MISSING")
    return rows.arrays[name]


def _seconds(dataset: h5py.Dataset, values: NDArray[Any]) -> NDArray[Any]:
    return values / 1000 if read_attributes(dataset).get("units") == "ms" else values


def _final(rows: Rows, replica: int) -> DynamicTable:
    facts = read_attributes(rows.group)
    columns = {}
    for name in rows.variables:
        dataset = rows.arrays[name]
        dims = _dims(dataset)
        values = read_values(dataset, part=slice(replica, replica + 1))
        text = f"{_meaning(read_attributes(dataset))}; {_axes(rows, 'row', _own(dims), values.shape)}"
        columns[name] = (values.reshape(1, *flat(values.shape[1:])), text)
    said = f"state at step {facts.get('step')}, {facts.get('time')} s, of {facts.get('path', rows.path)}"
    return _table(DynamicTable, "__".join(_place(rows)), said, columns)


def _add_trials(content: NWBFile, rows: Rows, replica: int) -> None:
    columns = _table_columns(rows, replica)
    if not columns:
        return
    if {"start_time", "stop_time"} <= set(columns):
        content.trials = _table(TimeIntervals, "trials", "trials of this replica", columns)
    else:
        _add(content, "run", _table(DynamicTable, "trials", "trials, without their times", columns))


def _add_events(content: NWBFile, rows: Rows, replica: int, run: RunFile) -> None:
    columns = _table_columns(rows, replica)
    if not columns:
        return
    _array(rows, "time")
    times, _ = columns.pop("time")
    stamp = TimestampVectorData(name="timestamp", description="time of the event", data=times)
    said = "events of this replica, as they were recorded"
    content.add_events_table(_table(EventsTable, "events", said, columns, first=stamp))
    if "unit" in columns:
        content.units = _units(times, columns, rows, run)


def _units(times: NDArray[Any], columns: Mapping[str, Any], rows: Rows, run: RunFile) -> Units:
    """The times of each unit that had an event, of each source apart."""
    import pandas as pd  # pynwb brings it

    frame = pd.DataFrame({"source": 0, **{name: data for name, (data, _) in columns.items()}, "time": times})
    dt = run.recipe.get("run", {}).get("dt")
    resolution = None if dt is None else float(dt)
    units = Units(name="units", description="times of each unit's events", resolution=resolution)
    units.add_column(name="unit", description=columns["unit"][1])
    if "source" in columns:
        units.add_column(name="source", description="what the unit belongs to")
    codes = _codes(read_attributes(rows.arrays["source"])) if "source" in columns else {}
    for (source, unit), group in frame.sort_values("time").groupby(["source", "unit"]):
        owner = {"source": codes.get(source, str(source))} if "source" in columns else {}
        units.add_unit(spike_times=group["time"].to_numpy(), unit=unit, **owner)
    return units


def _table_columns(rows: Rows, replica: int) -> dict[str, tuple[NDArray[Any], str]]:
    """Values and texts of the columns of a table, in the rows of the replica; nothing where it has none."""
    length = rows.length or 0
    blocks = [slice(at, min(at + _TABLE_ROWS, length)) for at in range(0, length, _TABLE_ROWS)]
    kept = [read_values(_array(rows, "replica"), part=block) == replica for block in blocks]
    if not any(block.any() for block in kept):
        return {}
    names = [name for name in rows.arrays if name in {*rows.variables, "time"} - {"replica"}]
    columns = {}
    for name in names:
        dataset = rows.arrays[name]
        parts = [read_values(dataset, part=block)[keep] for block, keep in zip(blocks, kept, strict=True)]
        values = np.concatenate(parts)
        is_time = name in ("time", "start_time", "stop_time")
        columns[name] = (_seconds(dataset, values) if is_time else values, _meaning(read_attributes(dataset)))
    return columns


def _table(
    kind: Any, name: str, description: str, columns: Mapping[str, tuple[Any, str]], first: Any = None
) -> Any:
    """A table of NWB; a column whose name NWB uses otherwise gets a `_` behind it."""
    own = {"start_time", "stop_time"} if kind is TimeIntervals else set()
    taken = ({column["name"] for column in kind.__columns__} | set(dir(kind))) - own
    vectors = [] if first is None else [first]
    for key, (data, text) in columns.items():
        free = f"{key}_" if key in taken else key
        vectors.append(VectorData(name=free, description=text, data=data))
    return kind(name=name, description=description, columns=vectors)


def _meaning(said: Mapping[str, Any]) -> str:
    """What an array is, its unit and its codes, from its attributes."""
    unit = f" [{said['units']}]" if said.get("units") not in (None, "", "1") else ""
    codes = ", ".join(f"{code} {meaning}" for code, meaning in _codes(said).items())
    return f"{said.get('long_name') or 'no description'}{unit}" + (f"; codes: {codes}" if codes else "")


def _codes(said: Mapping[str, Any]) -> dict[int, str]:
    values = np.atleast_1d(said.get("flag_values", ())).tolist()
    return dict(zip(values, str(said.get("flag_meanings", "")).split(), strict=False))


def _dims(dataset: h5py.Dataset) -> tuple[str, ...]:
    dims = dimension_names(dataset)
    if dims is None or "?" in dims:
        raise FormatError(
            f"{dataset.name}: its dimensions have no names; look with engram validate", "E_DIMS"
        )
    return dims


def _own(dims: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dim for dim in dims[1:] if dim != "batch")


def _axes(rows: Rows, leading: str, own: tuple[str, ...], shape: tuple[int, ...]) -> str:
    """The names of the axes, which NWB has no place for, and what their places are called."""
    sizes = shape[len(shape) - len(own) :]
    parts = [f"axes: {', '.join((leading, *own))}"]
    for axis in own:
        if axis not in rows.arrays:
            continue
        labels = read_attributes(rows.arrays[axis]).get("labels")
        parts += [f"{axis}: {', '.join(str(labels).split())}"] if labels else []
        kept = read_values(rows.arrays[axis]).tolist()
        parts += [f"{axis} kept: {', '.join(map(str, kept))}"] if kept != list(range(len(kept))) else []
    if len(own) >= _MOST_AXES:
        was = ", ".join(f"{axis} {size}" for axis, size in zip(own, sizes, strict=True))
        parts.append(f"all but the first axis flattened in C order from ({was})")
    return "; ".join(parts)
