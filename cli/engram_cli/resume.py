"""`engram resume`: go on with a run that was stopped."""

from __future__ import annotations

import time
from pathlib import Path

import click

from engram_cli import options
from engram_cli.progress import duration, watched
from engram_cli.show import say, show_json


@click.command("resume")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file, once the run is complete.")
@click.option("--quiet", is_flag=True, help="Print no messages, only results and errors.")
@options.as_json
def command(file: Path, force: bool, quiet: bool, as_json: bool) -> None:
    """Go on with a run that was stopped.

    FILE is the .part that it left. The run goes on from its last checkpoint (once a minute, see
    run.checkpoint), or from the start where there is none; what it writes is the same as if it had never
    stopped. The name of the file written is printed.
    """
    import engram

    options.installed(quiet)
    begun = time.perf_counter()
    with watched(quiet) as chunk_done:
        path = engram.resume(file, force=force, progress=chunk_done)
    if as_json:
        show_json(file=path, seconds=time.perf_counter() - begun)
        return
    click.echo(path)
    if not quiet:
        say(f"done in {duration(time.perf_counter() - begun)}")
