"""Presets: schedules of the literature, as the files of the folder `presets` hold them."""

from __future__ import annotations

import copy
import difflib
import functools
import tomllib
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "presets"
PRESETS = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def preset(name: str) -> dict[str, Any]:
    """Return the keys that a preset gives a task.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(PRESETS)}"
        raise ValueError(f"preset: there is no {name!r}; {hint}")
    task: dict[str, Any] = copy.deepcopy(_read(name)["task"])
    return task


@functools.cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
