"""What the fuzz test runs in its children: judge and open file after file, saying how each ended."""

from pathlib import Path

import engram_hdf5 as h5
from engram_hdf5.confinement import answer, confine
from engram_hdf5.validator import findings


def opened(path: Path) -> str:
    """Read all of a file as a user would; whatever it raises must be an ordinary exception."""
    try:
        with h5.open(path) as run:
            repr(run)
            for name in run.variables():
                run[name]
            return "read"
    except Exception as error:
        return type(error).__name__


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
