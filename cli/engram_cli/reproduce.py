"""`engram reproduce`: run a recipe and hold its results against what the literature reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engram_cli import options
from engram_cli.failure import Failure
from engram_cli.run import execute
from engram_cli.show import number, say, show_json, show_table

if TYPE_CHECKING:
    from engram import Recipe
    from engram.plugins import Registry

_HEAD = ("result", "paper", "range", "ours", "holds", "source", "file")


@click.command("reproduce")
@click.argument("recipe")
@options.running
@options.as_json
@click.pass_context
def command(
    ctx: click.Context, recipe: str, overrides: tuple[str, ...], backend: str | None, steps: int | None,
    seed: int | None, out: Path | None, force: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run a recipe and compare it with the literature.

    The recipe's table [expect] says what was reported and which range agrees with it; each key is
    "ANALYSIS.RESULT", such as "preference.difference" (the mean, where the result is an array), or
    "ANALYSIS.RESULT.min", ".max", ".std", ".median", ".last". Exit code 1 if anything lies outside its range.
    """
    import engram

    changes = options.overridden(overrides, backend=backend, steps=steps, seed=seed)
    resolved = engram.resolve(recipe, changes)
    check(resolved, options.installed(quiet=True))
    files = execute(resolved, changes, out, force, quiet)
    found = [comparison for file in files for comparison in compare(resolved, file)]
    if as_json:
        show_json(recipe=resolved.place, files=files, results=found)
    else:
        show_table(_HEAD, [_row(item, len(files) > 1) for item in found])
    if not quiet and not as_json:
        say(f"written: {', '.join(map(str, files))}")
    missed = sum(not item["holds"] for item in found)
    if missed:
        say(f"error: {resolved.place}: {missed} of {len(found)} results lie outside the range that agrees")
    ctx.exit(1 if missed else 0)


def check(recipe: Recipe, registry: Registry) -> None:
    """Find what is wrong with `[expect]` before anything runs.

    Raises:
        Failure: There is no such table, or it names an analysis that no plugin offers.
    """
    from engram_cli.analysis import find

    if not recipe.expect:
        raise Failure(f"{recipe.place}: has no table [expect] to compare with; use `engram run`", 2)
    for key in recipe.expect:
        find(registry, parts(recipe, key)[0], _place(recipe, key), recipe.to_mapping())


def parts(recipe: Recipe, key: str) -> tuple[str, str, str]:
    """Return analysis, result and statistic of a key of `[expect]`.

    Raises:
        Failure: It has not that form.
    """
    from engram_cli.statistic import STATISTICS

    analysis, _, rest = key.partition(".")
    result, _, statistic = rest.partition(".")
    if not result or (statistic or "mean") not in STATISTICS:
        form = f"ANALYSIS.RESULT or ANALYSIS.RESULT.STATISTIC ({', '.join(STATISTICS)})"
        raise Failure(f"{_place(recipe, key)}: must be {form}", 2)
    return analysis, result, statistic or "mean"


def compare(recipe: Recipe, file: Path) -> list[dict[str, Any]]:
    """Return for each line of `[expect]` what was reported and what a file says."""
    from engram.plugins import registry
    from engram_cli.analysis import compute
    from engram_cli.statistic import STATISTICS

    results: dict[str, Any] = {}
    found = []
    for key, item in recipe.expect.items():
        name, result, statistic = parts(recipe, key)
        if name not in results:
            results[name] = compute(registry(), name, file)
        if result not in results[name]:
            known = ", ".join(results[name])
            raise Failure(f"{_place(recipe, key)}: {name!r} has no result {result!r}; it has {known}", 2)
        ours = STATISTICS[statistic](results[name][result])
        found.append({
            "key": key, "paper": item.paper, "low": item.low, "high": item.high, "ours": ours,
            "holds": holds(ours, item.low, item.high), "source": item.source, "file": file,
        })  # fmt: skip
    return found


def holds(ours: float, low: float | None, high: float | None) -> bool:
    """Say whether a value lies in the range that agrees; NaN lies in none."""
    return ours == ours and (low is None or ours >= low) and (high is None or ours <= high)


def _place(recipe: Recipe, key: str) -> str:
    return f'{recipe.place}: expect."{key}"'


def _row(item: dict[str, Any], several: bool) -> tuple[str, ...]:
    paper = "" if item["paper"] is None else number(item["paper"])
    low, high = ("" if item[end] is None else number(item[end]) for end in ("low", "high"))
    place = str(item["file"]) if several else ""
    return (
        item["key"], paper, f"{low} to {high}".strip(), number(item["ours"]),
        "yes" if item["holds"] else "NO", item["source"], place,
    )  # fmt: skip
