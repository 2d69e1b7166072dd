"""Finds an importer, reads a file with it, and says whose fault a failure is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from engram import EngramError
from engram_cli import extra
from engram_cli.failure import Failure
from engram_cli.imported import Imported, write
from engram_hdf5 import check_place


def convert(name: str, file: str | Path, out: str | Path, *, force: bool = False) -> Path:
    """Write a file of another program as a run file.

    Args:
        name: The format, as a plugin offers it.
        file: What the other program saved; it is only read.
        out: The run file.
        force: Replace an existing file, once the new one is whole.

    Returns:
        The run file.

    Raises:
        Failure: There is no such format, or its plugin failed (exit code 2 or 3); the file is none of this
            format, or is broken (exit code 4).
        engram_hdf5.OutputError: The run file cannot be written.
    """
    file, out = Path(file), Path(out)
    read = extra.load(extra.IMPORTERS, name)
    if read is None:
        known = ", ".join(extra.names(extra.IMPORTERS)) or "none"
        raise Failure(f"import: no format {name!r}; known: {known}", 2)
    check_place(out, out.with_name(f"{out.name}.part"), force=force)
    found = _found(read, extra.place(extra.IMPORTERS, name), file)
    return write(found, name, file, out, force=force)


def _found(read: Callable[[Path], Any], place: str, file: Path) -> Imported:
    try:
        found = read(file)
    except EngramError as error:  # raised on purpose: the file is not what the importer is for
        raise Failure(str(error), 4) from error
    except Exception as error:
        raise Failure(f"{place}: {type(error).__name__}: {error}", 3) from error
    tables = [field.name for field in attrs.fields(Imported)]
    if not isinstance(found, dict) or sorted(found) != sorted(tables):
        raise Failure(f"{place}: returns no dict of {', '.join(tables)}; tell its author", 3)
    return Imported(**found)
