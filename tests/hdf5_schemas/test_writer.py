import h5py
import numpy as np
import pytest

import engram_hdf5 as h5
from engram_hdf5.netcdf import chunk_shape, fixed_chunk_shape


def datasets(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None
        )
        return {
            name: (
                item.chunks,
                item.dtype,
                np.asarray(item[()]).tobytes() if item.dtype.kind != "O" else item[()],
            )
            for name, item in found.items()
        }


@pytest.mark.parametrize("cut", [1, 7, 16, 49, 50])
@pytest.mark.parametrize("commit", [False, True])
def test_content_does_not_depend_on_how_rows_arrive(make_writer, kit, cut, commit):
    # Rows of 192 KiB: chunks hold 16 rows, so that 50 rows fill three chunks and begin a fourth.
    wide = h5.Variable("w", ("pre", "post"), (128, 128), "float32", "1", "weight")
    values = np.random.default_rng(1).standard_normal((50, 3, 128, 128)).astype(np.float32)
    step = np.arange(50)

    def write(name, size, every_commit):
        writer = make_writer(name)
        recording = kit.record(writer, variables=[wide])
        for start in range(0, 50, size):
            part = slice(start, start + size)
            writer.append(recording, step[part], step[part] * 0.1, {"w": values[part]})
            if every_commit:
                writer.commit()
        return datasets(writer.complete())

    whole, cut_up = write("whole.h5", 50, False), write("cut.h5", cut, commit)
    assert whole["recordings/memory/rl_gain/w"][0][0] == 16
    assert whole["recordings/memory/rl_gain/w"][2] == values.tobytes()
    assert cut_up == whole


def test_chunks_hold_about_two_mebibytes_within_bounds():
    assert chunk_shape((), 1)[0] == 4096
    assert chunk_shape((64, 32), 4) == (256, 64, 32)
    assert chunk_shape((512, 512), 4)[0] == 16
    assert fixed_chunk_shape((3, 2), 4) == (3, 2)


def test_no_chunk_passes_what_the_validator_calls_a_bomb():
    for row in [(1000, 400, 400), (1, 20_000, 20_000), (1_000_000,), (2**26,)]:
        chunk = chunk_shape(row, 8)
        assert 8 * np.prod(chunk, dtype=float) <= 32 << 20, row
        assert all(size >= 1 for size in chunk)


def test_every_chunked_dataset_has_a_checksum_and_floats_are_not_compressed(run_path):
    with h5py.File(run_path) as file:
        group = file["recordings/memory/rl_gain"]
        for name in ("time", "step", "gain", "spikes", "awake", "q"):
            assert group[name].fletcher32, name
        assert file["trials/trial"].fletcher32
        assert file["seed"].fletcher32
        assert group["gain"].compression is None
        assert (group["spikes"].compression, group["spikes"].compression_opts) == ("gzip", 1)
        assert group["spikes"].shuffle
        assert np.isnan(group["gain"].fillvalue)


def test_compression_follows_the_declaration(make_writer, kit):
    writer = make_writer()
    variables = [
        h5.Variable("trace", (), (), "float32", "1", "sparse trace", compress="gzip"),
        h5.Variable("count", (), (), "int32", "1", "count", compress="none"),
    ]
    kit.record(writer, variables=variables)
    with h5py.File(writer.complete()) as file:
        assert file["recordings/memory/rl_gain/trace"].compression == "gzip"
        assert file["recordings/memory/rl_gain/count"].compression is None


def test_file_follows_the_oldest_format_and_keeps_the_order_of_creation(run_path):
    with h5py.File(run_path) as file:
        # The superblock's version: 2 came with HDF5 1.8, 3 with 1.10.
        assert run_path.read_bytes()[8] == 2
        assert list(file["recordings/memory/rl_gain"])[:2] == ["time", "step"]
        for path in ("/", "recordings", "recordings/memory", "state/final", "trials", "provenance"):
            order = file[path].id.get_create_plist().get_link_creation_order()
            assert order & h5py.h5p.CRT_ORDER_TRACKED, path


def test_units_and_names_of_all_arrays_are_in_the_file(run_path):
    with h5py.File(run_path) as file:
        gain = file["recordings/memory/rl_gain/gain"]
        assert (gain.attrs["units"], gain.attrs["long_name"]) == ("mV", "sensory gain")
        assert [dim[0].name for dim in gain.dims] == [
            "/recordings/memory/rl_gain/time",
            "/batch",
            "/recordings/memory/rl_gain/stimulus",
        ]
        assert file["recordings/memory/rl_gain/stimulus"].attrs["labels"] == "CS US"
        assert file["recordings/memory/rl_gain/awake"].dtype == np.int8
        assert file["recordings/memory/rl_gain/awake"].attrs["flag_meanings"] == "false true"
        assert file["recordings/memory/rl_gain"].attrs["record_every"] == 10
        assert file["trials/outcome"].attrs["flag_meanings"] == "miss hit"
        assert file["memory_alpha"].attrs["path"] == "memory.alpha"
        assert file["provenance"].attrs["git_dirty"].dtype == np.int8


def test_structure_is_on_the_disk_before_the_first_row(make_writer, kit):
    writer = make_writer()
    kit.record(writer)
    copy = writer.part.with_name("copy.h5")
    copy.write_bytes(writer.part.read_bytes())
    with h5.open(copy) as run:
        assert "memory.gain" in run
        assert run.status == "running"
        assert run["memory.gain"].shape == (0, kit.BATCH, 2)
    writer.stop("interrupted", "end of the test")


def test_only_committed_rows_count(make_writer, kit):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw(5000)
    kit.append(writer, recording, rows, slice(0, 30))
    writer.commit()
    kit.append(writer, recording, rows, slice(30, 5000))
    copy = writer.part.with_name("copy.h5")
    copy.write_bytes(writer.part.read_bytes())
    with h5.open(copy) as run:
        np.testing.assert_array_equal(run["memory.gain"], rows["gain"][:30])
        assert len(run.time("memory")) == 30
    writer.stop("interrupted", "end of the test")


def test_a_commit_flushes_rows_before_it_counts_them(make_writer, kit, monkeypatch):
    writer = make_writer()
    recording = kit.record(writer)
    kit.append(writer, recording, kit.draw())
    seen = []
    flush = writer._file.flush

    def watch():
        seen.append((int(recording.mark[()]), len(recording.buffers["q"].dataset)))
        flush()

    monkeypatch.setattr(writer._file, "flush", watch)
    writer.commit()
    assert seen == [(0, kit.ROWS), (kit.ROWS, kit.ROWS)]
    assert (recording.length, recording.committed) == (kit.ROWS, kit.ROWS)
    monkeypatch.undo()
    writer.stop("interrupted", "end of the test")


def test_a_packed_chunk_that_is_written_again_stays_unpacked_in_its_place(make_writer, kit):
    # Rows of 192 KiB: chunks hold 16 rows. Packed, the small numbers would take another length each time.
    count = h5.Variable("n", ("pre", "post"), (128, 128), "int32", "1", "number of spikes")
    values = np.random.default_rng(1).integers(0, 99, (48, 3, 128, 128)).astype(np.int32)
    writer = make_writer(durability="flush")
    recording = kit.record(writer, variables=[count])
    copy = writer.part.with_name("copy.h5")

    def chunks_after(start, stop):
        """Where each chunk begins in the file, its length and the filters it does without."""
        step = np.arange(start, stop)
        writer.append(recording, step, step * 0.1, {"n": values[start:stop]})
        writer.commit()
        copy.write_bytes(writer.part.read_bytes())
        with h5.open(copy) as run:
            np.testing.assert_array_equal(run["memory.n"], values[:stop])
        with h5py.File(copy) as file:
            stored = file["recordings/memory/rl_gain/n"].id
            found = map(stored.get_chunk_info, range(stored.get_num_chunks()))
            return [(item.byte_offset, item.size, item.filter_mask) for item in found]

    seen = [chunks_after(start, start + 3) for start in range(0, 18, 3)]
    first, second = seen[-1]
    unpacked = 16 * values[0].nbytes + 4
    assert first[1:] == second[1:] == (unpacked, 0b011)
    # Also when it is full, after 16 rows.
    assert seen == [[first]] * 5 + [[first, second]]
    # The second chunk was begun unpacked; the third fills between two commits.
    *begun, third = chunks_after(18, 48)
    assert begun == [first, second]
    assert third[1] < unpacked and third[2] == 0
    writer.complete()


def test_recordings_at_different_rates_live_side_by_side(make_writer, kit):
    writer = make_writer()
    rows = kit.draw()
    fast, slow = (
        kit.record(writer),
        kit.record(writer, name="hidden_output", path="memory.hidden_output", every=20),
    )
    kit.append(writer, fast, rows)
    kit.append(writer, slow, rows, slice(0, None, 2))
    with h5.open(writer.complete()) as run:
        np.testing.assert_array_equal(run["memory.gain"], rows["gain"])
        np.testing.assert_array_equal(run["memory.hidden_output.gain"], rows["gain"][::2])
        np.testing.assert_array_equal(run.step("memory.hidden_output"), rows["step"][::2])
        assert run.attributes("memory.hidden_output")["record_every"] == 20


def test_arrays_may_be_reused_after_append(make_writer, kit):
    writer = make_writer()
    recording, rows = kit.record(writer), kit.draw()
    kept = rows["gain"].copy()
    kit.append(writer, recording, rows)
    rows["gain"][...] = 0
    with h5.open(writer.complete()) as run:
        np.testing.assert_array_equal(run["memory.gain"], kept)


def test_writer_completes_as_a_context_manager(make_writer, kit):
    with make_writer() as writer:
        kit.fill(writer)
    assert writer.path.exists()
    assert not writer.part.exists()
    assert not writer.is_open


def test_writer_marks_a_failed_run_as_a_context_manager(make_writer, kit):
    with pytest.raises(ValueError, match="boom"), make_writer() as writer:
        kit.fill(writer)
        raise ValueError("boom")
    assert not writer.path.exists()
    with h5.open(writer.part) as run:
        assert (run.status, run.attrs["status_reason"]) == ("failed", "ValueError: boom")
        assert len(run["memory.gain"]) == kit.ROWS


def test_a_closed_writer_refuses_rows_and_stops_quietly(make_writer, kit):
    writer = make_writer()
    recording = kit.fill(writer)
    writer.complete()
    with pytest.raises(h5.OutputError, match="is closed"):
        writer.commit()
    rows = kit.draw(100)
    with pytest.raises(h5.OutputError, match="is closed"):
        kit.append(writer, recording, rows, slice(50, 100))
    writer.stop("failed", "too late")
    with h5.open(writer.path) as run:
        assert run.status == "complete"


def test_schemas_whose_names_differ_in_signs_only_are_all_kept(make_writer):
    text = 'name = "{}"\nversion = "1.0.0"\n'
    path = make_writer(schemas={name: text.format(name) for name in ("a-b", "a.b", "1a")}).complete()
    with h5py.File(path) as file:
        kept = {item.attrs["schema"] for item in file["provenance/schemas"].values()}
    assert kept == {"engram-run", "a-b", "a.b", "1a"}
    assert h5.validate(path) == []


@pytest.mark.parametrize(("reason", "kept"), [("a\0b", "a\ufffdb"), ("name \udcff", "name ?")])
def test_a_reason_of_any_characters_is_kept(make_writer, reason, kept):
    part = make_writer().stop("failed", reason)
    with h5.open(part) as run:
        assert run.status == "failed" and run.attrs["status_reason"] == kept


def test_a_final_state_that_cannot_be_stored_is_known_beforehand(make_writer):
    writer = make_writer()
    good = h5.Variable("w", ("pre", "post"), (2, 3), "float32", "1", "weights")
    writer.check_final("memory", "net", [good])
    writer.check_final("memory", "net", [good])
    with pytest.raises(h5.OutputError, match="'step' is taken"):
        writer.check_final("memory", "net", [good, h5.Variable("step", (), (), "int32", "1", "steps")])
    assert writer.is_open


def test_an_abandoned_file_is_gone(make_writer):
    writer = make_writer()
    writer.abandon()
    assert not writer.part.exists() and not writer.is_open
