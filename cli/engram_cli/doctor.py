"""`engram doctor`: check the installation."""

from __future__ import annotations

import importlib.metadata
import platform
import sys

import click

from engram_cli import options
from engram_cli.hardware import compilers, cupy_wheels, gpu
from engram_cli.report import Report
from engram_cli.show import show_facts, show_json

_NEEDED = ("engram", "numpy", "h5py", "attrs", "pluggy", "click")
_EXTRAS = {
    "fast": ("numba",),
    "plot": ("matplotlib",),
    "xarray": ("xarray", "h5netcdf", "pandas"),
    "nwb": ("pynwb",),
}


@click.command("doctor")
@options.as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check the installation: versions, GPU, extras, plugins.

    Prints what to do where something is missing. Exit code 3 if a plugin failed, 1 for any other problem.
    """
    report = Report(facts={"python": sys.version.split()[0], "platform": platform.platform()})
    for check in (packages, files, extras, cupy_wheels, gpu, compilers, plugins):
        try:
            check(report)
        except Exception as error:
            report.problems.append(f"{check.__name__}: {type(error).__name__}: {error}; install engram again")
    if as_json:
        show_json(facts=report.facts, problems=report.problems, hints=report.hints)
    else:
        _print(report)
    ctx.exit(3 if report.failed_plugins else 1 if report.problems else 0)


def packages(report: Report) -> None:
    """Note the versions of what engram needs."""
    for name in _NEEDED:
        report.facts[name] = _version(name) or "missing"
        if _version(name) is None:
            report.problems.append(f"{name} is not installed; pip install {name}")


def extras(report: Report) -> None:
    """Note the versions of optional packages; say which line of pip adds them."""
    for extra, names in _EXTRAS.items():
        missing = [name for name in names if _version(name) is None]
        report.facts.update({name: _version(name) or "missing" for name in names})
        if missing:
            report.hints.append(f"{', '.join(missing)} missing: pip install 'engram[{extra}]'")


def files(report: Report) -> None:
    """Note the version of the HDF5 library, which decides what other programs can read."""
    import h5py

    report.facts["hdf5"] = h5py.version.hdf5_version


def plugins(report: Report) -> None:
    """Count the plugins and name those that failed."""
    from engram.plugins import registry

    found = registry().plugins.values()
    failed = [plugin.error for plugin in found if plugin.status == "failed"]
    report.facts["plugins"] = ", ".join(f"{plugin.name} ({plugin.status})" for plugin in found) or "none"
    report.problems += failed
    report.failed_plugins = bool(failed)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _print(report: Report) -> None:
    show_facts(report.facts)
    for title, lines in (("Problems", report.problems), ("Could be added", report.hints)):
        if lines:
            click.echo(f"\n{title}:")
        for line in lines:
            click.echo(f"  {line}")
    if not report.problems:
        click.echo("\nNo problems found.")
