"""`engram inspect`: show what is in a run file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engram_cli import options
from engram_cli.progress import duration
from engram_cli.show import number, printable, show_facts, show_json, show_table


@click.command("inspect")
@options.file
@options.as_json
def command(file: Path, as_json: bool) -> None:
    """Show what is in a run file.

    Status, title, date, backend, the recorded variables with shapes and units, trials and swept
    parameters. FILE may also be the .part of a run that is not complete.
    """
    from engram_hdf5.isolation import messages

    content: dict[str, Any] = {}
    for part in messages("engram_cli.facts", file):
        content |= part
    if as_json:
        show_json(**content)
        return
    _print(content)


def _print(content: dict[str, Any]) -> None:
    provenance = content["provenance"]
    seconds = provenance.get("wall_time_s")
    status = content["status"] + (f" ({content['reason']})" if content["reason"] else "")
    show_facts(
        {
            "file": content["file"],
            "title": content["title"],
            "status": status,
            "created": content["created"],
            "took": duration(float(seconds)) if isinstance(seconds, float | int) else "",
            "engram": provenance.get("engram_version", ""),
            "backend": f"{provenance.get('backend', '?')}: {provenance.get('backend_reason', '')}",
            "device": provenance.get("device", ""),
            "imported": _origin(provenance),
            "seed": "" if "imported_from" in provenance else provenance.get("seed", ""),
            "replicas": content["replicas"],
            **{name: f"{length:,} rows" for name, length in content["tables"].items()},
        }
    )
    if content["variables"]:
        click.echo()
        variables = [(v["name"], _shape(v), v["dtype"], v["unit"], v["doc"]) for v in content["variables"]]
        show_table(("variable", "shape", "dtype", "unit", "meaning"), variables)
    for axis, indices in _kept(content["variables"]).items():
        click.echo(printable(f"entries kept of {axis}: {_few(indices)}"))
    click.echo()
    columns = [(c["name"], _few(c["values"]), c["unit"], c["doc"]) for c in content["columns"]]
    show_table(("column", "values", "unit", "meaning"), columns)
    finals: dict[str, list[str]] = {}
    for path in content["final"]:
        holder, _, name = path.rpartition(".")
        finals.setdefault(holder, []).append(name)
    for holder, names in finals.items():
        click.echo()
        click.echo(printable(f"final state of {holder}: {', '.join(names)}"))


def _origin(provenance: dict[str, Any]) -> str:
    """Name the file that a run was imported from; nothing was drawn for it, so that it has no seed."""
    if "imported_from" not in provenance:
        return ""
    said = {name: provenance.get(f"imported_{name}", "?") for name in ("from", "format", "sha256")}
    return f"from {said['from']}, {said['format']}, SHA-256 {said['sha256']}"


def _shape(item: dict[str, Any]) -> str:
    return ", ".join(f"{dim} {size:,}" for dim, size in zip(item["dims"], item["shape"], strict=False))


def _kept(variables: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The indices kept along axes of which some were left out, by the path of the axis."""
    return {
        f"{item['name'].rpartition('.')[0]}.{axis}": indices
        for item in variables
        for axis, indices in item["entries"].items()
    }


def _few(values: list[Any]) -> str:
    texts = [number(value) if isinstance(value, float) else str(value) for value in values]
    return ", ".join(texts) if len(texts) <= 6 else f"{', '.join(texts[:3])}, ... {texts[-1]} ({len(texts)})"
