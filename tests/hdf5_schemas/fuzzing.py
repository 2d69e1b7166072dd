"""What the fuzz test runs in its children: judge and open file after file, saying how each ended."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import engram_hdf5 as h5
from engram_hdf5.confinement import answer, confine
from engram_hdf5.validator import findings


def opened(path: Path) -> list[str]:
    """Read all of a file as a user would, and name the kinds of error that came."""
    found: set[str] = set()

    def attempt(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Exception as error:
            found.add(type(error).__name__)
            return None

    run = attempt(lambda: h5.open(path))
    for read in () if run is None else everything(run, attempt):
        attempt(read)
    return sorted(found)


def everything(run: h5.RunFile, attempt: Callable[[Callable[[], Any]], Any]) -> Iterator[Callable[[], Any]]:
    """Every way to read an open file, each to be called at once."""
    words = "attrs status provenance recipe recipe_text batch columns recordings finals".split()
    yield from (partial(getattr, run, word) for word in words)
    yield from (
        run.__repr__,
        run.tables,
        run.trials,
        run.events,
        run.to_xarray,
        partial(run.text, "packages"),
    )
    for path in attempt(run.variables) or ():
        yield from (partial(read, path) for read in (run.__getitem__, run.time, run.step, run.dims))
        yield from (partial(read, path) for read in (run.attributes, run.dataset))
        yield from (partial(run.labels, path, axis) for axis in attempt(partial(run.dims, path)) or ())
    for path in attempt(run.final_variables) or ():
        yield from (partial(run.final, path), partial(run.attributes, path))
    yield from (partial(run.attributes, name) for name in attempt(lambda: run.columns) or ())
    yield run.close


def work(request, alive):
    folder = Path(request["path"])
    for index in range(request["start"], request["stop"]):
        yield {"begun": index}
        # Each file has the whole limits, as if it had a child of its own.
        confine(h5.Limits(**request["each"]))
        path = folder / f"{index}.h5"
        codes = sorted({finding.code for finding in findings(path, data=True, alive=alive)})
        yield {"done": index, "codes": codes, "opened": opened(path)}


if __name__ == "__main__":
    answer(work)
