"""What can go wrong with a run file: each message is one line saying place, what and remedy."""

from __future__ import annotations

from pathlib import Path

import attrs


class OutputError(Exception):
    """A run file cannot be made as asked: a bad name, shape or dtype, or a place that cannot be written."""


class OutputExistsError(OutputError, FileExistsError):
    """The run file, or the `.part` of an unfinished run, is already there and may not be replaced."""


class StorageError(OutputError):
    """The disk refused data: full, over a limit, or failing. Rows committed before are still readable."""


class FormatError(Exception):
    """A file cannot be read as a run file.

    Args:
        message: One line: place, what, remedy.
        code: The code that the validator gives to the same fault, such as `E_NOT_HDF5`.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class UnknownNameError(KeyError):
    """A run file holds no variable, component or column of this name."""

    def __str__(self) -> str:
        """The message itself; KeyError would show it in quotes."""
        return str(self.args[0]) if self.args else ""


def reason_of(error: BaseException) -> str:
    """The first line of an error."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def unwritten(path: Path, error: BaseException) -> StorageError:
    """What to say of a file that could not be written, and why."""
    return StorageError(
        f"{path}: could not be written ({reason_of(error)}); free disk space, or choose another place"
    )


@attrs.frozen
class Finding:
    """One thing that the validator found.

    Attributes:
        code: `E_...` for an error, `W_...` for a warning.
        where: Path of the object in the file.
        message: What is wrong with it, in one line.
    """

    code: str
    where: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether the file breaks the schema (a warning does not)."""
        return self.code.startswith("E_")

    def __str__(self) -> str:
        """The finding as one line."""
        return f"{self.where}: {self.code}: {self.message}"
