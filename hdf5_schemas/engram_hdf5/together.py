"""Opens run files: one, or several together, whose replicas then lie side by side along the batch axis."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import FormatError, UnknownNameError
from engram_hdf5.joint import REMEDY, JointRows, agreed
from engram_hdf5.reader import RunFile, open_run
from engram_hdf5.rows import Rows, find

if TYPE_CHECKING:
    import pandas
    import xarray


class RunFiles:
    """The files of one sweep, or other files that fit together, open for reading; a context manager.

    `runs["memory.gain"]` gives the rows of all files `(time, batch, ...)`; batch counts through the files
    in their order. Iterating gives each file as a `RunFile`. Made by `engram_hdf5.open`.

    Args:
        files: The open files, at least one.
    """

    def __init__(self, files: Sequence[RunFile]) -> None:
        self._files = tuple(files)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in order."""
        return tuple(run.path for run in self._files)

    @property
    def batch(self) -> int:
        """Number of replicas of all files together."""
        return sum(self._sizes)

    @cached_property
    def attrs(self) -> dict[str, Any]:
        """The attributes on which all files agree."""
        return agreed([run.attrs for run in self._files])

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """The facts of the runs on which all files agree."""
        return agreed([run.provenance for run in self._files])

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The values of each replica `(batch,)` that all files hold; `file` is the index of its file.

        Raises:
            FormatError: A column has another dtype in another file.
        """
        tables = [run.columns for run in self._files]
        names = [name for name in tables[0] if all(name in table for table in tables)]
        file = np.repeat(np.arange(len(self), dtype=np.int32), self._sizes)
        return {**{name: self._column(name, tables) for name in names}, "file": file}

    @cached_property
    def recordings(self) -> dict[str, JointRows]:
        """The components that every file recorded, by dotted path."""
        return self._joined([run.recordings for run in self._files])

    @cached_property
    def finals(self) -> dict[str, JointRows]:
        """The components of which every file has a final state, by dotted path."""
        return self._joined([run.finals for run in self._files])

    def variables(self) -> list[str]:
        """Paths of the arrays that every file recorded."""
        return [f"{path}.{name}" for path, rows in self.recordings.items() for name in rows.variables]

    def final_variables(self) -> list[str]:
        """Paths of the arrays of the final state that every file has."""
        return [f"{path}.{name}" for path, rows in self.finals.items() for name in rows.variables]

    def __getitem__(self, path: str) -> NDArray[Any]:
        """The committed rows of a recorded array, the replicas of all files side by side.

        Args:
            path: Path of the array, such as `memory.gain`.

        Returns:
            The values `(time, batch, ...)`.

        Raises:
            UnknownNameError: A file holds none of this path.
            FormatError: The arrays differ in rows, times, dtype, axes, labels or unit.
        """
        rows, name = self._recorded(path)
        return rows.read(name)

    def __contains__(self, path: object) -> bool:
        """Whether every file recorded an array of this path."""
        return path in self.variables()

    def __len__(self) -> int:
        """Number of files."""
        return len(self._files)

    def __iter__(self) -> Iterator[RunFile]:
        """The files, in order."""
        return iter(self._files)

    def final(self, path: str) -> NDArray[Any]:
        """An array of the final state `(batch, ...)`.

        Raises:
            UnknownNameError: A file holds none of this path.
            FormatError: The arrays differ in dtype, axes, labels or unit.
        """
        rows, name = self._find(path, self.finals, [run.finals for run in self._files])
        return rows.read(name)

    def time(self, path: str) -> NDArray[np.float64]:
        """The times `(time,)`, in s, of a component's or an array's rows, the same in all files.

        Raises:
            UnknownNameError: A file holds none of this path.
            FormatError: The files have different times.
        """
        return self._component(path).index("time")

    def step(self, path: str) -> NDArray[np.int64]:
        """The kernel steps `(time,)` of a component's or an array's rows, the same in all files.

        Raises:
            UnknownNameError: A file holds none of this path.
            FormatError: The files have different steps.
        """
        return self._component(path).index("step")

    def dims(self, path: str) -> tuple[str, ...]:
        """Names of a recorded array's dimensions.

        Raises:
            UnknownNameError: A file holds none of this path.
            FormatError: The arrays do not fit together.
        """
        rows, name = self._recorded(path)
        return rows.dims(name)

    def attributes(self, path: str) -> dict[str, Any]:
        """The attributes of an array, column or component on which all files agree.

        Raises:
            UnknownNameError: A file holds none of this path.
        """
        return agreed([run.attributes(path) for run in self._files])

    def labels(self, path: str, axis: str) -> tuple[str, ...]:
        """Names of the places along an axis of a recorded or final array; empty where they have none.

        Raises:
            UnknownNameError: A file holds no such array or axis.
            FormatError: The files have different labels.
        """
        first, *others = [run.labels(path, axis) for run in self._files]
        for run, labels in zip(self._files[1:], others, strict=True):
            if labels != first:
                said = f"{run.path}: {path} has labels {labels} along {axis}, not {first}; {REMEDY}"
                raise FormatError(said, "E_DIFFERENT")
        return first

    def entries(self, path: str, axis: str) -> NDArray[np.int32]:
        """Indices of the places along an axis of a recorded or final array: all, or those that were recorded.

        Raises:
            UnknownNameError: A file holds no such array or axis.
            FormatError: The files have different entries.
        """
        first, *others = [run.entries(path, axis) for run in self._files]
        for run, kept in zip(self._files[1:], others, strict=True):
            if not np.array_equal(kept, first):
                said = f"{run.path}: {path} has other entries along {axis}; {REMEDY}"
                raise FormatError(said, "E_DIFFERENT")
        return first

    def trials(self) -> pandas.DataFrame:
        """The trials of all files, one row each; `replica` counts through the files, `file` is the file.

        Raises:
            UnknownNameError: A file has none.
            FormatError: The files have different columns.
            ImportError: pandas is not installed.
        """
        return self._table([run.trials() for run in self._files])

    def events(self) -> pandas.DataFrame:
        """The events of all files, one row each; `replica` counts through the files, `file` is the file.

        Raises:
            UnknownNameError: A file has none.
            FormatError: The files have different columns.
            ImportError: pandas is not installed.
        """
        return self._table([run.events() for run in self._files])

    def to_xarray(self) -> xarray.DataTree:
        """What all files hold, in memory: columns at the root, a node for each component and table.

        Raises:
            FormatError: Something does not fit together.
            ImportError: xarray is not installed.
        """
        from engram_hdf5.frames import joint_tree  # optional and slow to import

        return joint_tree(self)

    def close(self) -> None:
        """Close all files; arrays read before stay."""
        for run in self._files:
            run.close()

    def __enter__(self) -> Self:
        """The files themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all files."""
        self.close()

    def __repr__(self) -> str:
        """The files, and what all of them hold."""
        if not all(run.file for run in self._files):
            return f"<RunFiles, {len(self)} files, closed>"
        lines = [f"<RunFiles, {len(self)} files, {self.batch} replicas>"]
        for index, run in enumerate(self._files):
            title = run.attrs.get("title", "")
            lines.append(f"  {index}: {str(run.path)!r}: {title!r}, {run.status}, {run.batch} replicas")
        lines += [f"  {path}" for path in self.variables()]
        lines += [f"  final {path}" for path in self.final_variables()]
        return "\n".join(lines)

    @cached_property
    def _sizes(self) -> list[int]:
        return [run.batch for run in self._files]

    def _column(self, name: str, tables: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[Any]:
        values = [table[name] for table in tables]
        for run, item in zip(self._files, values, strict=True):
            if item.dtype != values[0].dtype:
                said = (
                    f"{run.path}: column {name!r} is {item.dtype}, in {self._files[0].path} {values[0].dtype}"
                )
                raise FormatError(f"{said}; {REMEDY}", "E_DIFFERENT")
        return np.concatenate(values)

    def _joined(self, tables: Sequence[Mapping[str, Rows]]) -> dict[str, JointRows]:
        return {
            path: JointRows(
                path, dict(zip(self.paths, [table[path] for table in tables], strict=True)), self._sizes
            )
            for path in tables[0]
            if all(path in table for table in tables)
        }

    def _recorded(self, path: str) -> tuple[JointRows, str]:
        return self._find(path, self.recordings, [run.recordings for run in self._files])

    def _component(self, path: str) -> JointRows:
        return self.recordings[path] if path in self.recordings else self._recorded(path)[0]

    def _find(
        self, path: str, joint: Mapping[str, JointRows], tables: Sequence[Mapping[str, Rows]]
    ) -> tuple[JointRows, str]:
        component, _, name = path.rpartition(".")
        held = [component in table and name in table[component].variables for table in tables]
        if all(held):
            return joint[component], name
        lacking = self.paths[held.index(False)]
        if not any(held):
            find(lacking, path, tables[0])
        other = self.paths[held.index(True)]
        raise UnknownNameError(f"{lacking}: holds no {path!r}, {other} does; {REMEDY}")

    def _table(self, frames: Sequence[pandas.DataFrame]) -> pandas.DataFrame:
        import pandas as pd  # optional and slow to import

        starts = itertools.accumulate(self._sizes, initial=0)
        found = []
        for index, (run, frame, start) in enumerate(zip(self._files, frames, starts, strict=False)):
            if dict(frame.dtypes) != dict(frames[0].dtypes):
                said = f"{run.path}: its {frame.index.name}s have other columns than those of {self.paths[0]}"
                raise FormatError(f"{said}; {REMEDY}", "E_DIFFERENT")
            found.append(frame.assign(replica=frame["replica"] + start, file=np.int32(index)))
        whole = pd.concat(found, ignore_index=True)
        whole.index.name = frames[0].index.name
        return whole


@overload
def open(path: str | os.PathLike[str]) -> RunFile: ...  # type: ignore[overload-overlap]
@overload
def open(path: Iterable[str | os.PathLike[str]]) -> RunFiles: ...
def open(path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> RunFile | RunFiles:
    """Open a run file, or the `.part` of a run that did not finish, for reading; or several files together.

    Args:
        path: The file; or a list of files, whose replicas then count as one batch.

    Returns:
        The file, or the files; close them, or use them as a context manager. Of a `.part` they show the
        committed rows only.

    Raises:
        FormatError: There is no such file, it is no run file, it is damaged or being written, or a later
            version of engram wrote it; or no file is given, or one twice. No file stays open then.
    """
    if isinstance(path, str | os.PathLike):
        return open_run(path)
    paths = [Path(item) for item in path]
    _refuse_twins(paths)
    with contextlib.ExitStack() as stack:
        runs = RunFiles([stack.enter_context(open_run(item)) for item in paths])
        stack.pop_all()
    return runs


def _refuse_twins(paths: Sequence[Path]) -> None:
    if not paths:
        raise FormatError("open: no file is given; give at least one", "E_OPEN")
    seen = set()
    for path in paths:
        if path.resolve() in seen:
            raise FormatError(f"{path}: is given twice; give each file once", "E_OPEN")
        seen.add(path.resolve())
