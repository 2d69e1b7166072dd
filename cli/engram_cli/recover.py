"""`engram recover`: save what a run that was killed had committed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from engram_cli import options
from engram_cli.show import say, show_json

if TYPE_CHECKING:
    from engram_hdf5 import Recovered


@click.command("recover")
@options.file
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE",
    help="File to write; NAME.recovered.h5 beside NAME.h5.part if not given.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace an existing file, once the new one is whole.")
@options.as_json
def command(file: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Save the committed rows of a run that was killed.

    Copies what is whole in FILE, a .part or a damaged file, into a new, valid one. FILE is only read. A
    warning on stderr names each part that could not be saved.
    """
    from engram_hdf5 import recover

    saved = recover(file, out, force=force)
    if as_json:
        lost = [attrs.asdict(finding) for finding in saved.lost]
        show_json(**{**attrs.asdict(saved, recurse=False), "lost": lost})
        return
    for finding in saved.lost:
        say(f"warning: {finding}")
    click.echo(f"{saved.path}: {summary(saved)}")


def summary(saved: Recovered) -> str:
    """Return in one line what was saved."""
    parts = [f"{count:,} rows of {path.removeprefix('recordings/')}" for path, count in saved.rows.items()]
    parts += ["the final state"] if saved.finals else []
    return ", ".join(parts)
