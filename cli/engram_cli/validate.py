"""`engram validate`: check a run file against its format."""

from __future__ import annotations

from pathlib import Path

import click

from engram_cli import options
from engram_cli.show import printable, say, show_json


@click.command("validate")
@options.file
@click.option(
    "--data/--no-data", default=True,
    help="Whether to read all data, too, and so find damaged parts; --no-data is faster.",
)  # fmt: skip
@options.as_json
@click.pass_context
def command(ctx: click.Context, file: Path, data: bool, as_json: bool) -> None:
    """Check a run file against its format.

    Prints one line for each finding: E_... is an error, and makes the exit code 4; W_... is a warning. The
    file is only read, by a process of its own with limits, and nothing outside it is opened.
    """
    from engram_hdf5 import judge

    findings = judge(file, data=data)
    errors = [finding for finding in findings if finding.is_error]
    if as_json:
        listed = [{"code": item.code, "where": item.where, "message": item.message} for item in findings]
        show_json(file=file, valid=not errors, findings=listed)
    for finding in () if as_json else findings:
        click.echo(printable(str(finding)))
    if not as_json and not findings:
        click.echo(f"{file}: valid")
    if errors:
        say(f"error: {file}: {len(errors)} {'error' if len(errors) == 1 else 'errors'} against the format")
    ctx.exit(4 if errors else 0)
