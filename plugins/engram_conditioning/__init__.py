"""Classical conditioning for engram."""

from collections.abc import Iterable

from engram import Task, hookimpl

from .conditioning import Conditioning


@hookimpl
def register_tasks() -> Iterable[type[Task]]:
    """Conditioning schedules."""
    return [Conditioning]
