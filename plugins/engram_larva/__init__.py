"""Larvae for engram: chemotaxis, touch, and the preferences they learn."""

from collections.abc import Iterable
from pathlib import Path

from engram import Analysis, Task, hookimpl

from .contact import contact_time
from .learning import learning_curve
from .odor_arena import OdorArena
from .preference import preference_index
from .touch_arena import TouchArena
from .trajectory import trajectories


@hookimpl
def register_tasks() -> Iterable[type[Task]]:
    """Two arenas."""
    return [OdorArena, TouchArena]


@hookimpl
def register_recipes() -> Iterable[Path]:
    """The recipes of this folder."""
    return sorted((Path(__file__).parent / "recipes").glob("*.toml"))


@hookimpl
def register_analyses() -> Iterable[Analysis]:
    """What to compute and draw of a run."""
    return [preference_index, trajectories, learning_curve, contact_time]
