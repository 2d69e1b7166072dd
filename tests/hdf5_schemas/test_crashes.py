import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import engram_hdf5 as h5

CHILD = """
    import os, resource, signal, sys, time
    import numpy as np
    import engram_hdf5 as h5
    from engram_hdf5 import buffer

    def values(start, stop):
        rows = np.arange(start, stop, dtype=np.float64)
        return np.broadcast_to(rows[:, None, None], (stop - start, 2, 512)).copy()

    writer = h5.Writer(
        sys.argv[1], title="t", source="s", run_id="r", columns=[], batch=2,
        provenance={"backend": "numpy", "seed": 1}, texts={"config": "", "packages": ""},
        durability=sys.argv[2],
    )
    said = {"component": "c", "schema": "s", "schema_version": "1.0.0"}
    variable = h5.Variable("v", ("unit",), (512,), "float64", "1", "value")
    recording = writer.add_recording("memory", "m", path="memory", attributes=said, every=1, variables=[variable])

    def add(start, stop):
        step = np.arange(start, stop)
        writer.append(recording, step, step * 1.0, {"v": values(start, stop)})
        writer.commit()
"""


def run_child(path: Path, body: str, durability: str = "flush") -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(CHILD) + textwrap.dedent(body)
    roots = [str(Path(h5.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))}
    return subprocess.run(
        [sys.executable, "-c", program, str(path), durability],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


def check_rows(path: Path, rows: int) -> h5.RunFile:
    with h5.open(path) as run:
        np.testing.assert_array_equal(run["memory.v"][:, 0, 0], np.arange(rows))
        np.testing.assert_array_equal(run["memory.v"][:, 1, -1], np.arange(rows))
        np.testing.assert_array_equal(run.step("memory"), np.arange(rows))
    return run


def test_stop_leaves_a_readable_part(make_writer, kit):
    writer = make_writer()
    kit.fill(writer)
    part = writer.stop("interrupted", "Ctrl-C at step 490")
    assert not writer.path.exists()
    with h5.open(part) as run:
        assert (run.status, run.attrs["status_reason"]) == ("interrupted", "Ctrl-C at step 490")
        np.testing.assert_array_equal(run["memory.q"], kit.draw()["q"])
        assert len(run.trials()) == kit.BATCH
    findings = h5.validate(part, data=True)
    assert [finding.code for finding in findings] == ["W_INCOMPLETE"]
    assert not any(finding.is_error for finding in findings)


def test_an_interrupt_in_the_middle_of_append_keeps_the_rows_before_it(make_writer, kit, monkeypatch):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw()
    kit.append(writer, recording, rows, slice(0, 20))

    def interrupt(block):
        raise KeyboardInterrupt

    monkeypatch.setattr(recording.buffers["spikes"], "append", interrupt)
    with pytest.raises(KeyboardInterrupt):
        kit.append(writer, recording, rows, slice(20, 50))
    with pytest.raises(h5.StorageError, match="only stop"):
        kit.append(writer, recording, rows, slice(20, 50))
    part = writer.stop("interrupted", "Ctrl-C")
    with h5.open(part) as run:
        for name in ("gain", "spikes", "awake", "q"):
            np.testing.assert_array_equal(run[f"memory.{name}"], rows[name][:20])
    assert [finding.code for finding in h5.validate(part)] == ["W_INCOMPLETE"]


def test_committed_rows_survive_a_kill(tmp_path):
    path = tmp_path / "run.h5"
    done = run_child(
        path,
        """
        add(0, 300)
        add(300, 333)
        step = np.arange(333, 700)
        writer.append(recording, step, step * 1.0, {"v": values(333, 700)})
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    check_rows(path.with_name("run.h5.part"), 333)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no limits of a process")
def test_a_full_disk_stops_the_writer_cleanly(tmp_path):
    path = tmp_path / "run.h5"
    done = run_child(
        path,
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, 16 << 20))
        # What was seen of the disk before counts for a tenth of a second.
        time.sleep(0.2)
        count = 0
        try:
            while True:
                add(count, count + 100)
                count += 100
        except h5.StorageError as error:
            print(count, error)
        writer.stop("failed", "disk full")
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    count, _, message = done.stdout.partition(" ")
    assert int(count) >= 200
    assert "KiB are left" in message
    assert "free some space" in message
    part = path.with_name("run.h5.part")
    check_rows(part, int(count))
    with h5.open(part) as run:
        assert (run.status, run.attrs["status_reason"]) == ("failed", "disk full")


FILLING = """
    {before}
    count = 0
    try:
        while True:
            add(count, count + 100)
            count += 100
    except h5.StorageError as error:
        print(count, error, flush=True)
    try:
        print("left", writer.stop("failed", "disk full"))
    except h5.StorageError as error:
        print("again", error)
"""
UNGUARDED = "buffer.Room.check = lambda self, nbytes: None"
LIMITED = """signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))"""


def check_filled(path: Path, done: subprocess.CompletedProcess[str], out: Path) -> str:
    """The interpreter ended well, and every row that was committed can be read; gives what it said."""
    assert (done.returncode, done.stderr) == (0, "")
    count, _, message = done.stdout.partition(" ")
    assert int(count) >= 100
    saved = h5.recover(path.with_name(f"{path.name}.part"), out)
    assert saved.rows["recordings/memory/m"] >= int(count)
    check_rows(out, saved.rows["recordings/memory/m"])
    return message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no limits of a process")
def test_a_write_that_fails_unforeseen_is_one_error_and_keeps_committed_rows(tmp_path):
    done = run_child(tmp_path / "run.h5", FILLING.format(before=f"{LIMITED}\n    {UNGUARDED}"))
    message = check_filled(tmp_path / "run.h5", done, tmp_path / "out.h5")
    assert "could not be written" in message
    assert "free disk space" in message


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("durability", ["flush", "segments"])
@pytest.mark.parametrize("before", ["", UNGUARDED], ids=["foreseen", "unforeseen"])
def test_a_full_disk_harms_neither_interpreter_nor_rows(tmp_path, small_disk, durability, before):
    path = small_disk / "run.h5"
    done = run_child(path, FILLING.format(before=before), durability)
    message = check_filled(path, done, tmp_path / "out.h5")
    assert ("KiB are left" if not before else "could not be written") in message


def test_segments_that_find_no_space_to_be_joined_stay(tmp_path, small_disk):
    path = small_disk / "run.h5"
    body = f"""
        {UNGUARDED}
        add(0, 256)
        add(256, 500)
        try:
            writer.complete()
        except h5.StorageError as error:
            print(500, error)
    """
    message = check_filled(path, run_child(path, body, "segments"), tmp_path / "out.h5")
    assert "could not be written" in message
    with h5.open(tmp_path / "out.h5") as run:
        assert run.status == "complete"


@pytest.mark.parametrize("error", [RuntimeError("Unable to flush"), OSError(28, "No space left on device")])
def test_an_error_of_hdf5_becomes_a_storage_error(make_writer, kit, monkeypatch, error):
    writer = make_writer()
    recording = kit.record(writer)
    kit.append(writer, recording, kit.draw())

    def fail():
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(writer._file, "flush", fail)
        with pytest.raises(h5.StorageError, match=r"run\.h5\.part: could not be written .*; free disk space"):
            writer.commit()
    assert not writer.is_open
    with pytest.raises(h5.StorageError, match="a write failed before"):
        writer.commit()
    assert writer.stop("failed", "disk full") == writer.part
    with h5.open(writer.part) as run:
        assert run.status == "running"
        assert len(run["memory.gain"]) == 0
