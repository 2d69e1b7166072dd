"""`engram run`: run a recipe and write its file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engram_cli import options
from engram_cli.progress import announce, duration, watched
from engram_cli.show import say, show_json

if TYPE_CHECKING:
    from engram import Recipe

EXAMPLES = """\b
Examples:
  engram run my-recipe.toml
  engram run my-recipe.toml -o memory.alpha=0.1 --steps 1000 --out slow.h5
  engram run --from slow.h5
"""


@click.command("run", epilog=EXAMPLES)
@click.argument("recipe", required=False)
@options.running
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Repeat the run in FILE from its own recipe, and compare the results bit for bit.",
)
@click.option("--print-recipe", is_flag=True, help="Print the recipe, defaults filled in, and do not run it.")
@options.as_json
def command(
    recipe: str | None, overrides: tuple[str, ...], backend: str | None, steps: int | None, seed: int | None,
    out: Path | None, force: bool, quiet: bool, source: Path | None, print_recipe: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run a recipe and write its file.

    RECIPE is a TOML file, or the name of a recipe that a plugin ships (`engram recipes` lists them). The
    name of the file written is printed. Until the run is complete the file is called NAME.h5.part; it can
    be read, and keeps what was recorded if the run is interrupted.
    """
    import engram

    changes = options.overridden(overrides, backend=backend, steps=steps, seed=seed)
    if (recipe is None) == (source is None) or (source is not None and changes):
        raise click.UsageError("give either RECIPE, or --from FILE without changes")
    if source is not None:
        from engram_cli.again import repeat

        repeat(source, out, force, quiet, as_json)
        return
    assert recipe is not None
    resolved = engram.resolve(recipe, changes)
    if print_recipe:
        click.echo(resolved.to_toml(), nl=False)
        return
    begun = time.perf_counter()
    files = execute(resolved, changes, out, force, quiet)
    seconds = time.perf_counter() - begun
    if as_json:
        show_json(files=files, title=resolved.title, seed=resolved.run.seed, seconds=seconds)
        return
    for file in files:
        click.echo(file)
    if not quiet:
        say(f"done in {duration(seconds)}; to look at it:")
        say(f"  engram inspect {files[0]}\n  engram plot {files[0]}")


def execute(
    recipe: Recipe, overrides: list[str], out: Path | None, force: bool, quiet: bool
) -> tuple[Path, ...]:
    """Run a resolved recipe with messages on stderr, and return the files written."""
    from engram import launch
    from engram_hdf5 import OutputExistsError

    options.installed(quiet)
    if not quiet:
        announce(recipe, overrides)
    try:
        with watched(quiet) as chunk_done:
            return launch.run(recipe, out=out, force=force, progress=chunk_done)
    except OutputExistsError as error:
        error.add_note("--force replaces it, --out FILE writes another")
        raise
