"""Checkpoints: all arrays of a run at one step, beside its file, replaced in one move.

They are NumPy's own archive (`.npz`, without pickles): every array has a checksum, and what is read is what
was written, bit for bit.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram_hdf5.errors import FormatError, StorageError
from engram_hdf5.place import replacing, rows_before


def checkpoint_of(path: Path) -> Path:
    """Name of the checkpoint of the run file `path`."""
    return path.with_name(f"{path.name}.checkpoint")


def save_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a checkpoint; the one before stays until this one is whole on the disk.

    Args:
        path: The run file it belongs to, by its final name.
        arrays: Arrays by name.

    Raises:
        StorageError: It could not be written.
    """
    target = checkpoint_of(path)
    part = target.with_name(f"{target.name}.part")
    try:
        with replacing(part, target), part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise StorageError(f"{target}: could not be written ({error.strerror}); free disk space") from error


def load_checkpoint(path: Path) -> dict[str, NDArray[Any]] | None:
    """Read the checkpoint of the run file `path`, or return None where there is none.

    Raises:
        FormatError: It is damaged.
    """
    target = checkpoint_of(path)
    if not target.exists():
        return None
    try:
        with np.load(target, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise FormatError(f"{target}: is damaged ({error}); delete it to begin again", "E_DATA") from error


def drop_checkpoint(path: Path) -> None:
    """Delete what a run of the file `path` would be resumed from: its checkpoint and the rows before."""
    checkpoint_of(path).unlink(missing_ok=True)
    rows_before(path.with_name(f"{path.name}.part")).unlink(missing_ok=True)
