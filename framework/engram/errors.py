"""Errors a user may meet; the command line prints their text and exits with their code."""

from __future__ import annotations

from collections.abc import Iterable


class EngramError(Exception):
    """Root of every error that engram raises on purpose; exit code 1, a run that failed."""

    exit_code = 1


class RecipeError(EngramError):
    """The recipe is wrong; `problems` holds one line (place, what, remedy) for each mistake."""

    exit_code = 2

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class PluginError(EngramError):
    """A plugin could not be loaded, broke a specification, or offers no such component."""

    exit_code = 3


class InvalidParameters(ValueError):
    """A component was built with wrong parameters; `problems` holds (path, message) pairs."""

    def __init__(self, component: str, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(f"{component}.{path}: {text}" for path, text in self.problems))
