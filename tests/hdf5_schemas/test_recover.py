"""What `recover` saves of a run that was killed: at every write call, at random moments, and of golden files."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5
from engram_hdf5 import intact, recovery
from engram_hdf5.segments import remove
from engram_hdf5.superblock import lookup3, read_superblock

# Ends the process before the write call whose number was set: what HDF5 had written by then is in the file.
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long calls = 0, last = -1;

void end_before(long call) { calls = 0; last = call; }
long calls_made(void) { return calls; }
static void count(void) { if (last >= 0 && ++calls >= last && last > 0) _exit(9); }

#define WRAP(kind, name, declared, given) \\
    kind name declared { \\
        static kind (*real) declared; \\
        if (!real) real = (kind (*) declared) dlsym(RTLD_NEXT, #name); \\
        count(); \\
        return real given; \\
    }

WRAP(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
WRAP(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at))
WRAP(int, ftruncate, (int fd, off_t n), (fd, n))
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, rmdir, (const char *path), (path))
WRAP(int, unlink, (const char *path), (path))
WRAP(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
"""

WRITER = """
    import ctypes, json, os, sys, time
    import numpy as np
    import engram_hdf5 as h5

    SAID = {"component": "c", "schema": "s", "schema_version": "1.0.0"}
    TRIAL = h5.ColumnSpec("replica", "int32", "1", "replica"), h5.ColumnSpec("score", "float64", "1", "score")

    def values(start, stop, size):
        rows = np.arange(start, stop) + 1
        return np.broadcast_to(rows[:, None, None], (stop - start, 2, size)).copy()

    def write(path, commits, rows, size, say, pause=0.0, durability="flush"):
        writer = h5.Writer(
            path, title="t", source="s", run_id="r", columns=[h5.Column("seed", np.arange(2), "1", "seed")],
            batch=2, provenance={"backend": "numpy", "seed": 1},
            texts={"config": "", "packages": ""}, force=True, durability=durability,
        )
        v = h5.Variable("v", ("unit",), (size,), "float64", "1", "value")
        n = h5.Variable("n", ("unit",), (size,), "int32", "1", "number")
        made = writer.add_recording(
            "memory", "m", path="memory", attributes=SAID, every=1, variables=[v, n]
        )
        trials = writer.add_table("trials", TRIAL)
        for start in range(0, commits * rows, rows):
            step, both = np.arange(start, start + rows), values(start, start + rows, size)
            writer.append(made, step, step + 1.0, {"v": both * 1.0, "n": both.astype(np.int32)})
            writer.append_rows(trials, {"replica": np.zeros(1, np.int32), "score": np.ones(1)})
            writer.commit()
            say(start + rows)
            time.sleep(pause)
        writer.write_final(
            "memory", "m", step=commits * rows, time=1.0, arrays={"v": np.ones((2, size))}, variables=[v]
        )
        writer.complete()
"""

AT_EVERY_CALL = """
    shim = ctypes.CDLL(sys.argv[1])
    folder, limit = sys.argv[2], int(sys.argv[3])
    ends = []
    for call in range(1, limit):
        came, went = os.pipe()
        child = os.fork()
        if child == 0:
            shim.end_before(ctypes.c_long(call))
            say = lambda rows: os.write(went, b"%d\\n" % rows)
            write(f"{folder}/{call}.h5", 4, 24, 400, say, durability=sys.argv[4])
            os._exit(0)
        os.close(went)
        with os.fdopen(came) as said:
            lines = said.read().split()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ends.append((call, code, int(lines[-1]) if lines else 0))
        if code != 9:
            break
    print(json.dumps(ends))
"""

ENDLESS = """
    def say(rows):
        print(rows, flush=True)

    write(sys.argv[1], 100_000, 50, 64, say, durability=sys.argv[2])
"""


def environment(**more):
    roots = [str(Path(h5.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots)), **more}


def program(body):
    return textwrap.dedent(WRITER) + textwrap.dedent(body)


def digest(path):
    if path.is_dir():
        return [digest(item) for item in sorted(path.iterdir())]
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def warnings_of(path):
    """Findings beside the one that every interrupted run has."""
    found = h5.validate(path, data=True)
    return [item for item in found if (item.code, item.where) != ("W_INCOMPLETE", "/")]


def check_saved(part, least, lost=()):
    """Recover, and compare every row with what was written; gives the number of rows.

    Only `batch`, an index that is written anew, and what is named in `lost` may have been reported.
    """
    before = digest(part)
    saved = h5.recover(part, force=True)
    assert digest(part) == before
    assert {item.where.partition("/")[0] for item in saved.lost} <= {"batch", *lost}, saved.lost
    assert warnings_of(saved.path) == []
    with h5.open(saved.path) as run:
        rows = len(run.time("memory"))
        assert rows >= least
        count = np.arange(rows)
        np.testing.assert_array_equal(run.step("memory"), count)
        np.testing.assert_array_equal(run.time("memory"), count + 1.0)
        for name in ("v", "n"):
            # All values of a row are its number from 1 on, so that no fill value, NaN or 0, is among them.
            assert (run[f"memory.{name}"] == (count + 1)[:, None, None]).all()
        tables = {name: item.read("score") for name, item in run.tables().items()}
        assert all((score == 1.0).all() for score in tables.values())
        assert run.status == "interrupted" or (part.is_dir() and "memory.v" in run.final_variables())
        np.testing.assert_array_equal(run.columns["seed"], [0, 1])
    return rows


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs LD_PRELOAD")
@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("durability", ["flush", "segments"])
def test_a_kill_before_any_write_call_loses_no_committed_row(tmp_path, durability):
    (tmp_path / "shim.c").write_text(SHIM)
    shim = tmp_path / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(shim), str(tmp_path / "shim.c"), "-ldl"], check=True)
    done = subprocess.run(
        [sys.executable, "-c", program(AT_EVERY_CALL), str(shim), str(tmp_path), "3000", durability],
        env=environment(LD_PRELOAD=str(shim)), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *kills, (last, code, rows) = json.loads(done.stdout)
    assert (code, rows) == (0, 96)
    assert (tmp_path / f"{last}.h5").exists()
    assert len(kills) > 40
    refused = []
    for call, _, committed in kills:
        part = tmp_path / f"{call}.h5.part"
        if (tmp_path / f"{call}.h5").exists():
            # The kill came while the segments were removed: the file is whole without them.
            assert (durability, committed) == ("segments", 96)
            assert h5.validate(tmp_path / f"{call}.h5", data=True) == []
            continue
        try:
            # The final state is no row: a kill while it is written, after the last commit, may lose it.
            check_saved(part, committed, lost=("state",) if committed == 96 else ())
        except (h5.FormatError, h5.OutputError) as error:
            refused.append(str(error))
            # Nothing had been committed, or all had been and only the rename was missing.
            assert committed in (0, 96), error
            if not committed:
                assert any(
                    text in str(error) for text in ("nothing", "is no HDF5", "is no run file", "no such file")
                )
            if committed:
                assert "is complete and sound" in str(error)
                assert not any(item.is_error for item in h5.validate(part, data=True))
    assert len(refused) < len(kills) / 2


def kill_at_random(folder, kills, durability="flush"):
    rng = random.Random(4)
    empty = 0
    for index in range(kills):
        path = folder / f"{index}.h5"
        child = subprocess.Popen(
            [sys.executable, "-c", program(ENDLESS), str(path), durability],
            env=environment(), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        first = child.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.15))
        child.send_signal(signal.SIGKILL)
        said = [line for line in (first + child.communicate()[0]).splitlines() if line]
        part = path.with_name(f"{path.name}.part")
        empty += check_saved(part, int(said[-1])) == 0
        remove(part)
        h5.recovered_path(part).unlink()
    assert empty == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_kill_at_a_random_moment_loses_no_committed_row(tmp_path):
    kill_at_random(tmp_path, 16)
    kill_at_random(tmp_path, 8, "segments")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_two_hundred_kills_lose_no_committed_row(tmp_path):
    kill_at_random(tmp_path, 200)
    kill_at_random(tmp_path, 50, "segments")


def test_everything_of_a_stopped_run_is_in_the_new_file(make_writer, kit, tmp_path):
    writer = make_writer(schemas={})
    kit.fill(writer)
    part = writer.stop("failed", "ZeroDivisionError: no")
    saved = h5.recover(part)
    assert saved.path == tmp_path / "run.recovered.h5"
    assert saved.rows == {"recordings/memory/rl_gain": kit.ROWS, "trials": kit.BATCH, "events": kit.BATCH}
    assert (saved.finals, saved.mended, saved.lost) == (("state/final/memory/rl_gain",), False, ())
    assert warnings_of(saved.path) == []
    assert sorted(item.name for item in tmp_path.iterdir()) == ["run.h5.part", "run.recovered.h5"]
    with h5.open(part) as old, h5.open(saved.path) as new:
        assert new.variables() == old.variables()
        for name in (*old.variables(), "memory"):
            np.testing.assert_equal(new.attributes(name), old.attributes(name))
        for name in old.variables():
            np.testing.assert_array_equal(new[name], old[name])
            assert new[name].dtype == old[name].dtype
            assert new.dims(name) == old.dims(name)
            assert new.dataset(name).compression == old.dataset(name).compression
        assert new.labels("memory.gain", "stimulus") == ("CS", "US")
        np.testing.assert_array_equal(new.final("memory.q"), old.final("memory.q"))
        assert new.trials().equals(old.trials())
        assert new.events().equals(old.events())
        assert new.provenance == old.provenance
        assert new.recipe_text == old.recipe_text
        assert list(new.file["provenance/schemas"]) == list(old.file["provenance/schemas"])
        assert list(new.columns) == list(old.columns)
        assert new.attrs["status_reason"] == (
            "recovered from run.h5.part, whose status was failed: ZeroDivisionError: no"
        )
        *before, line = new.attrs["history"].splitlines()
        assert before == old.attrs["history"].splitlines()
        assert " recovered from run.h5.part by engram " in line


def test_rows_after_the_last_commit_are_left_out(make_writer, kit):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw()
    kit.append(writer, recording, rows, slice(0, 20))
    writer.commit()
    kit.append(writer, recording, rows, slice(20, 50))
    for buffer in recording.buffers.values():
        buffer.flush(50)
    writer._file.close()
    saved = h5.recover(writer.part)
    with h5.open(saved.path) as run:
        assert run.file["recordings/memory/rl_gain/q"].shape[0] == 20
        np.testing.assert_array_equal(run["memory.q"], rows["q"][:20])


def test_without_a_mark_the_shortest_array_decides(golden, tmp_path):
    saved = h5.recover(golden / "ragged_tail.h5", tmp_path / "out.h5")
    assert saved.rows == {"recordings/memory/gain": 32}
    (finding,) = saved.lost
    assert finding.code == "W_INCOMPLETE"
    assert "cut to the 32 rows of the shortest array" in finding.message
    assert warnings_of(saved.path) == []


def test_without_a_mark_time_must_increase(golden, tmp_path):
    saved = h5.recover(golden / "time_not_monotonic.h5", tmp_path / "out.h5")
    with h5.open(saved.path) as run:
        time = run.time("memory.gain")
        assert len(time) == saved.rows["recordings/memory/gain"] == 10
        assert (np.diff(time) > 0).all()
    assert any("time: E_DATA: it does not increase from row 10 of 32 on" in str(item) for item in saved.lost)


@pytest.mark.parametrize("name", ["eof_stale.h5", "open_for_write.h5"])
def test_a_wrong_superblock_is_read_as_it_should_be(golden, tmp_path, name):
    before = digest(golden / name)
    saved = h5.recover(golden / name, tmp_path / "out.h5")
    assert saved.mended
    assert digest(golden / name) == before
    assert warnings_of(saved.path) == []
    if name == "eof_stale.h5":
        with h5.open(golden / "ok_minimal.h5") as sound, h5.open(saved.path) as run:
            for path in sound.variables():
                np.testing.assert_array_equal(run[path], sound[path])
            np.testing.assert_array_equal(run.time("memory.gain"), sound.time("memory.gain"))
            assert run.provenance == sound.provenance


@pytest.mark.parametrize("version", ["earliest", "v108"])
def test_the_superblock_of_a_sound_file_is_right(tmp_path, version):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver=(version, "v108")) as file:
        file["x"] = 1
    superblock = read_superblock(path)
    assert not superblock.is_stale
    if version == "v108":
        assert lookup3(superblock.stored[:44]) == int.from_bytes(superblock.stored[44:], "little")


def test_the_checksum_is_lookup3():
    # Values of the self-test of lookup3.c.
    assert lookup3(b"Four score and seven years ago") == 0x17770551


def damage(part, where, skipped=0):
    """Change a byte of the chunk that begins at a row."""
    name, row = where
    with h5py.File(part, "r") as file:
        dataset = file[name]
        found = []
        dataset.id.chunk_iter(found.append)
        (chunk,) = [item for item in found if item.chunk_offset[0] == row]
    with part.open("r+b") as file:
        file.seek(chunk.byte_offset + skipped)
        old = file.read(1)
        file.seek(chunk.byte_offset + skipped)
        file.write(bytes([old[0] ^ 1]))


@pytest.fixture
def long_part(make_writer):
    """A `.part` whose arrays have several chunks."""
    writer = make_writer()
    variables = [
        h5.Variable("wide", ("unit",), (4000,), "float64", "1", "wide"),
        h5.Variable("slim", (), (), "int32", "1", "slim"),
    ]
    said = {"component": "c", "schema": "s", "schema_version": "1.0.0"}
    made = writer.add_recording("memory", "m", path="memory", attributes=said, every=1, variables=variables)
    step = np.arange(100)
    wide = np.broadcast_to(step[:, None, None] + 1.0, (100, 3, 4000))
    slim = np.broadcast_to(step[:, None] + 1, (100, 3)).astype(np.int32)
    writer.append(made, step, step * 1.0, {"wide": wide, "slim": slim})
    return writer.stop("interrupted", "Ctrl-C")


@pytest.mark.parametrize("block", [1, 16 << 20])
def test_rows_end_before_a_damaged_chunk_and_the_report_says_so(long_part, monkeypatch, block):
    monkeypatch.setattr(intact, "BLOCK_BYTES", block)
    with h5py.File(long_part, "r") as file:
        unit = file["recordings/memory/m/wide"].chunks[0]
    damage(long_part, ("recordings/memory/m/wide", 2 * unit))
    saved = h5.recover(long_part)
    assert saved.rows == {"recordings/memory/m": 2 * unit}
    (finding,) = saved.lost
    assert (finding.code, finding.where) == ("E_DATA", "recordings/memory/m/wide")
    assert f"from row {2 * unit} of 100 on" in finding.message
    assert warnings_of(saved.path) == []
    with h5.open(saved.path) as run:
        assert (run["memory.wide"] == np.arange(1, 2 * unit + 1)[:, None, None]).all()


def test_an_array_without_a_readable_row_is_left_out_and_reported(long_part):
    damage(long_part, ("recordings/memory/m/wide", 0))
    saved = h5.recover(long_part)
    assert saved.rows == {"recordings/memory/m": 100}
    assert [item.where for item in saved.lost] == ["recordings/memory/m/wide"]
    with h5.open(saved.path) as run:
        assert run.variables() == ["memory.slim"]
    assert warnings_of(saved.path) == []


def test_a_chunk_half_written_anew_is_taken_only_where_its_checksum_agrees(long_part):
    with h5py.File(long_part, "r") as file:
        item = file["recordings/memory/m/wide"]
        unit, row = item.chunks[0], 3 * 4000 * 8
    last = 100 // unit * unit
    assert last < 100
    # As a kill leaves it: bytes behind the committed rows are new, the checksum is that of the old version.
    damage(long_part, ("recordings/memory/m/wide", last), skipped=(100 - last) * row)
    with h5py.File(long_part, "r") as file, pytest.raises(OSError, match="filter"):
        file["recordings/memory/m/wide"][last:100]
    saved = h5.recover(long_part)
    assert (saved.rows, saved.lost) == ({"recordings/memory/m": 100}, ())
    with h5.open(saved.path) as run:
        assert (run["memory.wide"] == np.arange(1, 101)[:, None, None]).all()
    damage(long_part, ("recordings/memory/m/wide", last))
    saved = h5.recover(long_part, force=True)
    assert saved.rows == {"recordings/memory/m": last}
    assert [item.where for item in saved.lost] == ["recordings/memory/m/wide"]


def test_chunks_that_were_never_written_are_no_rows(long_part):
    with h5py.File(long_part, "r+") as file:
        for name, item in file["recordings/memory/m"].items():
            if name == "n_rows":
                item[()] = 140
            elif item.maxshape[:1] == (None,):
                item.resize(140, axis=0)
        unit = file["recordings/memory/m/wide"].chunks[0]
    saved = h5.recover(long_part)
    # The time of a row that was never written is 0, or NaN: it does not increase.
    assert saved.rows == {"recordings/memory/m": 100}
    assert {item.where.rpartition("/")[2] for item in saved.lost} >= {"time", "step", "wide"}
    assert any("never written" in item.message for item in saved.lost)
    assert unit < 40


def test_a_file_cut_short_says_what_is_gone(long_part):
    size = long_part.stat().st_size
    with long_part.open("r+b") as file:
        file.truncate(size // 2)
    saved = None
    try:
        saved = h5.recover(long_part)
    except h5.FormatError as error:
        assert "nothing" in str(error)
    assert saved is None or saved.lost


def test_a_missing_group_is_reported(long_part):
    with h5py.File(long_part, "r+") as file:
        del file["provenance"]
    saved = h5.recover(long_part)
    assert [str(item) for item in saved.lost] == ["provenance: E_MISSING: the group is missing"]


def test_what_the_format_does_not_know_is_reported(long_part):
    with h5py.File(long_part, "r+") as file:
        file.create_group("extra")["x"] = 1
        file["soft"] = h5py.SoftLink("/batch")
    saved = h5.recover(long_part)
    assert {item.where: item.code for item in saved.lost} == {"extra": "W_UNKNOWN", "soft": "E_SOFT_LINK"}
    assert warnings_of(saved.path) == []


def refusal(error, *arguments, **options):
    with pytest.raises(error) as caught:
        h5.recover(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_existing_file_is_replaced_only_with_force(long_part):
    out = h5.recover(long_part).path
    before = digest(out)
    assert "exists already" in refusal(h5.OutputExistsError, long_part)
    assert digest(out) == before
    assert h5.recover(long_part, force=True).path == out


def test_the_part_itself_is_never_the_new_file(long_part):
    before = digest(long_part)
    assert "is the file to recover itself" in refusal(h5.OutputError, long_part, long_part, force=True)
    assert digest(long_part) == before


def test_a_complete_file_is_refused(run_path):
    assert "use it as it is" in refusal(h5.OutputError, run_path)
    part = run_path.rename(run_path.with_name("run.h5.part"))
    assert "is complete and sound, there is nothing to recover; rename it to run.h5" in refusal(
        h5.OutputError, part
    )


def test_nothing_committed_is_said(make_writer, kit, tmp_path):
    writer = make_writer()
    kit.record(writer)
    part = writer.stop("interrupted", "Ctrl-C")
    assert "no row was committed" in refusal(h5.FormatError, part)
    assert [item.name for item in tmp_path.iterdir()] == ["run.h5.part"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("not_hdf5.h5", "is no HDF5 file"),
        ("zero_length.h5", "is no HDF5 file"),
        ("absent.h5", "there is no such file"),
        ("future_major.h5", "has format 2.0.0, this engram reads 1.x; upgrade engram"),
    ],
)
def test_a_file_of_another_kind_is_refused(golden, tmp_path, name, text):
    assert text in refusal(h5.FormatError, golden / name, tmp_path / "out.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(long_part, tmp_path):
    assert "does not exist; create it" in refusal(h5.OutputError, long_part, tmp_path / "absent" / "x.h5")


def test_a_run_that_goes_on_is_refused(make_writer, kit):
    writer = make_writer()
    kit.fill(writer)
    done = subprocess.run(
        [sys.executable, "-c", f"import engram_hdf5 as h5; h5.recover({str(writer.part)!r})"],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "is being written; wait until the run has ended" in done.stderr
    writer.complete()


def test_a_full_disk_leaves_nothing_behind(long_part, tmp_path, monkeypatch):
    def refuse(self, nbytes):
        if nbytes:
            raise h5.StorageError("full")

    monkeypatch.setattr(recovery.Room, "check", refuse)
    assert refusal(h5.StorageError, long_part) == "full"
    assert [item.name for item in tmp_path.iterdir()] == ["run.h5.part"]


@pytest.mark.parametrize(
    ("part", "out"), [("a.h5.part", "a.recovered.h5"), ("a.h5", "a.recovered.h5"), ("a", "a.recovered.h5")]
)
def test_the_new_file_has_a_name_of_its_own(part, out):
    assert h5.recovered_path(Path(part)) == Path(out)
