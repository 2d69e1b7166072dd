"""`engram plot`: draw an analysis of a run file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engram_cli import options
from engram_cli.show import say, show_json, show_table

if TYPE_CHECKING:
    from engram.plugins import Registry

_SHOWN = 10_000


@click.command("plot")
@options.file
@click.argument("analysis", required=False)
@click.option(
    "-o", "settings", metavar="NAME=VALUE", multiple=True,
    help="Change one setting of the analysis, such as time=2.0; may be repeated.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="PICTURE",
    help="Picture to write (.png, .pdf, .svg), or animation (.gif, .mp4); FILE-ANALYSIS.png if not given.",
)  # fmt: skip
@click.option("--fps", type=click.IntRange(1, 100), default=7, show_default=True, help="Frames a second.")
@click.option("--json", "as_json", is_flag=True, help="Print the computed arrays and draw nothing.")
def command(
    file: Path, analysis: str | None, settings: tuple[str, ...], out: Path | None, fps: int, as_json: bool
) -> None:
    """Draw an analysis of a run file.

    The name of the picture is printed. Without ANALYSIS, list the analyses that plugins offer, and the names
    that the file's recipe gives them in [analysis.NAME]. `engram describe analysis NAME` explains one and its
    settings.
    """
    registry = options.installed()
    from engram_hdf5 import check_sound

    check_sound(file)
    recipe = _recipe(file)
    if analysis is None:
        listing(registry, recipe, as_json)
        return
    from engram_cli.analysis import compute, find

    found = find(registry, analysis, str(file), recipe)
    result = compute(registry, analysis, file, settings)
    if as_json:
        show_json(file=file, analysis=analysis, arrays={name: summary(item) for name, item in result.items()})
        return
    from engram_cli.picture import draw

    picture = out or file.with_name(f"{file.name.partition('.')[0]}-{analysis}.png")
    draw(registry, found, result, picture, fps)
    click.echo(picture)


def _recipe(file: Path) -> dict[str, Any]:
    import engram
    from engram_cli.analysis import recipe_of

    with engram.open(file) as run:
        return recipe_of(run)


def listing(registry: Registry, recipe: dict[str, Any], as_json: bool) -> None:
    """Print the analyses there are, by their own names and by those that the recipe gives them."""
    keys = ("name", "plugin", "doc")
    uses = {name: name for name in registry.names("analysis")}
    uses |= {name: table["use"] for name, table in recipe.get("analysis", {}).items()}
    found = [
        (name, registry.owner("analysis", use).name, registry.find("analysis", use).doc)
        for name, use in uses.items()
        if use in registry.names("analysis")
    ]
    if as_json:
        show_json(analyses=[dict(zip(keys, item, strict=True)) for item in found])
    elif found:
        show_table(("analysis", "plugin", "meaning"), found)
    else:
        say("no plugin offers an analysis; `engram plugins` lists the plugins")


def summary(values: Any) -> dict[str, Any]:
    """Return shape, dtype and values of an array; of a large one its extremes and mean instead."""
    facts: dict[str, Any] = {"shape": values.shape, "dtype": str(values.dtype)}
    if values.size <= _SHOWN:
        return {**facts, "values": values}
    return {**facts, "min": values.min(), "mean": values.mean(), "max": values.max()}
