"""Computes an analysis of a run file, and says whose fault a failure is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import engram
from engram.analysis import settings_from
from engram.recipe import change
from engram_cli.failure import Failure
from engram_hdf5 import FormatError, UnknownNameError

if TYPE_CHECKING:
    from engram import Analysis
    from engram.plugins import Registry

Results = dict[str, np.ndarray[Any, Any]]


def find(registry: Registry, name: str, place: str, recipe: Mapping[str, Any]) -> Analysis:
    """Return an analysis by its own name, or by that of a table `[analysis.NAME]` which uses it.

    Args:
        registry: The plugins.
        name: One of these names.
        place: Who asks, for the message.
        recipe: The tables of the recipe.

    Raises:
        Failure: There is none of this name.
    """
    try:
        found: Analysis = registry.find("analysis", _table(recipe, name)["use"])
    except LookupError as error:
        others = [other for other in recipe.get("analysis", {}) if other not in registry.names("analysis")]
        notes = f"; the recipe has {', '.join(others)}" if others else ""
        raise Failure(f"{place}: {error.args[0]}{notes}", 2) from None
    return found


def recipe_of(run: Any) -> dict[str, Any]:
    """Return the tables of the recipe in an opened run file; none where it holds no recipe."""
    try:
        return dict(run.recipe)
    except UnknownNameError:
        return {}


def compute(registry: Registry, name: str, file: Path, options: Iterable[str] = ()) -> Results:
    """Compute an analysis, with the settings that the file's recipe gives it.

    Args:
        registry: The plugins.
        name: Its registered name, or that of a table `[analysis.NAME]` of the recipe.
        file: The run file.
        options: "NAME=VALUE" each, settings in place of the recipe's.

    Raises:
        Failure: The file does not hold what the analysis needs, or the analysis failed; its plugin is named.
        engram.RecipeError: A setting is unknown or wrong.
        engram_hdf5.FormatError: The file cannot be read.
    """
    with engram.open(file) as run:
        recipe = recipe_of(run)
        analysis = find(registry, name, str(file), recipe)
        arguments = _settings(registry, analysis, name, recipe, options)
        try:
            return _checked(analysis.compute(run, *arguments))
        except FormatError:
            raise
        except UnknownNameError as error:
            raise Failure(f"{error}; {name!r} needs it", 2) from error
        except engram.EngramError as error:  # raised on purpose: the file is not what the analysis is for
            raise Failure(f"{file}: {error}; {name!r} cannot be computed", 2) from error
        except Exception as error:
            label = registry.owner("analysis", analysis.name).label
            place = f"analysis {analysis.name!r} of {label}"
            raise Failure(f"{place}: {type(error).__name__}: {error}", 3) from error


def _table(recipe: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"use": name, **recipe.get("analysis", {}).get(name, {})}


def _settings(
    registry: Registry, analysis: Analysis, name: str, recipe: Mapping[str, Any], options: Iterable[str]
) -> tuple[Any, ...]:
    """Return the settings, or nothing where the analysis has none."""
    chosen: dict[str, Any] = {}
    for option in options:
        change(chosen, option)
    table = {**_table(recipe, name), **chosen, "use": analysis.name}
    problems: list[tuple[str, str]] = []
    settings = settings_from(table, name, name, problems, registry.find)
    if problems:
        raise engram.RecipeError(f"{path}: {text}" for path, text in problems)
    return () if analysis.settings is None else (settings,)


def _checked(result: Any) -> Results:
    if not isinstance(result, Mapping):
        raise TypeError(f"returned {type(result).__name__}, not arrays by name")
    return {str(name): np.asarray(values) for name, values in result.items()}
