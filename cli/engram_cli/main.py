"""The command `engram`: imports the chosen verb only, turns every error into a line and an exit code."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from importlib.metadata import entry_points
from typing import Any, NoReturn

import click

from engram_cli import extra, failure

VERBS = {
    "run": "Run a recipe and write its file.",
    "resume": "Go on with a run that was stopped.",
    "reproduce": "Run a recipe and compare it with the literature.",
    "recipes": "List the recipes that plugins ship.",
    "describe": "Explain a component, a recipe or an analysis.",
    "inspect": "Show what is in a run file.",
    "plot": "Draw an analysis of a run file.",
    "export": "Write a run in another format: NWB.",
    "import": "Write what another program saved as a run file.",
    "validate": "Check a run file against its format.",
    "recover": "Save the committed rows of a run that was killed.",
    "migrate": "Copy a run file to the present version of its format.",
    "plugins": "List the plugins and what they offer.",
    "bench": "Measure how fast rules are on this machine.",
    "doctor": "Check the installation: versions, GPU, extras, plugins.",
}
FIRST_STEPS = """\b
First steps:
  engram recipes               what can be run
  engram run RECIPE            run it
  engram inspect FILE          what came out
  engram plot FILE ANALYSIS    draw it
"""


class Verbs(click.Group):
    """The group of all verbs; a verb's module is imported when it is chosen."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, in the order in which one needs them, then the commands of plugins."""
        return [*VERBS, *extra.names(extra.COMMANDS, without=VERBS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb, or one command of a plugin.

        Raises:
            click.UsageError: There is none of this name.
        """
        if cmd_name in VERBS:
            command: click.Command = importlib.import_module(f"engram_cli.{cmd_name}").command
            return command
        found: click.Command | None = extra.load(extra.COMMANDS, cmd_name)
        if found is None:
            near = difflib.get_close_matches(cmd_name, self.list_commands(ctx), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"no command {cmd_name!r}{hint}", ctx)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of `--help` without importing anything."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))
        names = extra.names(extra.COMMANDS, without=VERBS)
        added = [(name, f"from {extra.package(extra.COMMANDS, name)}") for name in names]
        if added:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(added)

    def invoke(self, ctx: click.Context) -> None:
        """Run the verb; show the traceback of a failure where it was asked for."""
        try:
            super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if ctx.params["traceback"]:
                traceback.print_exc()
            if isinstance(error, KeyboardInterrupt):
                raise click.Abort from error
            raise

    def main(self, *args: Any, **settings: Any) -> NoReturn:
        """Run the command line and exit; every error becomes lines on stderr and an exit code."""
        try:
            code = super().main(*args, **{**settings, "standalone_mode": False})
        except (Exception, click.Abort) as error:
            code = failure.report(error)
        sys.exit(code or 0)


def block(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
    """Keep plugins from being loaded, in this process and in those it starts.

    Raises:
        click.BadParameter: A value is not `no:NAME`, or no plugin has this name.
    """
    installed = {entry.name for entry in entry_points(group="engram")} if values else set()
    for value in values:
        prefix, _, name = value.partition(":")
        if prefix != "no" or not name:
            raise click.BadParameter(f"must be no:NAME, not {value!r}")
        if name not in installed:
            raise click.BadParameter(f"no plugin named {name!r}; installed: {', '.join(sorted(installed))}")
        os.environ["ENGRAM_BLOCK"] = f"{os.environ.get('ENGRAM_BLOCK', '')},{name}"


@click.group(cls=Verbs, epilog=FIRST_STEPS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="engram", message="engram %(version)s")
@click.option(
    "-p", "blocked", metavar="no:NAME", multiple=True, is_eager=True, expose_value=False, callback=block,
    help="Do not load this plugin; may be repeated.",
)  # fmt: skip
@click.option("--traceback", is_flag=True, help="Show where in the code an error arose.")
def cli(traceback: bool) -> None:
    """Run plastic agents against tasks, thousands of replicas at once.

    A recipe (a TOML file) names a task, a memory and their parameters; a run leaves one HDF5 file.

    Exit codes: 0 done, 1 the run failed, 2 wrong usage or recipe, 3 a plugin failed, 4 invalid file,
    130 interrupted.
    """


def main() -> NoReturn:
    """Entry point of the script `engram`."""
    cli.main(prog_name="engram")
