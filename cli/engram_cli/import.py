"""`engram import`: write what another program saved as a run file."""

from __future__ import annotations

from pathlib import Path

import click

from engram_cli import extra, options
from engram_cli.show import say, show_json, show_table


@click.command("import")
@click.argument("format", required=False)
@click.argument("file", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.h5",
    help="File to write; that of FILE with .h5, in this folder, if not given.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace an existing file, once the new one is whole.")
@options.as_json
def command(format: str | None, file: Path | None, out: Path | None, force: bool, as_json: bool) -> None:
    """Write what another program saved as a run file.

    FORMAT is a name that a plugin offers; without FORMAT and FILE, list them. FILE is only read, and nothing
    in it is run. The name of the file written is printed.
    """
    if format is None:
        listing(as_json)
        return
    if file is None:
        raise click.UsageError(f"give the file to read: engram import {format} FILE")
    from engram_cli.imported import convert
    from engram_hdf5 import OutputExistsError

    try:
        written = convert(format, file, out or Path(f"{file.stem}.h5"), force=force)
    except OutputExistsError as error:
        error.add_note("--force replaces it, --out FILE writes another")
        raise
    if as_json:
        show_json(file=file, format=format, files=[written])
    else:
        click.echo(written)


def listing(as_json: bool) -> None:
    """Print the formats there are."""
    found = [(name, extra.package(extra.IMPORTERS, name)) for name in extra.names(extra.IMPORTERS)]
    if as_json:
        show_json(formats=[{"name": name, "package": package} for name, package in found])
    elif found:
        show_table(("format", "package"), found)
    else:
        say("no plugin imports anything; `engram plugins` lists the plugins")
