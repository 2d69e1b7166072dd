"""What a user sees of an error: one line each, place, what and remedy, and an exit code."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import click

from engram_cli.show import printable

_EXIT_CODES = {"StorageError": 1, "OutputError": 2, "UnknownNameError": 2, "FormatError": 4}


class Failure(click.ClickException):
    """A failure that the command line itself finds.

    Args:
        message: One line: place, what, remedy.
        exit_code: 1 run failed, 2 usage or recipe, 3 plugin, 4 invalid file.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]


def report(error: BaseException) -> int:
    """Print an error on stderr and return the exit code."""
    if isinstance(error, click.Abort):
        cause = error.__cause__ or error
        click.echo(f"interrupted{''.join(f'; {note}' for note in notes(cause))}", err=True)
        return 130
    for line in explain(error):
        click.echo(f"error: {printable(line)}", err=True)
    for note in notes(error):
        click.echo(f"note: {printable(note)}", err=True)
    return exit_code(error)


def explain(error: BaseException) -> list[str]:
    """Return what went wrong, one line for each mistake."""
    if isinstance(error, click.UsageError):
        return [_usage(error)]
    if isinstance(error, click.ClickException):
        return [error.format_message()]
    if isinstance(error, ExceptionGroup):
        return [line for inner in error.exceptions for line in explain(inner)]
    if hasattr(error, "exit_code") or _hdf5_code(error) is not None:
        return str(error).splitlines()
    return [_unexpected(error)]


def exit_code(error: BaseException) -> int:
    """Return the exit code that belongs to an error."""
    code = getattr(error, "exit_code", _hdf5_code(error))
    return code if isinstance(code, int) else 1


def notes(error: BaseException) -> list[str]:
    """Return the notes that were added to an error on its way."""
    return list(getattr(error, "__notes__", []))


def _usage(error: click.UsageError) -> str:
    text = error.format_message().rstrip(".")
    if error.ctx is None:
        return text
    path = error.ctx.command_path
    return f"{path}: {text[:1].lower()}{text[1:]}; see `{path} --help`"


def _hdf5_code(error: BaseException) -> int | None:
    """Return the exit code of an error of the file layer, which is imported only where it was used."""
    files = sys.modules.get("engram_hdf5")
    for name, code in _EXIT_CODES.items():
        if files is not None and isinstance(error, getattr(files, name)):
            return code
    return None


def _unexpected(error: BaseException) -> str:
    text = (str(error).splitlines() or [""])[0]
    what = f"{type(error).__name__}: {text}".rstrip(": ")
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{_short(frames[-1].filename)}:{frames[-1].lineno}: " if frames else ""
    return f"{place}{what}; `engram --traceback ...` shows the way there"


def _short(filename: str) -> str:
    """Return folder and name of a source file: `__init__.py` alone says little."""
    return "/".join(Path(filename).parts[-2:])
