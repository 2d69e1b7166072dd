"""An analysis: what a plugin computes from a run file, and how it draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from .convert import Problem, component_from

Result = Mapping[str, "np.ndarray[Any, Any]"]

_NO_SETTINGS = attrs.make_class("NoSettings", ())


@attrs.frozen
class Analysis:
    """A named computation on an opened run file.

    Attributes:
        name: Registered name, as in `engram plot FILE NAME`.
        doc: One line for listings.
        compute: Takes the opened file (`engram.open`), and the settings where there are any; returns arrays
            by name.
        picture: Draws the result into a matplotlib Figure; None where there is nothing to draw.
        settings: Class declared with `engram.parameters`, each with a default; None where nothing can be set.
        animation: Draws the result into a Figure frame by frame: a generator that yields when a frame is
            drawn; None where nothing moves.
    """

    name: str
    doc: str
    compute: Callable[..., Result]
    picture: Callable[[Result, Any], None] | None = None
    settings: type | None = None
    animation: Callable[[Result, Any], Iterable[None]] | None = None


def settings_from(
    table: Any, name: str, path: str, problems: list[Problem], find: Callable[[str, str], Any]
) -> Any:
    """Return settings, or append every mistake to `problems`.

    Args:
        table: What a recipe says in `[analysis.NAME]`; `use` names the analysis.
        name: The analysis where there is no `use`.
        path: Where the table stands, for messages.
        problems: Collects one pair for each mistake.
        find: Returns the analysis of ("analysis", name).
    """
    return component_from(
        table, "analysis", path, problems, lambda role, use: find(role, use).settings or _NO_SETTINGS, name
    )
