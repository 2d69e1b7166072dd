"""A run that was stopped goes on as if it never had been."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import engram
import engram_hdf5
from engram.engine import ChunkRecords
from engram.errors import EngramError
from engram.plugins import Registry
from engram.recipe import Recipe
from engram_hdf5 import carry, segments

Make = Callable[..., Recipe]
CASES: dict[str, dict[str, Any]] = {
    "closed loop": {},
    "sweep": {"sweep": {"memory.rate": [0.1, 0.6]}},
    "finished": {"task": {"use": "race", "goal": 14}, "record": {"every": 4, "variables": ["memory.value"]}},
    "trials": {"run": {"trials": 9, "batch": 3, "seed": 5, "dtype": "float64", "backend": "numpy"}},
    "open loop": {"task": {"use": "tide"}, "memory": {"use": "stepped-leak"}, "record": {"every": 3}},
    "fused": {"task": {"use": "tide"}, "memory": {"use": "fused-leak"}, "record": {"every": 3}},
}


class Stopper:
    """Stops the run after some chunks, as Ctrl-C does."""

    def __init__(self, after: int) -> None:
        self.left = after

    @engram.hookimpl
    def chunk_finished(self, chunk: ChunkRecords) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def assert_same(one: Path, other: Path) -> None:
    with engram.open(one) as first, engram.open(other) as second:
        same = engram_hdf5.compare(first, second)
    assert same and all(same.values()), [name for name, equal in same.items() if not equal]


def stopped(make: Make, plugins: Registry, path: Path, after: int, *overrides: str, **changes: Any) -> None:
    stopper = Stopper(after)
    plugins.register(stopper, f"stopper-{after}")
    with pytest.raises(KeyboardInterrupt):
        engram.run(make("run.chunk=7", "run.checkpoint=0.0", *overrides, **changes), out=path)
    plugins.manager.unregister(stopper)


@pytest.mark.parametrize("way", ["run.durability='segments'", "run.writer='thread'"])
@pytest.mark.parametrize("case", CASES)
def test_the_way_of_writing_changes_nothing(
    make: Make, plugins: Registry, tmp_path: Path, case: str, way: str
) -> None:
    (whole,) = engram.run(make("run.chunk=11", **CASES[case]), out=tmp_path / "whole.h5")
    (other,) = engram.run(make("run.chunk=3", way, **CASES[case]), out=tmp_path / "other.h5")
    assert_same(whole, other)
    stopped(make, plugins, tmp_path / "run.h5", 3, way, **CASES[case])
    assert_same(whole, engram.resume(tmp_path / "run.h5.part", plugins=plugins))
    assert sorted(item.name for item in tmp_path.iterdir()) == ["other.h5", "run.h5", "whole.h5"]


@pytest.mark.parametrize("after", [1, 3, 5])
@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_equals_one_that_never_stopped(
    make: Make, plugins: Registry, tmp_path: Path, case: str, after: int
) -> None:
    (whole,) = engram.run(make("run.chunk=11", **CASES[case]), out=tmp_path / "whole.h5")
    stopped(make, plugins, tmp_path / "run.h5", after, **CASES[case])
    path = engram.resume(tmp_path / "run.h5.part", plugins=plugins)
    assert_same(whole, path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["run.h5", "whole.h5"]


def test_a_run_can_be_stopped_and_resumed_again_and_again(
    make: Make, plugins: Registry, tmp_path: Path
) -> None:
    (whole,) = engram.run(make(), out=tmp_path / "whole.h5")
    stopped(make, plugins, tmp_path / "run.h5", 2)
    for after in (1, 2):
        stopper = Stopper(after)
        plugins.register(stopper, f"again-{after}")
        with pytest.raises(KeyboardInterrupt):
            engram.resume(tmp_path / "run.h5.part", plugins=plugins)
        plugins.manager.unregister(stopper)
    assert_same(whole, engram.resume(tmp_path / "run.h5.part", plugins=plugins))


def test_without_a_checkpoint_the_run_begins_again(make: Make, plugins: Registry, tmp_path: Path) -> None:
    (whole,) = engram.run(make(), out=tmp_path / "whole.h5")
    stopped(make, plugins, tmp_path / "run.h5", 3)
    (tmp_path / "run.h5.checkpoint").unlink()
    assert_same(whole, engram.resume(tmp_path / "run.h5.part", plugins=plugins))


@pytest.mark.parametrize("way", ["run.durability='flush'", "run.durability='segments'"])
@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_run_without_any_row_is_resumed(
    make: Make, plugins: Registry, tmp_path: Path, way: str, checkpoint: bool
) -> None:
    record = {"variables": [], "trials": False}
    (whole,) = engram.run(make(record=record), out=tmp_path / "whole.h5")
    stopped(make, plugins, tmp_path / "run.h5", 2, way, record=record)
    if not checkpoint:
        (tmp_path / "run.h5.checkpoint").unlink()
    assert_same(whole, engram.resume(tmp_path / "run.h5.part", plugins=plugins))


def test_what_an_earlier_run_left_is_never_mixed_into_a_new_one(
    make: Make, plugins: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "run.h5"
    (whole,) = engram.run(make("run.seed=8"), out=tmp_path / "whole.h5")
    stopped(make, plugins, path, 2)
    engram_hdf5.recover(tmp_path / "run.h5.part", tmp_path / "run.h5.part.before")
    (tmp_path / "run.h5.part").unlink()
    with pytest.raises(engram_hdf5.OutputExistsError, match="run.h5.part.before: is left by an unfinished"):
        engram.run(make("run.seed=8"), out=path)
    plugins.register(stopper := Stopper(4), "stopper")
    with pytest.raises(KeyboardInterrupt):
        engram.run(make("run.seed=8", "run.chunk=7", "run.checkpoint=999.0"), out=path, force=True)
    plugins.manager.unregister(stopper)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["run.h5.part", "whole.h5"]
    assert_same(whole, engram.resume(tmp_path / "run.h5.part", plugins=plugins))


@pytest.mark.parametrize("way", ["run.durability='flush'", "run.durability='segments'"])
def test_a_run_stopped_just_before_its_file_gets_its_name_is_resumed(
    make: Make, plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    replace = os.replace

    def stop(source: Path, target: Path) -> None:
        if target.name == "run.h5":
            raise KeyboardInterrupt
        replace(source, target)

    (whole,) = engram.run(make(), out=tmp_path / "whole.h5")
    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        engram.run(make("run.chunk=7", "run.checkpoint=0.0", way), out=tmp_path / "run.h5")
    monkeypatch.undo()
    assert_same(whole, engram.resume(tmp_path / "run.h5.part", plugins=plugins))
    assert sorted(item.name for item in tmp_path.iterdir()) == ["run.h5", "whole.h5"]


def test_a_run_whose_segments_cannot_be_joined_leaves_them_free_to_resume(
    make: Make, plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (whole,) = engram.run(make(), out=tmp_path / "whole.h5")
    monkeypatch.setattr(segments, "_copy_chunks", fail)
    with pytest.raises(engram_hdf5.StorageError, match="No space left") as caught:
        engram.run(make("run.chunk=7", "run.durability='segments'"), out=tmp_path / "run.h5")
    monkeypatch.undo()
    assert not (tmp_path / "run.h5.part" / "joined.h5").exists()
    assert_same(whole, engram.resume(tmp_path / "run.h5.part", plugins=plugins))
    # The error keeps the writer alive until here, but not its lock.
    assert "keeps what was recorded" in caught.value.__notes__[0]


def test_rows_are_carried_over_in_blocks_that_bound_the_memory(
    tmp_path: Path, make: Make, plugins: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, sizes = carry.read_values, []

    def noted(*args: Any, **named: Any) -> Any:
        values = read(*args, **named)
        sizes.append(values.nbytes)
        return values

    monkeypatch.setattr(carry, "read_values", noted)
    changes = {"record": {"variables": ["memory.value"]}}
    stopped(make, plugins, tmp_path / "run.h5", 6, "run.batch=40000", **changes)
    engram.resume(tmp_path / "run.h5.part", plugins=plugins)
    assert sum(sizes) > 32 << 20 and max(sizes) <= 16 << 20


def test_a_resumption_that_was_stopped_while_rows_were_carried_over_starts_over(
    make: Make, plugins: Registry, tmp_path: Path
) -> None:
    (whole,) = engram.run(make(), out=tmp_path / "whole.h5")
    stopped(make, plugins, tmp_path / "run.h5", 4)
    engram_hdf5.recover(tmp_path / "run.h5.part", tmp_path / "run.h5.part.before")
    (tmp_path / "run.h5.part").write_text("half a file")
    assert_same(whole, engram.resume(tmp_path / "run.h5", plugins=plugins))


def test_rows_that_are_lost_are_not_made_up(make: Make, plugins: Registry, tmp_path: Path) -> None:
    stopped(make, plugins, tmp_path / "run.h5", 4)
    with h5py.File(tmp_path / "run.h5.part", "r+") as file:
        file["recordings/memory/average/n_rows"][()] = 2
    with pytest.raises(EngramError, match="rows before the checkpoint are lost"):
        engram.resume(tmp_path / "run.h5.part", plugins=plugins)


def test_a_finished_file_is_not_replaced_by_resuming(make: Make, plugins: Registry, tmp_path: Path) -> None:
    stopped(make, plugins, tmp_path / "run.h5", 2)
    (tmp_path / "run.h5").write_text("precious")
    with pytest.raises(FileExistsError, match="run.h5: exists already"):
        engram.resume(tmp_path / "run.h5.part", plugins=plugins)
    assert (tmp_path / "run.h5").read_text() == "precious" and (tmp_path / "run.h5.part").exists()


def test_a_component_that_has_changed_is_named(make: Make, plugins: Registry, tmp_path: Path) -> None:
    stopped(make, plugins, tmp_path / "run.h5", 2)
    target = tmp_path / "run.h5.checkpoint"
    with np.load(target) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "memory.value"}
    with target.open("wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(EngramError, match="memory.value: is not in the checkpoint"):
        engram.resume(tmp_path / "run.h5.part", plugins=plugins)
    assert (tmp_path / "run.h5.part").exists()


def test_a_damaged_checkpoint_is_one_clear_line(make: Make, plugins: Registry, tmp_path: Path) -> None:
    stopped(make, plugins, tmp_path / "run.h5", 2)
    target = tmp_path / "run.h5.checkpoint"
    content = bytearray(target.read_bytes())
    content[len(content) // 3] ^= 1
    target.write_bytes(bytes(content))
    with pytest.raises(Exception, match="run.h5.checkpoint: is damaged"):
        engram.resume(tmp_path / "run.h5.part", plugins=plugins)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.6])
def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path, seconds: float) -> None:
    overrides = ["run.steps=1500", "run.batch=3", "sweep={}", "run.checkpoint=0.0", "run.chunk=20"]
    (whole,) = engram.run("odor-preference", out=tmp_path / "whole.h5", overrides=overrides)
    words = [sys.executable, "-m", "engram_cli", "run", "odor-preference", "--out", str(tmp_path / "run.h5")]
    child = subprocess.Popen(
        [*words, *(part for o in overrides for part in ("-o", o))], stderr=subprocess.DEVNULL
    )
    while child.poll() is None and not (tmp_path / "run.h5.checkpoint").exists():
        time.sleep(0.01)
    time.sleep(seconds * 0.2)
    if child.poll() is None:
        os.kill(child.pid, signal.SIGKILL)
    child.wait()
    path = (
        engram.resume(tmp_path / "run.h5.part") if not (tmp_path / "run.h5").exists() else tmp_path / "run.h5"
    )
    assert_same(whole, path)
