"""`engram plot`: draw an analysis of a run file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engram_cli import options
from engram_cli.failure import Failure
from engram_cli.show import say, show_json, show_table

if TYPE_CHECKING:
    from engram.plugins import Registry

_SHOWN = 10_000
_TO_INSTALL = "matplotlib is not installed; pip install 'engram[plot]'"


@click.command("plot")
@options.file
@click.argument("analysis", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="PICTURE",
    help="Picture to write (.png, .pdf, .svg); FILE-ANALYSIS.png if not given.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the computed arrays and draw nothing.")
def command(file: Path, analysis: str | None, out: Path | None, as_json: bool) -> None:
    """Draw an analysis of a run file.

    The name of the picture is printed. Without ANALYSIS, list the analyses that plugins offer.
    """
    registry = options.installed()
    if analysis is None:
        listing(registry, as_json)
        return
    from engram_cli.analysis import compute, find
    from engram_hdf5 import check_sound

    find(registry, analysis, str(file))
    check_sound(file)
    result = compute(registry, analysis, file)
    if as_json:
        show_json(file=file, analysis=analysis, arrays={name: summary(item) for name, item in result.items()})
        return
    picture = out or file.with_name(f"{file.name.partition('.')[0]}-{analysis}.png")
    draw(registry, analysis, result, picture)
    click.echo(picture)


def listing(registry: Registry, as_json: bool) -> None:
    """Print the analyses there are."""
    keys = ("name", "plugin", "doc")
    found = [
        (name, registry.owner("analysis", name).name, registry.find("analysis", name).doc)
        for name in registry.names("analysis")
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


def draw(registry: Registry, name: str, result: Any, picture: Path) -> None:
    """Draw a computed analysis into a picture file.

    Raises:
        Failure: matplotlib is missing, the analysis draws nothing or fails, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise Failure(f"plot: {_TO_INSTALL}", 2) from None
    analysis = registry.find("analysis", name)
    if analysis.picture is None:
        raise Failure(f"analysis {name!r}: draws nothing; print its numbers with --json", 2)
    figure = Figure(layout="constrained")
    known = [f".{kind}" for kind in figure.canvas.get_supported_filetypes()]
    if picture.suffix.lower() not in known:
        raise Failure(f"{picture}: not a kind of picture; known: {', '.join(known)}", 2)
    try:
        analysis.picture(result, figure)
    except Exception as error:
        label = registry.owner("analysis", name).label
        raise Failure(f"analysis {name!r} of {label}: {type(error).__name__}: {error}", 3) from error
    try:
        figure.savefig(picture)
    except OSError as error:
        raise Failure(f"{picture}: cannot be written ({error.strerror}); choose another place", 2) from error
