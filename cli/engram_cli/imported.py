"""Writes what another program saved as a run file, by the code that writes a run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from engram import EngramError, PluginError, resolve
from engram.engine import ChunkRecords, Run, prepare
from engram.output import Output, create
from engram_cli import extra
from engram_cli.failure import Failure
from engram_cli.importer import Imported, read
from engram_hdf5 import check_place

_TRIALS = {"replica", "number", "start_step", "stop_step", "return_", "outcome", "truncated"}


def convert(name: str, file: str | Path, out: str | Path, *, force: bool = False) -> Path:
    """Write a file of another program as a run file.

    Args:
        name: The format, as a plugin offers it.
        file: What the other program saved; it is only read.
        out: The run file.
        force: Replace an existing file, once the new one is whole.

    Returns:
        The run file.

    Raises:
        Failure: There is no such format (exit code 2), its importer failed (3), or the file is none of this
            format or is broken (4).
        engram_hdf5.OutputError: The run file cannot be written.
    """
    file, out = Path(file), Path(out)
    check_place(out, out.with_name(f"{out.name}.part"), force=force)
    found = read(name, file)
    origin = _origin(name, file)
    run = _prepared(found, file)
    try:
        chunk = _chunk(run, found)
        _settle(run, found)
    except ValueError as error:
        raise Failure(f"{extra.place(extra.IMPORTERS, name)}: {error}; tell its author", 3) from error
    return _written(create(run, out, force), chunk, origin)


def _origin(name: str, file: Path) -> dict[str, str | int]:
    """Say where a file comes from, and that nothing here computed it: -1 is the seed of no run."""
    return {
        "backend": "none",
        "backend_reason": "imported, not computed by engram",
        "device": "none",
        "seed": -1,
        "imported_from": str(file),
        "imported_format": name,
        "imported_sha256": _digest(file),
    }


def _digest(file: Path) -> str:
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Failure(f"{file}: cannot be read ({error.strerror}); give another file", 4) from error


def _prepared(found: Imported, file: Path) -> Run:
    """Make the state of the recipe; it keeps no seed, since nothing is drawn, and as backend what it says."""
    try:
        recipe = resolve(found.recipe)
        settings: Any = recipe.run
        recipe = attrs.evolve(recipe, place=file.name, run=attrs.evolve(settings, seed=None))
        run = prepare(attrs.evolve(recipe, run=attrs.evolve(settings, backend="numpy", chunk=1)))
    except PluginError:
        raise
    except EngramError as error:
        lines = "\n".join(f"{file}: as a {line}" for line in str(error).splitlines())
        raise Failure(lines, 4) from error
    run.recipe = recipe
    return run


def _chunk(run: Run, found: Imported) -> ChunkRecords:
    """Return all rows as one chunk, in the types and shapes that the recipe gives them."""
    steps = run.recipe.run.steps or 0
    wanted = {item.path: item for item in run.recorder.recorded}
    if found.records.keys() != wanted.keys():
        raise ValueError(f"records {sorted(found.records)}, but its recipe {sorted(wanted)}")
    records = {
        path: _array(path, found.records[path], (steps, run.batch, *item.kept), item.dtype)
        for path, item in wanted.items()
    }
    rows = np.arange(steps, dtype=np.int64)
    return ChunkRecords(0, steps, rows, rows * run.recipe.run.dt, records, _trials(run, found), {})


def _trials(run: Run, found: Imported) -> dict[str, np.ndarray[Any, Any]]:
    if not found.trials:
        return {}
    if found.trials.keys() != _TRIALS:
        raise ValueError(f"trials have {sorted(found.trials)}, not {sorted(_TRIALS)}")
    columns = {name: np.asarray(values) for name, values in found.trials.items()}
    times = {f"{end}_time": columns[f"{end}_step"] * run.recipe.run.dt for end in ("start", "stop")}
    return columns | times


def _settle(run: Run, found: Imported) -> None:
    """Put what is known into the final state, and leave the rest of it out."""
    run.slots = [slot for slot in run.slots if slot.path in found.final]
    unknown = found.final.keys() - {slot.path for slot in run.slots}
    if unknown:
        raise ValueError(f"its recipe has no state {', '.join(sorted(unknown))}")
    for slot in run.slots:
        slot.value[...] = _array(slot.path, found.final[slot.path], slot.value.shape, slot.value.dtype)
    run.step = run.recipe.run.steps or 0


def _array(path: str, values: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(f"{path} is {array.shape}, but by its recipe {shape}")
    return array.astype(dtype, copy=False)


def _written(output: Output, chunk: ChunkRecords, origin: dict[str, str | int]) -> Path:
    try:
        output.write(chunk)
        return output.complete(**origin)
    except BaseException:
        output.writer.abandon()
        raise
