"""`engram inspect`: show what is in a run file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engram_cli import options
from engram_cli.progress import duration
from engram_cli.show import number, show_facts, show_json, show_table

if TYPE_CHECKING:
    from engram_hdf5 import RunFile


@click.command("inspect")
@options.file
@options.as_json
def command(file: Path, as_json: bool) -> None:
    """Show what is in a run file.

    Status, title, date, backend, the recorded variables with shapes and units, trials and swept
    parameters. FILE may also be the .part of a run that is not complete.
    """
    import engram

    with engram.open(file) as run:
        content = facts(run)
    if as_json:
        show_json(**content)
        return
    _print(content)


def facts(run: RunFile) -> dict[str, Any]:
    """Return what a run file holds, without its data."""
    provenance = run.provenance
    return {
        "file": run.path,
        "title": run.attrs.get("title", ""),
        "status": run.status,
        "reason": run.attrs.get("status_reason", ""),
        "created": run.attrs.get("date_created", ""),
        "completed": run.attrs.get("date_completed", ""),
        "run_id": run.attrs.get("run_id", ""),
        "provenance": provenance,
        "replicas": run.batch,
        "variables": [variable(run, path) for path in run.variables()],
        "tables": {name: rows.length for name, rows in run.tables().items()},
        "columns": [column(run, name) for name in run.columns],
        "final": run.final_variables(),
    }


def variable(run: RunFile, path: str) -> dict[str, Any]:
    """Return shape, unit and meaning of one recorded variable."""
    dataset = run.dataset(path)
    said = run.attributes(path)
    rows = run.recordings[path.rpartition(".")[0]].length
    return {
        "name": path,
        "dims": run.dims(path),
        "shape": (rows, *dataset.shape[1:]),
        "dtype": str(dataset.dtype),
        "unit": said.get("units", ""),
        "doc": said.get("long_name", ""),
    }


def column(run: RunFile, name: str) -> dict[str, Any]:
    """Return the values that the replicas have of one column: seed, swept parameters."""
    values = sorted(set(run.columns[name].tolist()))
    said = run.attributes(name)
    return {"name": name, "values": values, "unit": said.get("units", ""), "doc": said.get("long_name", "")}


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
            "seed": provenance.get("seed", ""),
            "replicas": content["replicas"],
            **{name: f"{length:,} rows" for name, length in content["tables"].items()},
        }
    )
    if content["variables"]:
        click.echo()
        variables = [(v["name"], _shape(v), v["dtype"], v["unit"], v["doc"]) for v in content["variables"]]
        show_table(("variable", "shape", "dtype", "unit", "meaning"), variables)
    click.echo()
    columns = [(c["name"], _few(c["values"]), c["unit"], c["doc"]) for c in content["columns"]]
    show_table(("column", "values", "unit", "meaning"), columns)
    finals: dict[str, list[str]] = {}
    for path in content["final"]:
        holder, _, name = path.rpartition(".")
        finals.setdefault(holder, []).append(name)
    for holder, names in finals.items():
        click.echo(f"\nfinal state of {holder}: {', '.join(names)}")


def _shape(item: dict[str, Any]) -> str:
    return ", ".join(f"{dim} {size:,}" for dim, size in zip(item["dims"], item["shape"], strict=False))


def _few(values: list[Any]) -> str:
    texts = [number(value) if isinstance(value, float) else str(value) for value in values]
    return ", ".join(texts) if len(texts) <= 6 else f"{', '.join(texts[:3])}, ... {texts[-1]} ({len(texts)})"
