"""Computes an analysis of a run file, and says whose fault a failure is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import engram
from engram.recipe import change
from engram_cli.failure import Failure
from engram_hdf5 import FormatError, UnknownNameError

if TYPE_CHECKING:
    from engram import Analysis
    from engram.plugins import Registry

Results = dict[str, np.ndarray[Any, Any]]


def find(registry: Registry, name: str, place: str) -> Analysis:
    """Return an analysis by name.

    Args:
        registry: The plugins.
        name: Its registered name.
        place: Who asks, for the message.

    Raises:
        Failure: There is none of this name.
    """
    try:
        found: Analysis = registry.find("analysis", name)
    except LookupError as error:
        raise Failure(f"{place}: {error.args[0]}", 2) from None
    return found


def compute(registry: Registry, name: str, file: Path, options: Iterable[str] = ()) -> Results:
    """Compute an analysis, with the settings that the file's recipe gives it.

    Args:
        registry: The plugins.
        name: Its registered name.
        file: The run file.
        options: "NAME=VALUE" each, settings in place of the recipe's.

    Raises:
        Failure: The file does not hold what the analysis needs, or the analysis failed; its plugin is named.
        engram.RecipeError: A setting is unknown or wrong.
        engram_hdf5.FormatError: The file cannot be read.
    """
    analysis = find(registry, name, str(file))
    place = f"analysis {name!r} of {registry.owner('analysis', name).label}"
    with engram.open(file) as run:
        arguments = _settings(analysis, run, options)
        try:
            return _checked(analysis.compute(run, *arguments))
        except FormatError:
            raise
        except UnknownNameError as error:
            raise Failure(f"{error}; {name!r} needs it", 2) from error
        except engram.EngramError as error:  # raised on purpose: the file is not what the analysis is for
            raise Failure(f"{file}: {error}; {name!r} cannot be computed", 2) from error
        except Exception as error:
            raise Failure(f"{place}: {type(error).__name__}: {error}", 3) from error


def _settings(analysis: Analysis, run: Any, options: Iterable[str]) -> tuple[Any, ...]:
    """Return the settings, or nothing where the analysis has none."""
    chosen: dict[str, Any] = {}
    for option in options:
        change(chosen, option)
    kept = run.recipe.get("analysis", {}) if analysis.settings is not None else {}
    values = {**kept.get(analysis.name, {}), **chosen}
    problems: list[tuple[str, str]] = []
    settings = analysis.configured(values, analysis.name, problems)
    if problems:
        raise engram.RecipeError(f"{path}: {text}" for path, text in problems)
    return () if analysis.settings is None else (settings,)


def _checked(result: Any) -> Results:
    if not isinstance(result, Mapping):
        raise TypeError(f"returned {type(result).__name__}, not arrays by name")
    return {str(name): np.asarray(values) for name, values in result.items()}
