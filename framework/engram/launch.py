"""Turns a recipe into files: folded axes share one launch, each point of the others has its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from . import engine
from .checkpoint import restore
from .components import role_of
from .declare import parameters_of
from .plugins import Registry
from .recipe import Recipe, resolve

if TYPE_CHECKING:
    from .output import Output

Progress = Callable[[engine.Run, float], None]


def run(
    source: str | Path | Mapping[str, Any] | Recipe,
    *,
    out: str | Path | None = None,
    overrides: Iterable[str] = (),
    force: bool = False,
    progress: Progress = lambda run, seconds: None,
    plugins: Registry | None = None,
) -> tuple[Path, ...]:
    """Run a recipe and write its file, or one file a point of axes that cannot fold into the batch.

    Args:
        source: A path, the name of a shipped recipe, its tables, or a resolved recipe.
        out: File to write; NAME.h5 in the working folder if None. Several launches add -000, -001, ...
        overrides: "memory.alpha=0.1" each.
        force: Replace existing files.
        progress: Called after each chunk with the run and the seconds since its first step.
        plugins: Where components are looked up; the installed plugins if None.

    Returns:
        The files written.

    Raises:
        RecipeError: The recipe is wrong.
        PluginError: A plugin is missing or its hook failed.
        engram_hdf5.OutputError: The file cannot be written.
    """
    from engram_hdf5 import check_place

    from .output import create

    recipe = _resolved(source, list(overrides), plugins)
    target = Path(out) if out is not None else Path(f"{Path(recipe.place).stem}.h5")
    launches = split(recipe)
    paths = (
        [target]
        if len(launches) == 1
        else [target.with_name(f"{target.stem}-{index:03d}{target.suffix}") for index in range(len(launches))]
    )
    for path in paths:
        check_place(path, path.with_name(f"{path.name}.part"), force=force)
    return tuple(
        _finish(create(engine.prepare(part), path, force), progress)
        for part, path in zip(launches, paths, strict=True)
    )


def _resolved(
    source: str | Path | Mapping[str, Any] | Recipe, overrides: list[str], plugins: Registry | None
) -> Recipe:
    if not isinstance(source, Recipe):
        return resolve(source, overrides, plugins)
    if not overrides and plugins is None:
        return source
    return _as_given(resolve(source.to_mapping(), overrides, plugins or source.plugins), source)


def _as_given(again: Recipe, recipe: Recipe) -> Recipe:
    return attrs.evolve(again, place=recipe.place, text=recipe.text)


def split(recipe: Recipe) -> list[Recipe]:
    """Return one recipe for each point of the sweep axes that cannot fold into the batch."""
    axes = [path for path in recipe.sweep if path not in recipe.folded()]
    kept = {path: values for path, values in recipe.sweep.items() if path not in axes}
    found = []
    for values in itertools.product(*(recipe.sweep[path] for path in axes)):
        tables = recipe.to_mapping()
        for path, value in sorted(
            zip(axes, values, strict=True), key=lambda pair: not pair[0].endswith(".use")
        ):
            _put(recipe, tables, path, value)
        tables["sweep"] = {path: list(items) for path, items in kept.items()}
        tables.pop("plugins", None)
        found.append(_as_given(resolve(tables, plugins=recipe.plugins), recipe))
    return found if axes else [recipe]


def _put(recipe: Recipe, tables: dict[str, Any], path: str, value: Any) -> None:
    """Set one value; another component keeps the parameters that it shares with the one it replaces."""
    where, _, name = path.rpartition(".")
    for key in where.split("."):
        tables = tables.setdefault(key, {})
    if name == "use":
        shared = parameters_of(recipe.plugins.component(role_of(recipe.components()[where]), value))
        for key in [key for key in tables if key not in shared]:
            del tables[key]
    tables[name] = list(value) if isinstance(value, tuple) else value


def resume(
    part: str | Path,
    *,
    force: bool = False,
    progress: Progress = lambda run, seconds: None,
    plugins: Registry | None = None,
) -> Path:
    """Go on with a run that was stopped, from its last checkpoint, or from the start where there is none.

    Its rows up to there are recovered into NAME.h5.part.before, which stays until they are safe in a new
    `.part`.

    Args:
        part: The `.part`, or the name that the file shall have.
        force: Replace an existing file of that name.
        progress: As in `run`.
        plugins: Where components are looked up; the installed plugins if None.

    Returns:
        The file written, the same as if the run had never stopped.

    Raises:
        RecipeError: The recipe in the file no longer resolves.
        EngramError: A component has changed since.
        engram_hdf5.FormatError: The `.part` or the checkpoint cannot be read.
        engram_hdf5.OutputError: The file cannot be written.
    """
    import engram_hdf5

    from .output import create

    path = Path(str(part).removesuffix(".part"))
    part = path.with_name(f"{path.name}.part")
    before = engram_hdf5.rows_before(part)
    engram_hdf5.check_place(path, path, force=force)
    if not before.exists():
        engram_hdf5.recover(part, before, resuming=True)
    with engram_hdf5.open(before) as kept:
        prepared = engine.prepare(resolve(kept.recipe, plugins=plugins))
    if (arrays := engram_hdf5.load_checkpoint(path)) is not None:
        restore(prepared, arrays)
    return _finish(create(prepared, path, force=True), progress, before)


def _finish(output: Output, progress: Progress, before: Path | None = None) -> Path:
    """Run to the end, where `before` is given after its rows are carried over."""
    from engram_hdf5 import drop_checkpoint

    try:
        if before is None:
            drop_checkpoint(output.writer.path)
        else:
            output.carry(before)
            output.save()
            before.unlink()
        engine.execute(output.run, output.write, lambda step, seconds: progress(output.run, seconds))
        return output.complete()
    except BaseException as error:
        output.stop(error)
        raise
