"""What a run file costs: a commit, a row, a chunk, a check.

Run with `pytest benchmarks/bench_files.py -s`. Figures are processor time, the best or the median of repeats
that take turns, beside a plain `write` of the same bytes in the same run; nothing here fails because of a slow
machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import pytest

import engram
from engram import Array, Context, Signal, Spec
from engram.engine import ChunkRecords, prepare
from engram.output import create
from engram.plugins import Registry
from engram.recipe import resolve
from engram_hdf5 import ColumnSpec, Recording, Variable, Writer

Rows = Mapping[str, np.ndarray[Any, Any]]
MIB = 1 << 20
JUDGE = """
import resource, sys, time
import engram_hdf5
begun = time.perf_counter()
findings = engram_hdf5.judge(sys.argv[1])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(len(findings), time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


class Ledger:
    """A file with one recording of equal variables.

    Args:
        path: The file.
        shape: Shape of a variable in one row, without the replicas.
        batch: Number of replicas.
        dtype: Dtype of the variables.
        variables: How many there are.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        *,
        batch: int = 1,
        dtype: str = "float32",
        variables: int = 1,
    ) -> None:
        self.writer = Writer(
            path,
            title="benchmark",
            source="engram",
            run_id="benchmark",
            columns=[],
            batch=batch,
            provenance={"backend": "numpy", "seed": 1},
            texts={"config": "", "packages": "{}"},
            force=True,
        )
        axes = tuple(f"axis_{index}" for index in range(len(shape)))
        self.variables = [
            Variable(f"v{index}", axes, shape, dtype, "1", "noise") for index in range(variables)
        ]
        self.recording: Recording = self.writer.add_recording(
            "memory",
            "bench",
            path="memory",
            attributes={"component": "bench", "schema": "bench", "schema_version": "1.0.0"},
            every=1,
            variables=self.variables,
        )
        self.rows = 0

    def append(self, rows: np.ndarray[Any, Any]) -> None:
        """Add the same rows `(n, batch, ...)` to each variable."""
        step = np.arange(self.rows, self.rows + len(rows))
        self.writer.append(self.recording, step, 0.1 * step, {item.name: rows for item in self.variables})
        self.rows += len(rows)

    def close(self) -> Path:
        return self.writer.complete()


def spent(work: Callable[[], object]) -> float:
    """Return the processor time of a call, in s."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def written_plainly(path: Path, block: np.ndarray[Any, Any], repeats: int) -> float:
    """Return the processor time of `write` alone, in s; the file is new, as that of a run is."""
    with path.open("wb", buffering=0) as file:
        seconds = spent(lambda: [file.write(block.data) for _ in range(repeats)])
    path.unlink()
    return seconds


def noise(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


@pytest.fixture
def single_flush(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], list[float]]]:
    """Leaves out the first of the two flushes of a commit, when asked; gives the times of those done."""
    flush, state = h5py.File.flush, {"calls": 0, "single": False}
    seconds: list[float] = []

    def counted(file: h5py.File) -> None:
        state["calls"] += 1
        if not (state["single"] and state["calls"] % 2):
            seconds.append(spent(lambda: flush(file)))

    def choose(single: bool) -> list[float]:
        state.update(calls=0, single=single)
        seconds.clear()
        return seconds

    monkeypatch.setattr(h5py.File, "flush", counted)
    yield choose


def test_commit_in_two_phases(
    benchmark: Any, tmp_path: Path, single_flush: Callable[[bool], list[float]]
) -> None:
    """Target: two flushes cost below 2 % more than one, for four variables of 1 MiB a commit."""
    rows, commits = noise(64, 64, 64), 32

    def run(single: bool) -> tuple[float, float]:
        ledger = Ledger(tmp_path / "run.h5", (64,), batch=64, variables=4)
        flushes = single_flush(single)
        seconds = spent(lambda: [(ledger.append(rows), ledger.writer.commit()) for _ in range(commits)])
        second = sum(flushes) if single else sum(flushes[1::2])
        ledger.writer.abandon()
        return seconds, second / seconds

    run(False)
    pairs = [(run(False), run(True)[0]) for _ in range(9)]
    ratio = median(two / one for (two, _), one in pairs)
    best = min(two for (two, _), _ in pairs) / min(one for _, one in pairs)
    share = median(share for (_, share), _ in pairs)
    benchmark.pedantic(lambda: run(False), rounds=1)
    benchmark.extra_info.update(ratio=ratio, share=share)
    print(
        f"\ncommit of 4 x 1 MiB: two flushes / one {ratio:.3f} (median of pairs), {best:.3f} (best); "
        f"the second flush takes {100 * share:.2f} % of the time"
    )


@pytest.mark.parametrize("block", [100, 1000])
def test_record_of_64_floats(benchmark: Any, tmp_path: Path, block: int) -> None:
    """Target: below 2 us a record of one replica, 64 float32, the file included."""
    rows, count = noise(block, 1, 64), 200_000 // block

    def run() -> float:
        ledger = Ledger(tmp_path / "run.h5", (64,))
        seconds = spent(lambda: ([ledger.append(rows) for _ in range(count)], ledger.writer.commit()))
        ledger.writer.abandon()
        return seconds / (count * block)

    pairs = [(run(), written_plainly(tmp_path / "raw", rows, count) / (count * block)) for _ in range(5)]
    record, plain = (1e6 * min(column) for column in zip(*pairs, strict=True))
    benchmark.pedantic(run, rounds=1)
    benchmark.extra_info["us_per_record"] = record
    print(f"\nrecord of 64 floats in blocks of {block}: {record:.2f} us; plain write {plain:.2f} us")


@engram.state
class UnitState:
    v: Array = engram.array("unit", doc="64 numbers", unit="1", record=True)
    action: Array = engram.fixed()


@engram.parameters
class Units(engram.Memory):
    """64 numbers that nothing changes."""

    name = "units"

    def init(self, ctx: Context) -> UnitState:
        return ctx.state(UnitState, sizes={"unit": 64}, action=ctx.zeros())

    def step(self, state: UnitState, signal: Signal) -> Array:
        return state.action


@engram.state
class SilentState:
    signal: Signal = engram.fixed()


@engram.parameters
class Silent(engram.Task):
    """Always says the same."""

    name = "silent"
    observation = Spec(shape=(1,))
    action = Spec()

    def init(self, ctx: Context) -> SilentState:
        return ctx.state(SilentState, signal=ctx.signal(ctx.zeros(1)))

    def reset(self, state: SilentState) -> Signal:
        return state.signal

    def step(self, state: SilentState, action: Array) -> Signal:
        return state.signal


class UnitPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Units]

    @engram.hookimpl
    def register_tasks(self) -> list[type[engram.Task]]:
        return [Silent]


def test_record_through_the_kernel(benchmark: Any, tmp_path: Path) -> None:
    """Target: below 2 us a record of one replica, 64 float32: the kernel's row, its chunk and the file."""
    plugins = Registry(discover=False)
    plugins.register(UnitPlugin(), "units")
    run = {"steps": 200_000, "batch": 1, "seed": 1, "backend": "numpy"}
    recipe = resolve(
        {"run": run, "task": {"use": "silent"}, "memory": {"use": "units"}, "record": {"trials": False}},
        plugins=plugins,
    )

    def once() -> tuple[float, float]:
        prepared = prepare(recipe)
        output = create(prepared, tmp_path / "run.h5", force=True)
        recorder, signal = prepared.recorder, prepared.task.reset(prepared.task_state)
        n, rows, files = prepared.chunk, 0.0, 0.0
        for first in range(0, 200_000, n):
            begun = time.process_time()
            recorder.begin(first, n)
            for row in recorder.rows(first, n).tolist():
                recorder.row(row, signal, None)
            rows += time.process_time() - begun
            steps, records = recorder.take(first + n)
            begun = time.process_time()
            output.write(ChunkRecords(first, first + n, steps, 0.1 * steps, records, {}, {}))
            files += time.process_time() - begun
        files += spent(output.writer.commit)
        output.writer.abandon()
        return 5 * rows, 5 * files

    best = [min(column) for column in zip(*(once() for _ in range(5)), strict=True)]
    benchmark.pedantic(once, rounds=1)
    benchmark.extra_info["us_per_record"] = sum(best)
    print(f"\nrecord through the kernel: {sum(best):.2f} us, of which {best[1]:.2f} us for the file")


@pytest.mark.parametrize(("shape", "chunk"), [((64,), 1), ((64, 128), 2), ((256, 256), 4), ((512, 512), 16)])
def test_chunks_of_floats(benchmark: Any, tmp_path: Path, shape: tuple[int, ...], chunk: int) -> None:
    """Target: whole chunks of 1 MiB or more, with checksum, of four variables in turn, within 3 times a plain write."""
    rows = noise(MIB * chunk // (4 * int(np.prod(shape))), 1, *shape)
    count = 32 // chunk

    def run() -> float:
        ledger = Ledger(tmp_path / "run.h5", shape, variables=4)
        seconds = spent(lambda: ([ledger.append(rows) for _ in range(count)], ledger.writer.commit()))
        ledger.writer.abandon()
        return seconds

    run()
    pairs = [(run(), written_plainly(tmp_path / "raw", rows, 4 * count)) for _ in range(7)]
    ratio = median(file / plain for file, plain in pairs)
    file, plain = (min(column) for column in zip(*pairs, strict=True))
    benchmark.pedantic(run, rounds=1)
    benchmark.extra_info.update(ratio=ratio, mib_per_s=128 / file)
    print(
        f"\nchunks of {chunk} MiB: {128 / file:.0f} MiB/s; plain write {128 / plain:.0f} MiB/s; "
        f"ratio {ratio:.2f} (median of pairs), {file / plain:.2f} (best)"
    )


def test_compressed_integers(benchmark: Any, tmp_path: Path) -> None:
    """For information: spike counts, shuffled and deflated."""
    rows = np.random.default_rng(1).poisson(0.05, (256, 64, 64)).astype(np.int16)
    count = 16

    def run() -> tuple[float, int]:
        ledger = Ledger(tmp_path / "run.h5", (64,), batch=64, dtype="int16")
        seconds = spent(lambda: ([ledger.append(rows) for _ in range(count)], ledger.writer.commit()))
        size = ledger.close().stat().st_size
        return seconds, size

    pairs = [(*run(), written_plainly(tmp_path / "raw", rows, count)) for _ in range(3)]
    file, size, plain = (min(column) for column in zip(*pairs, strict=True))
    mib = count * rows.nbytes / MIB
    benchmark.pedantic(run, rounds=1)
    benchmark.extra_info.update(ratio=file / plain, mib_per_s=mib / file)
    print(
        f"\nint16 with gzip: {mib / file:.0f} MiB/s, {file / plain:.0f} times a plain write, "
        f"stored {size / count / rows.nbytes:.3f} of the bytes"
    )


def _filled(path: Path, mib: int, variables: int) -> Path:
    """Write a file of recordings of about so many MiB, with a table of trials."""
    ledger = Ledger(path, (64,), batch=64, variables=variables)
    rows = noise(64, 64, 64)
    columns = {"replica": "int32", "number": "int32", "return_": "float64", "outcome": "int8"}
    trials = ledger.writer.add_table(
        "trials", [ColumnSpec(name, dtype, "1", name) for name, dtype in columns.items()]
    )
    table: Rows = {name: np.arange(4096).astype(dtype) for name, dtype in columns.items()}
    for _ in range(mib // variables):
        ledger.append(rows)
        ledger.writer.append_rows(trials, table)
    return ledger.close()


@pytest.mark.parametrize(("mib", "variables"), [(256, 4), (1024, 4), (1024, 64)])
def test_check_of_a_file(benchmark: Any, tmp_path: Path, mib: int, variables: int) -> None:
    """Target: 1 GiB below 10 s, in memory that depends neither on the length nor on the number of arrays."""
    path = _filled(tmp_path / "run.h5", mib, variables)
    block = bytearray(16 * MIB)

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            while file.readinto(block):
                pass

    def judged() -> list[float]:
        done = subprocess.run([sys.executable, "-c", JUDGE, path], check=True, capture_output=True, text=True)
        return [float(word) for word in done.stdout.split()]

    results = [(*judged(), spent(read)) for _ in range(3)]
    findings, wall, processor, kib, plain = (min(column) for column in zip(*results, strict=True))
    assert findings == 0
    size = os.path.getsize(path) / MIB
    benchmark.pedantic(judged, rounds=1)
    path.unlink()
    benchmark.extra_info.update(s=wall, peak_mib=kib / 1024)
    print(
        f"\ncheck of {size:.0f} MiB in {variables} variables: {wall:.2f} s, {processor:.2f} s of processor time, "
        f"peak {kib / 1024:.0f} MiB; plain read {plain:.2f} s"
    )
