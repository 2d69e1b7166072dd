"""The place of a run file: may it be written there, and has it reached the disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from engram_hdf5.errors import OutputError, OutputExistsError, StorageError, unwritten

LOCK = "lock"


def rows_before(part: Path) -> Path:
    """Where a resumption keeps the rows of a `.part` until they are safe in the new one."""
    return part.with_name(f"{part.name}.before")


def check_place(path: Path, part: Path, *, force: bool) -> None:
    """Refuse a place where the file cannot, or may not, be written.

    Raises:
        OutputExistsError: The file, its `.part`, or rows of it that a resumption set aside are there and
            `force` is false.
        OutputError: The folder is missing or not writable.
    """
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {folder} does not exist; create it, or write elsewhere")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: the folder {folder} is not writable; change that, or write elsewhere")
    if path.is_dir() or (part.is_dir() and not is_segment_folder(part)):
        raise OutputError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not force:
        raise OutputExistsError(f"{path}: exists already; choose another name, or replace it with force")
    for left in (part, rows_before(part)):
        if left.exists() and not force:
            raise OutputExistsError(
                f"{left}: is left by an unfinished run; resume or recover it, or replace it with force"
            )


def is_segment_folder(path: Path) -> bool:
    """Whether a path is the folder of a run in segments, or what is left of one that was being removed."""
    return path.is_dir() and ((path / LOCK).exists() or not any(path.iterdir()))


def create_file(part: Path) -> h5py.File:
    """Create the file in the oldest format that every reader takes, replacing what was there.

    Raises:
        OutputError: A running writer holds it.
        StorageError: It cannot be created.
    """
    try:
        return h5py.File(part, "w", libver=("v108", "v108"), track_order=True)
    except OSError as error:
        if "lock" in str(error) or "already open" in str(error):
            raise OutputError(
                f"{part}: a run is writing it; wait for its end, or choose another name"
            ) from error
        raise StorageError(f"{part}: cannot be created ({error}); choose another place") from error


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        # Windows opens no folders; there the rename is durable by itself.
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rename(work: Path, target: Path) -> None:
    """Give a whole file its name in one move; a file of that name is there until then."""
    sync(work)
    os.replace(work, target)
    sync(target.parent)


@contextlib.contextmanager
def replacing(work: Path, target: Path) -> Iterator[None]:
    """Give what is written meanwhile its name when it is whole, or leave nothing of it.

    Args:
        work: The name to write under, beside the other.
        target: The name of the file; one that was there stays until then.
    """
    try:
        yield
        rename(work, target)
    finally:
        with contextlib.suppress(OSError):
            work.unlink()


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Say in one line that the disk refused a file.

    Args:
        path: The file that is written meanwhile.

    Raises:
        StorageError: It could not be written.
    """
    try:
        yield
    # HDF5 reports a full disk as OSError from a write, but as a bare RuntimeError from a flush.
    except (OSError, RuntimeError) as error:
        raise unwritten(path, error) from error


def disconnect(file: Any) -> None:
    """Let nothing that HDF5 still holds back reach the disk: its descriptor leads nowhere from now on.

    After a failed write HDF5 tries again at every close, and at the end of the interpreter, and crashes it
    where that fails, too.
    """
    if not file:
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(nowhere, file.id.get_vfd_handle())
    finally:
        os.close(nowhere)


@contextlib.contextmanager
def writing(file: Any) -> Iterator[Any]:
    """Close a file at the end; after an error so that HDF5 survives it.

    Args:
        file: The open HDF5 file.

    Yields:
        The same.
    """
    try:
        yield file
        file.close()
    except BaseException:
        disconnect(file)
        with contextlib.suppress(OSError, RuntimeError):
            file.close()
        raise
