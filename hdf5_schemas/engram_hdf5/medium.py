"""Where a writer's HDF5 file lives while the run goes on, and what makes its commits durable."""

from __future__ import annotations

import abc
import contextlib
from pathlib import Path
from typing import Any, Literal

from engram_hdf5.place import create_file, disconnect, rename

Durability = Literal["flush", "segments"]


class Medium(abc.ABC):
    """The `.part` of a run.

    Attributes:
        part: Its path.
        file: The open HDF5 file that rows are written to.
        seconds: Time between two commits that its price allows.
        nbytes: Bytes between two commits that memory allows.
        in_place: Whether a kill may catch a write to what was kept before.
    """

    part: Path
    file: Any
    seconds: float
    nbytes: float = float("inf")
    in_place: bool

    @abc.abstractmethod
    def begin_structure(self) -> bool:
        """Take note that groups and arrays follow; all rows were kept. Returns the same as `keep`."""

    @abc.abstractmethod
    def begin_rows(self) -> None:
        """Take note that rows follow."""

    @abc.abstractmethod
    def keep(self, unfinished: int) -> bool:
        """Make durable what was flushed; True where `file` is a new one, without the rows kept before.

        Args:
            unfinished: Bytes of the HDF5 chunks that are not full, so that later rows write them again.
        """

    @abc.abstractmethod
    def finish(self, path: Path) -> None:
        """Close the file and give it its final name."""

    @abc.abstractmethod
    def leave(self) -> None:
        """Close the file; the `.part` stays."""

    @abc.abstractmethod
    def discard(self) -> None:
        """Close and remove the `.part`."""

    @abc.abstractmethod
    def fail(self) -> None:
        """Take note that a write failed."""


class SingleFile(Medium):
    """The `.part` is the file itself; what HDF5 has flushed survives the process.

    Args:
        part: Its path.

    Raises:
        OutputError: A running writer holds it.
        StorageError: It cannot be created.
    """

    seconds = 1.0
    in_place = True

    def __init__(self, part: Path) -> None:
        self.part = part
        self.file = create_file(part)

    def begin_structure(self) -> bool:
        """Nothing to do."""
        return False

    def begin_rows(self) -> None:
        """Nothing to do."""

    def keep(self, unfinished: int) -> bool:
        """Nothing to do: the flush was enough."""
        return False

    def finish(self, path: Path) -> None:
        """Close, wait for the disk, rename."""
        self.leave()
        rename(self.part, path)

    def leave(self) -> None:
        """Flush and close."""
        self.file.flush()
        self.file.close()

    def discard(self) -> None:
        """Close and remove the file."""
        self.fail()
        with contextlib.suppress(OSError):
            self.part.unlink()

    def fail(self) -> None:
        """Close without writing any more: HDF5 can crash the interpreter where a write failed before."""
        disconnect(self.file)
        with contextlib.suppress(OSError, RuntimeError):
            self.file.close()
        # Where even that failed, HDF5 must not be asked anything about the file again.
        self.file = None
