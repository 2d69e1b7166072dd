"""A run kept as segments: files that are never changed once they are there."""

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5

BATCH = 2
LENGTHS = (24, 1, 0, 700, 3, 24, 5000, 13)

WRITER = """
    import sys
    import numpy as np
    import engram_hdf5 as h5

    SAID = {"component": "c", "schema": "s", "schema_version": "1.0.0"}
    V = h5.Variable("v", ("unit",), (40,), "float64", "1", "value")
    N = h5.Variable("n", ("unit",), (40,), "int32", "1", "number")
    TRIAL = h5.ColumnSpec("replica", "int32", "1", "replica"), h5.ColumnSpec("score", "float64", "1", "score")

    def begin(path, **more):
        writer = h5.Writer(
            path, title="t", source="s", run_id="r", columns=[h5.Column("seed", np.arange(2), "1", "seed")],
            batch=2, provenance={"backend": "numpy", "seed": 1}, texts={"config": "", "packages": ""}, **more,
        )
        made = writer.add_recording("memory", "m", path="memory", attributes=SAID, every=1, variables=[V, N])
        return writer, made, writer.add_table("trials", TRIAL)

    def rows(start, stop):
        step = np.arange(start, stop)
        both = np.broadcast_to(step[:, None, None] + 1, (stop - start, 2, 40)).copy()
        return step, step + 1.0, {"v": both * 1.0, "n": both.astype(np.int32)}

    def write(path, lengths, **more):
        writer, made, trials = begin(path, **more)
        start = 0
        for length in lengths:
            writer.append(made, *rows(start, start + length))
            writer.append_rows(trials, {"replica": np.zeros(1, np.int32), "score": np.ones(1)})
            writer.commit()
            start += length
        writer.write_final("memory", "m", step=start, time=1.0, arrays={"v": np.ones((2, 40))}, variables=[V])
        writer.set_provenance(wall_time_s=1.0)
        return writer.complete()
"""
KIT: dict = {}
exec(textwrap.dedent(WRITER), KIT)


def environment(**more):
    roots = [str(Path(h5.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots)), **more}


def child(body, *arguments, **more):
    program = textwrap.dedent(WRITER) + textwrap.dedent(body)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**more))


def check(path, count):
    with h5.open(path) as run:
        want = np.broadcast_to(np.arange(count)[:, None, None] + 1, (count, BATCH, 40))
        np.testing.assert_array_equal(run["memory.v"], want)
        np.testing.assert_array_equal(run["memory.n"], want)
    assert not [item for item in h5.validate(path, data=True) if item.is_error]


def test_a_run_in_segments_ends_as_the_same_file(tmp_path):
    one = KIT["write"](tmp_path / "one.h5", LENGTHS)
    other = KIT["write"](tmp_path / "other.h5", LENGTHS, durability="segments")
    with h5.open(one) as first, h5.open(other) as second:
        same = h5.compare(first, second)
    assert len(same) > 5
    assert all(same.values()), same
    check(other, sum(LENGTHS))
    assert sorted(item.name for item in tmp_path.iterdir()) == ["one.h5", "other.h5"]
    assert other.stat().st_size < 1.2 * one.stat().st_size


def test_what_was_committed_can_be_recovered_while_the_run_goes_on(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    start = 0
    for length in (10, 5000, 17):
        writer.append(made, *KIT["rows"](start, start + length))
        writer.commit()
        start += length
        saved = h5.recover(writer.part, force=True)
        assert saved.rows["recordings/memory/m"] == start
        assert not saved.lost
        check(saved.path, start)
    writer.append(made, *KIT["rows"](start, start + 9))
    check(writer.complete(), start + 9)


def test_segments_are_never_written_to_and_only_the_last_is_replaced(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    before: dict[str, bytes] = {}
    with contextlib.ExitStack() as stack:
        opened = []
        for start in range(0, 30_000, 1000):
            writer.append(made, *KIT["rows"](start, start + 1000))
            writer.commit()
            now = {item.name: item.read_bytes() for item in sorted(writer.part.glob("*.h5"))}
            assert now.items() >= dict(list(before.items())[:-1]).items()
            before = now
            last = writer.part / max(now)
            opened.append((stack.enter_context(last.open("rb")), now[last.name]))
        writer.commit()
        assert {item.name: item.read_bytes() for item in writer.part.glob("*.h5")} == before
        writer.stop("interrupted", "Ctrl-C")
        assert 2 < len(before) < 10
        assert all(file.read() == content for file, content in opened)


def test_a_slow_run_does_not_fill_the_disk_with_chunks_that_are_not_full(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    for start in range(0, 5000, 100):
        writer.append(made, *KIT["rows"](start, start + 100))
        writer.commit()
        check(h5.recover(writer.part, force=True).path, start + 100)
    kept = sum(item.stat().st_size for item in writer.part.iterdir())
    path = writer.complete()
    assert kept < 2 * path.stat().st_size
    check(path, 5000)


def test_a_segment_replaced_while_it_is_joined_is_joined_as_it_is_then(tmp_path, monkeypatch):
    writer, made, trials = KIT["begin"](tmp_path / "run.h5", durability="segments")
    writer.append(made, *KIT["rows"](0, 20_000))
    writer.commit()
    writer.append_rows(trials, {"replica": np.zeros(1, np.int32), "score": np.ones(1)})
    writer.commit()
    assert len(list(writer.part.glob("*.h5"))) == 2
    copy = shutil.copyfile

    def late(source, target):
        writer.append(made, *KIT["rows"](20_000, 20_100))
        writer.commit()
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", late)
    check(h5.recover(writer.part).path, 20_100)
    writer.stop("interrupted", "Ctrl-C")


def test_stop_leaves_the_segments_with_the_reason(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    writer.append(made, *KIT["rows"](0, 30))
    part = writer.stop("interrupted", "Ctrl-C at step 30")
    saved = h5.recover(part)
    check(saved.path, 30)
    with h5.open(saved.path) as run:
        assert run.status == "interrupted"
        assert "Ctrl-C at step 30" in run.attrs["status_reason"]


def test_the_structure_may_grow_after_rows(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    writer.append(made, *KIT["rows"](0, 30))
    later = writer.add_recording(
        "task", "t", path="task", attributes=KIT["SAID"], every=1, variables=[KIT["V"], KIT["N"]]
    )
    writer.append(made, *KIT["rows"](30, 50))
    writer.append(later, *KIT["rows"](0, 7))
    path = writer.complete()
    check(path, 50)
    with h5.open(path) as run:
        assert len(run["task.v"]) == 7


def test_a_damaged_segment_costs_only_the_rows_from_it_on(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    for start in range(0, 50_000, 10_000):
        writer.append(made, *KIT["rows"](start, start + 10_000))
        writer.commit()
    writer.stop("interrupted", "Ctrl-C")
    (writer.part / "000003.h5").write_bytes(b"no HDF5")
    saved = h5.recover(writer.part)
    check(saved.path, 30_000)
    assert [item.code for item in saved.lost] == ["E_MISSING"]
    (writer.part / "000003.h5").unlink()
    check(h5.recover(writer.part, force=True).path, 30_000)


def test_a_segment_with_a_damaged_chunk_costs_only_its_rows(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    for start in range(0, 30_000, 10_000):
        writer.append(made, *KIT["rows"](start, start + 10_000))
        writer.commit()
    writer.stop("interrupted", "Ctrl-C")
    victim = writer.part / "000001.h5"
    with h5py.File(victim) as file:
        chunk = file["recordings/memory/m/v"].id.get_chunk_info(0)
    data = bytearray(victim.read_bytes())
    data[chunk.byte_offset + 100] ^= 0xFF
    victim.write_bytes(bytes(data))
    saved = h5.recover(writer.part)
    assert 0 < saved.rows["recordings/memory/m"] < 30_000
    check(saved.path, saved.rows["recordings/memory/m"])
    assert "E_DATA" in [item.code for item in saved.lost]


def test_a_second_writer_is_refused_while_the_first_goes_on(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    writer.append(made, *KIT["rows"](0, 30))
    writer.commit()
    body = """
        try:
            begin(sys.argv[1], durability=sys.argv[2], force=True)
        except h5.OutputError as error:
            print(error)
    """
    for durability in ("segments", "flush"):
        with child(body, tmp_path / "run.h5", durability) as other:
            assert "a run is writing it" in other.stdout.read()
    check(writer.complete(), 30)


@pytest.mark.parametrize(("first", "then"), [("segments", "flush"), ("flush", "segments"), ("segments",) * 2])
def test_what_an_unfinished_run_left_is_replaced_only_with_force(tmp_path, first, then):
    path = tmp_path / "run.h5"
    KIT["begin"](path, durability=first)[0].stop("interrupted", "Ctrl-C")
    with pytest.raises(h5.OutputExistsError, match="unfinished run"):
        KIT["begin"](path, durability=then)
    check(KIT["write"](path, (30,), durability=then, force=True), 30)


def test_a_folder_that_holds_no_segments_is_left_alone(tmp_path):
    (tmp_path / "run.h5.part").mkdir()
    (tmp_path / "run.h5.part" / "thesis.txt").write_text("mine")
    with pytest.raises(h5.OutputError, match="is a folder"):
        KIT["begin"](tmp_path / "run.h5", durability="segments", force=True)
    assert (tmp_path / "run.h5.part" / "thesis.txt").read_text() == "mine"


def test_a_file_of_someone_else_among_the_segments_stays_and_harms_no_run(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    writer.append(made, *KIT["rows"](0, 30))
    (writer.part / ".DS_Store").write_text("mine")
    check(writer.complete(), 30)
    assert [item.name for item in writer.part.iterdir()] == [".DS_Store"]


@pytest.mark.parametrize("locked", ["run.h5.part", "run.h5.part/lock"])
def test_segments_that_may_not_be_replaced_are_refused_in_one_line(tmp_path, monkeypatch, locked):
    KIT["begin"](tmp_path / "run.h5", durability="segments")[0].stop("interrupted", "Ctrl-C")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / locked and access(path, mode))
    with pytest.raises(h5.OutputError, match=r"run\.h5\.part: is not writable; change its permissions"):
        KIT["begin"](tmp_path / "run.h5", durability="segments", force=True)


def test_a_folder_is_no_file_to_open_or_to_check(tmp_path):
    writer, made, _ = KIT["begin"](tmp_path / "run.h5", durability="segments")
    writer.append(made, *KIT["rows"](0, 30))
    part = writer.stop("interrupted", "Ctrl-C")
    with pytest.raises(h5.FormatError, match="makes one file"):
        h5.open(part)
    assert [item.code for item in h5.judge(part)] == ["E_OPEN"]
