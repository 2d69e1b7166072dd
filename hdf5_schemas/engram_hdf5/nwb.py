"""Writes runs as Neurodata Without Borders (NWB 2), one file a replica, since NWB has no batch axis."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from engram_hdf5.errors import UnknownNameError
from engram_hdf5.place import check_place, replacing, storing
from engram_hdf5.reader import RunFile, open_run


@attrs.frozen
class Subject:
    """What NWB asks about the individual; a replica is one.

    Attributes:
        id: Name of all replicas; the index of the replica is added, as in `simulation-b000`.
        species: Latin binomial of the animal that is modelled, None to say nothing.
        sex: `M`, `F`, `O` (other) or `U` (unknown).
        age: Age at the start, an ISO 8601 duration.
    """

    id: str = "simulation"
    species: str | None = None
    sex: str = "U"
    age: str = "P0D"


@attrs.frozen
class Credit:
    """Who made the run; None or empty to say nothing.

    Attributes:
        experimenters: Names, as `Last, First`.
        institution: Where they work.
    """

    experimenters: tuple[str, ...] = ()
    institution: str | None = None


def export_nwb(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    replicas: Sequence[int] | None = None,
    force: bool = False,
    subject: Subject | None = None,
    credit: Credit | None = None,
) -> tuple[Path, ...]:
    """Write replicas of a run as NWB files, `NAME-b000.nwb` for replica 0 of `NAME.h5`.

    Args:
        path: The run file, or the `.part` of a run that did not finish: its committed rows are written.
        out: The folder to write to; that of the run file if not given.
        replicas: Indices of the replicas; all if not given.
        force: Whether to replace existing files, each once the new one is whole.
        subject: What to say about the individuals.
        credit: Who made the run.

    Returns:
        The files.

    Raises:
        ImportError: pynwb is not installed.
        FormatError: The run file is absent, damaged or no run file.
        UnknownNameError: The run has no such replica.
        OutputExistsError: A file is there and `force` is false; then none is written.
        OutputError: The folder is missing or cannot be written.
        StorageError: The disk is full.
    """
    try:
        from engram_hdf5.neurodata import write  # optional and slow to import
    except ModuleNotFoundError as error:
        raise ImportError("NWB needs pynwb: pip install 'engram[nwb]'") from error
    path = Path(path)
    with open_run(path) as run:
        folder = path.parent if out is None else Path(out)
        chosen = _chosen(run, replicas)
        targets = {replica: folder / f"{_stem(path)}-{replica_label(run, replica)}.nwb" for replica in chosen}
        for target in targets.values():
            check_place(target, target, force=force)
        for replica, target in targets.items():
            # pynwb warns of every name that does not end in .nwb.
            work = target.with_name(f"{target.stem}.exporting.nwb")
            with storing(work), replacing(work, target):
                write(run, replica, work, subject or Subject(), credit or Credit())
    return tuple(targets.values())


def replica_label(run: RunFile, replica: int) -> str:
    """A replica in names, such as `b007`: of equal length for all of a run, so that names sort."""
    return f"b{replica:0{max(3, len(str(run.batch - 1)))}d}"


def _chosen(run: RunFile, replicas: Sequence[int] | None) -> list[int]:
    chosen = list(range(run.batch)) if replicas is None else list(dict.fromkeys(replicas))
    for replica in chosen:
        if not 0 <= replica < run.batch:
            raise UnknownNameError(f"{run.path}: has no replica {replica}; it has 0 to {run.batch - 1}")
    return chosen


def _stem(path: Path) -> str:
    return path.name.removesuffix(".part").removesuffix(".h5")
