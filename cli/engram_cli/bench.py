"""`engram bench`: measure how fast rules are on this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import click

from engram_cli import options
from engram_cli.show import number, say, show_facts, show_json, show_table

if TYPE_CHECKING:
    from engram_cli.measurement import Measurement

_HEAD = ("rule", "package", "size", "backend", "ns/element", "GB/s", "of copy", "first call")
_SIZES = ("256x256", "1024x1024", "4096x4096", "64x256x256")


def _size(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[tuple[int, ...]]:
    for value in values:
        if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", value):
            raise click.BadParameter(f"{value!r} is no size; write lengths of axes, such as 64x256x256")
    return [tuple(map(int, value.split("x"))) for value in values]


@click.command("bench")
@click.option(
    "--backend", type=click.Choice(["auto", "numpy", "numba", "cupy"]), default="auto", show_default=True,
    help="What applies the rules; auto takes a GPU where there is one, and Numba for large arrays.",
)  # fmt: skip
@click.option(
    "--size", "sizes", multiple=True, default=_SIZES, show_default=True, callback=_size, metavar="NxM",
    help="Lengths of the last axes; may be repeated.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=20.0, show_default=True, metavar="S",
    help="Time for all measurements, compilation apart.",
)  # fmt: skip
@options.as_json
def command(
    backend: Literal["auto", "numpy", "numba", "cupy"],
    sizes: list[tuple[int, ...]],
    seconds: float,
    as_json: bool,
) -> None:
    """Measure how fast rules are on this machine.

    Applies a standard learning rule, and every rule of the installed plugins, to float32 arrays. Beside each
    stands a copy that reads and writes as many bytes, timed in turns with it.
    """
    from engram_cli import machine

    xp, device = _device(backend)
    found, refused = _measured(backend, xp, sizes, seconds)
    facts = machine.facts(device)
    if as_json:
        show_json(machine=facts, measurements=[_facts(item) for item in found], refused=refused)
        return
    show_facts(facts)
    click.echo()
    show_table(_HEAD, [_row(item) for item in found])
    for name, reason in refused.items():
        say(f"{name}: not measured: {reason}")


def _device(backend: Literal["auto", "numpy", "numba", "cupy"]) -> tuple[Any, str]:
    """Return the array module, and the name of the GPU if it computes on one."""
    from engram.backend import choose

    chosen = choose(backend)
    return chosen.xp, chosen.device if chosen.name == "cupy" else ""


def _measured(
    backend: str, xp: Any, sizes: list[tuple[int, ...]], seconds: float
) -> tuple[list[Measurement], dict[str, str]]:
    from engram.errors import EngramError
    from engram.rules import target
    from engram_cli import measurement

    found, refused = [], {}
    subjects = list(measurement.rules(options.installed()))
    share = seconds / (len(subjects) * len(sizes))
    with target.chosen("numpy" if backend == "numpy" else "numba" if backend == "numba" else "auto"):
        for package, subject in subjects:
            try:
                found += [measurement.measure(package, subject, size, xp, share) for size in sizes]
            except EngramError as error:
                refused[f"{package}.{subject.__name__}"] = str(error)
    return found, refused


def _facts(item: Measurement) -> dict[str, Any]:
    import attrs

    return {
        **attrs.asdict(item),
        "ns_per_element": item.ns_per_element,
        "gigabytes_per_second": item.gigabytes_per_second,
        "fraction_of_copy": item.fraction_of_copy,
    }


def _row(item: Measurement) -> tuple[str, ...]:
    return (
        item.rule,
        item.package,
        "x".join(map(str, item.lengths)),
        item.backend,
        number(item.ns_per_element),
        number(item.gigabytes_per_second),
        f"{item.fraction_of_copy:.2f}",
        f"{item.first_call:.2f} s",
    )
