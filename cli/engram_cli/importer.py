"""Finds an importer, reads a file with it, and says whose fault a failure is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from engram import EngramError
from engram_cli import extra
from engram_cli.failure import Failure


@attrs.frozen(eq=False)
class Imported:
    """What another program saved, as a run.

    Attributes:
        recipe: Tables of the recipe that it followed; `run.steps` says how many rows there are.
        records: (steps, batch, ...) arrays by path, those that `record.variables` of the recipe names.
        trials: Columns of the trials that ended: replica, number, start_step, stop_step, return_, outcome,
            truncated; empty where there are none.
        final: (batch, ...) state after the last step by path, such as "memory.w"; only what is known.
    """

    recipe: Mapping[str, Any]
    records: Mapping[str, Any]
    trials: Mapping[str, Any]
    final: Mapping[str, Any]


def read(name: str, file: Path) -> Imported:
    """Read a file of another program.

    Args:
        name: The format, as a plugin offers it.
        file: What the other program saved.

    Raises:
        Failure: There is no such format (exit code 2), its importer failed (3), or the file is none of this
            format or is broken (4).
    """
    importer = extra.load(extra.IMPORTERS, name)
    if importer is None:
        known = ", ".join(extra.names(extra.IMPORTERS)) or "none"
        raise Failure(f"import: no format {name!r}; known: {known}", 2)
    place = extra.place(extra.IMPORTERS, name)
    try:
        found = importer(file)
    except EngramError as error:  # raised on purpose: the file is not what the importer is for
        raise Failure(str(error), 4) from error
    except Exception as error:
        text = (str(error).splitlines() or [""])[0]
        raise Failure(f"{place}: {type(error).__name__}: {text}; tell its author", 3) from error
    tables = [field.name for field in attrs.fields(Imported)]
    if not isinstance(found, dict) or sorted(found) != sorted(tables):
        raise Failure(f"{place}: returns no dict of {', '.join(tables)}; tell its author", 3)
    return Imported(**found)
