"""`engram run --from FILE`: repeat a finished run from the recipe in its file, and compare."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from engram_cli.failure import Failure
from engram_cli.run import execute
from engram_cli.show import show_json


def repeat(file: Path, out: Path | None, force: bool, quiet: bool, as_json: bool) -> None:
    """Run the recipe in a file again and say which arrays are the same, bit for bit.

    Args:
        file: A finished run.
        out: Where the repetition is kept; nowhere if None.
        force: Replace an existing file.
        quiet: Print no messages.
        as_json: Print a JSON object.

    Raises:
        Failure: Something differs (exit code 1), or engram did not run it (2).
        engram_hdf5.FormatError: The file is broken or harmful (exit code 4).
    """
    import engram
    import engram_hdf5

    engram_hdf5.check_sound(file)
    with tempfile.TemporaryDirectory() as scratch, engram.open(file) as before:
        if "imported_from" in before.provenance:
            raise Failure(f"{file}: was imported, not run by engram; give a file that engram ran", 2)
        recipe = engram.resolve(before.recipe)
        (path,) = execute(recipe, [], out or Path(scratch) / "again.h5", force, quiet)
        with engram.open(path) as after:
            same = engram_hdf5.compare(before, after)
    different = [name for name, equal in same.items() if not equal]
    if as_json:
        show_json(file=file, arrays=len(same), different=different)
    elif not different:
        click.echo(f"the same: {len(same)} arrays, bit for bit")
    if different:
        raise Failure(f"{file}: {len(different)} of {len(same)} arrays differ: {', '.join(different)}", 1)
