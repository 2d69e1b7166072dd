"""The hooks a plugin may implement. None of them is called inside the step loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

if TYPE_CHECKING:
    from .analysis import Analysis
    from .components import Memory, Synapse, Task
    from .engine import ChunkRecords, Run

F = TypeVar("F", bound=Callable[..., Any])
hookspec = pluggy.HookspecMarker("engram")
hookimpl = pluggy.HookimplMarker("engram")


@hookspec
def register_memories() -> Iterable[type[Memory]]:  # type: ignore[empty-body]
    """Return the Memory classes this plugin offers."""


@hookspec
def register_synapses() -> Iterable[type[Synapse]]:  # type: ignore[empty-body]
    """Return the Synapse classes this plugin offers."""


@hookspec
def register_tasks() -> Iterable[type[Task]]:  # type: ignore[empty-body]
    """Return the Task classes this plugin offers."""


@hookspec
def register_recipes() -> Iterable[Path]:  # type: ignore[empty-body]
    """Return the recipe files (TOML) this plugin ships."""


@hookspec
def register_analyses() -> Iterable[Analysis]:  # type: ignore[empty-body]
    """Return the analyses of run files this plugin offers."""


@hookspec
def run_started(run: Run) -> None:
    """Called once, after all state is made and before the first step."""


@hookspec
def chunk_finished(run: Run, chunk: ChunkRecords) -> None:
    """Called after each chunk of steps; `chunk.records` are NumPy arrays (rows, batch, ...) by path."""


@hookspec
def run_finished(run: Run, error: BaseException | None) -> None:
    """Called once at the end, also after a failure."""
