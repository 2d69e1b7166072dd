"""Random damage to sound files, seeded: no child of the judge may take its parent along.

Many mutants share one child, for speed; after a crash or a hang the next child goes on with the next mutant.
"""

import collections
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import engram_hdf5 as h5
from engram_hdf5.isolation import messages

BATCH = 50
READ = ("read", "FormatError", "UnknownNameError")
EACH = {"memory": 4 << 30, "processor": 5, "wall": 10.0}


@pytest.fixture
def files(run_path, golden):
    """A file of the writer, mostly data, and a small one, mostly structure, which damage hits more often."""
    return [run_path, golden / "ok_full.h5"]


def mutant(sound: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, cut the end off, or overwrite a span with zeros, noise, or another part of the file."""
    spoilt = bytearray(sound)
    kind = rng.integers(4)
    if kind == 0:
        return bytes(spoilt[: rng.integers(len(sound))])
    if kind == 1:
        for place in rng.integers(len(sound), size=rng.integers(1, 20)):
            spoilt[place] ^= 1 << int(rng.integers(8))
        return bytes(spoilt)
    size = int(rng.integers(1, 200))
    start, source = (int(place) for place in rng.integers(len(sound) - size, size=2))
    spans = (bytes(size), rng.bytes(size), sound[source : source + size])
    spoilt[start : start + size] = spans[int(rng.integers(3))]
    return bytes(spoilt)


def outcomes(sound: list[bytes], folder: Path, count: int, seed: int) -> collections.Counter[str]:
    """Judge mutants of each file in turn and count how they ended: `sound`, `found`, or the code of a death."""
    counted: collections.Counter[str] = collections.Counter()
    for first in range(0, count, BATCH):
        stop = min(first + BATCH, count)
        for index in range(first, stop):
            rng = np.random.default_rng([seed, index])
            (folder / f"{index}.h5").write_bytes(mutant(sound[index % len(sound)], rng))
        _judge_batch(folder, first, stop, counted)
        for index in range(first, stop):
            (folder / f"{index}.h5").unlink()
    return counted


def _judge_batch(folder: Path, start: int, stop: int, counted: collections.Counter[str]) -> None:
    while start < stop:
        limits = h5.Limits(**EACH)
        try:
            for said in messages("fuzzing", folder, limits, start=start, stop=stop, each=EACH):
                if "done" in said:
                    errors = any(code.startswith("E_") for code in said["codes"])
                    counted["found" if errors else "sound"] += 1
                    counted.update(f"opening: {kind}" for kind in said["opened"] or ["read"])
                    start = said["done"] + 1
        except h5.FormatError as error:
            counted[error.code] += 1
            start += 1


def check(files: list[Path], count: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    folder = files[0].parent / "mutants"
    folder.mkdir()
    begin = time.monotonic()
    counted = outcomes([path.read_bytes() for path in files], folder, count, seed)
    print(f"{count} mutants in {time.monotonic() - begin:.1f} s: {dict(counted)}", file=sys.stderr)
    ends = {name: number for name, number in counted.items() if not name.startswith("opening")}
    assert sum(ends.values()) == count
    assert set(ends) <= {"found", "sound", "E_CRASH", "E_LIMIT"}
    assert ends["found"] > count / 2
    assert counted.keys() - ends.keys() <= {f"opening: {kind}" for kind in READ}
    assert counted["opening: FormatError"] > count / 4
    assert ends.get("E_CRASH", 0) + ends.get("E_LIMIT", 0) < count / 20


def test_two_hundred_mutants_do_no_harm_and_raise_only_documented_errors(files, monkeypatch):
    check(files, 200, 1, monkeypatch)


@pytest.mark.slow
def test_two_thousand_mutants_do_no_harm_and_raise_only_documented_errors(files, monkeypatch):
    check(files, 2000, 2, monkeypatch)
