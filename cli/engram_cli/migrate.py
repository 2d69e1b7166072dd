"""`engram migrate`: copy a run file to the present version of its format."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from engram_cli import options
from engram_cli.show import show_json


@click.command("migrate")
@options.file
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file, once the new one is whole.")
@options.as_json
def command(file: Path, out: Path, force: bool, as_json: bool) -> None:
    """Copy a run file to the present version of its format.

    OUT gets what this engram would have written; FILE is only read. Where FILE is that already, a line says
    so and nothing is written.
    """
    from engram_hdf5 import migrate

    done = migrate(file, out, force=force)
    if as_json:
        show_json(**attrs.asdict(done))
    elif done.path is None:
        click.echo(f"{file}: nothing to migrate; it is as this engram writes it, format {done.after}")
    else:
        changes = ", ".join(done.changes)
        click.echo(f"{done.path}: format {done.after} (was {done.before}); changed: {changes}")
