"""`engram export`: write a run in another format."""

from __future__ import annotations

from pathlib import Path

import click

from engram_cli import options
from engram_cli.failure import Failure
from engram_cli.show import show_json


@click.command("export")
@options.file
@click.option("--nwb", is_flag=True, help="Neurodata Without Borders, a file for each replica.")
@click.option(
    "--replica", "replicas", type=int, multiple=True, metavar="N", help="Only this one; may be repeated.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Folder of the files NAME-b000.nwb, NAME-b001.nwb, ...; that of FILE if not given.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace existing files, each once the new one is whole.")
@click.option(
    "--subject", "id", metavar="ID", default="simulation", show_default=True,
    help="Name of the individual; -b000 is added for replica 0.",
)  # fmt: skip
@click.option("--species", metavar="NAME", help="What is modelled, such as 'Drosophila melanogaster'.")
@click.option(
    "--sex", type=click.Choice(["M", "F", "O", "U"]), default="U", show_default=True,
    help="Male, female, other or unknown.",
)  # fmt: skip
@click.option(
    "--age", metavar="DURATION", default="P0D", show_default=True,
    help="Age at the start, such as P3D for three days.",
)  # fmt: skip
@click.option(
    "--experimenter", "experimenters", multiple=True, metavar="NAME",
    help="Who made the run, as 'Last, First'; may be repeated.",
)  # fmt: skip
@click.option("--institution", metavar="NAME", help="Where it was made.")
@options.as_json
def command(
    file: Path,
    nwb: bool,
    replicas: tuple[int, ...],
    out: Path | None,
    force: bool,
    experimenters: tuple[str, ...],
    institution: str | None,
    as_json: bool,
    **individual: str,
) -> None:
    """Write a run in another format: NWB.

    Neurodata Without Borders (NWB) knows one individual a file, so each replica gets its own. The names of
    the files are printed. FILE may also be the .part of a run that is not complete: its committed rows are
    written.
    """
    if not nwb:
        raise click.UsageError("no format chosen; add --nwb")
    from engram_hdf5 import Credit, Subject, check_sound, export_nwb

    check_sound(file)
    subject, credit = Subject(**individual), Credit(experimenters, institution)
    try:
        files = export_nwb(file, out, replicas=replicas or None, force=force, subject=subject, credit=credit)
    except ImportError as error:
        raise Failure(f"export: {error}", 2) from error
    if as_json:
        show_json(file=file, files=files)
    else:
        click.echo("\n".join(map(str, files)))
