"""Runs as NWB files: read with pynwb, compared with the run file bit for bit."""

import sys

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5

pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed: pip install 'engram[nwb]'")


@pytest.fixture
def read():
    """`read(path)`: what an NWB file holds, open until the test ends."""
    files = []

    def content(path):
        files.append(pynwb.NWBHDF5IO(path, "r"))
        return files[-1].read()

    yield content
    for file in files:
        file.close()


@pytest.fixture
def export(read):
    """`export(path, 1)`: what the NWB file of a replica holds, found valid."""

    def content(path, replica=0, **settings):
        (made,) = h5.export_nwb(path, replicas=[replica], **settings)
        assert pynwb.validate(path=str(made)) == []
        return read(made)

    return content


@pytest.fixture
def recorded(make_writer, kit):
    """`recorded(rows)`: the file of a run that recorded these rows, and no tables."""

    def make(rows, **changes):
        writer = make_writer()
        kit.append(writer, kit.record(writer, **changes), rows)
        return writer.complete()

    return make


def bits(array):
    return np.asarray(array).tobytes()


def test_every_value_of_every_replica_reads_back_bit_for_bit(recorded, kit, export):
    rows = kit.draw()
    rows["gain"][3:5] = np.array([0x7FC01234, 0x80000000], np.uint32).view(np.float32)
    path = recorded(rows)
    for replica in range(kit.BATCH):
        series = export(path, replica).processing["memory"].data_interfaces
        for name in ("gain", "spikes", "awake", "q"):
            data = series[f"rl_gain__{name}"].data[:]
            assert bits(data) == bits(rows[name][:, replica])
            assert data.shape == rows[name][:, replica].shape
        assert series["rl_gain__gain"].data.dtype == np.float32
        assert series["rl_gain__spikes"].data.dtype == np.int16


def test_truth_values_of_a_series_are_numbers_with_their_meaning(run_path, export):
    awake = export(run_path).processing["memory"]["rl_gain__awake"]
    assert awake.data.dtype == np.int8
    assert awake.description == "whether awake; codes: 0 false, 1 true"


def test_units_texts_axes_and_labels_are_kept(run_path, export):
    gain = export(run_path).processing["memory"]["rl_gain__gain"]
    assert (gain.unit, gain.description) == ("mV", "sensory gain")
    assert gain.comments == "memory rl-gain; a row every 10 steps; axes: time, stimulus; stimulus: CS, US"


def test_entries_that_were_kept_are_named(recorded, kit, export):
    rows = {name: kit.draw()[name] for name in ("step", "time", "spikes")}
    some = h5.Variable("spikes", ("unit",), (4,), "int16", "1", "count", entries={"unit": (0, 3, 5, 90)})
    spikes = export(recorded(rows, variables=[some])).processing["memory"]["rl_gain__spikes"]
    assert spikes.comments.endswith("axes: time, unit; unit kept: 0, 3, 5, 90")


def test_more_axes_than_nwb_allows_become_one_and_are_noted(recorded, kit, export):
    rows = {name: kit.draw()[name] for name in ("step", "time")}
    rows["w"] = np.random.default_rng(1).random((kit.ROWS, kit.BATCH, 2, 3, 4, 5))
    deep = h5.Variable("w", ("a", "b", "c", "d"), (2, 3, 4, 5), "float64", "1", "weight")
    w = export(recorded(rows, variables=[deep]), 2).processing["memory"]["rl_gain__w"]
    assert w.data.shape == (kit.ROWS, 120)
    assert bits(w.data[:]) == bits(rows["w"][:, 2])
    assert w.comments.endswith("flattened in C order from (a 2, b 3, c 4, d 5)")


def test_regular_rows_have_a_start_and_a_rate(recorded, kit, export):
    rows = kit.draw()
    rows["time"] = (3 + np.arange(kit.ROWS)) * 0.1
    gain = export(recorded(rows)).processing["memory"]["rl_gain__gain"]
    assert (gain.starting_time, gain.rate, gain.timestamps) == (rows["time"][0], 10.0, None)


def test_rows_that_are_not_regular_have_all_their_times(recorded, kit, export):
    rows = kit.draw()
    rows["time"][20:] += 1e-3
    gain = export(recorded(rows)).processing["memory"]["rl_gain__gain"]
    assert gain.rate is None
    assert bits(gain.timestamps[:]) == bits(rows["time"])


def test_a_single_row_has_its_time(recorded, kit, export):
    rows = {name: values[4:5] for name, values in kit.draw().items()}
    gain = export(recorded(rows)).processing["memory"]["rl_gain__gain"]
    assert gain.timestamps[:] == [4.0]


def test_milliseconds_become_seconds(run_path, export):
    with h5py.File(run_path, "r+") as file:
        file["recordings/memory/rl_gain/time"].attrs["units"] = "ms"
        file["events/time"].attrs["units"] = "ms"
    content = export(run_path)
    assert content.processing["memory"]["rl_gain__gain"].rate == 1000
    assert content.events["events"]["timestamp"][:] == [0.0005]


def test_a_recording_without_rows_stays_without(make_writer, kit, export):
    writer = make_writer()
    kit.record(writer)
    q = export(writer.complete()).processing["memory"]["rl_gain__q"]
    assert q.data.shape == (0, 2, 3)


def test_the_rows_of_one_replica_are_read_block_by_block(recorded, kit, export, monkeypatch):
    from engram_hdf5 import neurodata

    blocks = []
    plain = neurodata.read_values

    def spy(dataset, length=None, part=None):
        values = plain(dataset, length, part)
        if dataset.name.endswith("/v"):
            blocks.append(values)
        return values

    monkeypatch.setattr(neurodata, "read_values", spy)
    count = 5000
    rows = {"step": np.arange(count), "time": np.arange(count) * 0.1}
    rows["v"] = np.random.default_rng(1).random((count, kit.BATCH, 200))
    wide = h5.Variable("v", ("unit",), (200,), "float64", "mV", "potential")
    v = export(recorded(rows, variables=[wide]), 1).processing["memory"]["rl_gain__v"]
    assert bits(v.data[:]) == bits(rows["v"][:, 1])
    assert max(block.nbytes for block in blocks) <= 2 << 20
    assert sum(len(block) for block in blocks) == count


def test_the_trials_are_those_of_the_replica_with_every_column(make_writer, read):
    columns = [
        h5.ColumnSpec("replica", "int32", "1", "index along batch"),
        h5.ColumnSpec("start_time", "float64", "s", "first step"),
        h5.ColumnSpec("stop_time", "float64", "s", "last step"),
        h5.ColumnSpec("return_", "float64", "mV", "sum of rewards"),
        h5.ColumnSpec("outcome", "int8", "1", "outcome", {0: "miss", 1: "hit"}),
        h5.ColumnSpec("truncated", "bool", "1", "cut short"),
        h5.ColumnSpec("name", "int32", "1", "a name that NWB uses otherwise"),
    ]
    writer = make_writer()
    table = writer.add_table("trials", columns)
    replica = np.array([0, 1, 0, 1, 1], np.int32)
    start = np.arange(5) / 3
    values = {"start_time": start, "stop_time": start + 0.1, "return_": start * 7}
    codes = {"outcome": replica.astype(np.int8), "truncated": start > 1, "name": replica + 5}
    writer.append_rows(table, {"replica": replica, **values, **codes})
    paths = h5.export_nwb(writer.complete())
    assert [pynwb.validate(path=str(path)) for path in paths] == [[], [], []]
    trials = read(paths[1]).trials
    for name, column in values.items():
        assert bits(trials[name][:]) == bits(column[replica == 1])
    assert trials["outcome"][:].tolist() == [1, 1, 1]
    assert trials["truncated"][:].tolist() == [False, False, True]
    assert trials["name_"][:].tolist() == [6, 6, 6]
    assert trials["return_"].description == "sum of rewards [mV]"
    assert trials["outcome"].description == "outcome; codes: 0 miss, 1 hit"
    assert read(paths[2]).trials is None


def test_trials_without_times_become_a_plain_table(run_path, export):
    trials = export(run_path, 1).processing["run"]["trials"]
    assert trials["outcome"][:].tolist() == [1]


@pytest.fixture
def spiking(make_writer):
    """A run with the events of two sources, in no order of units."""
    writer = make_writer(texts={"config": "[run]\ndt = 0.1\n", "packages": "{}"})
    columns = [
        h5.ColumnSpec("time", "float64", "s", "time"),
        h5.ColumnSpec("replica", "int32", "1", "index along batch"),
        h5.ColumnSpec("unit", "int32", "1", "unit that fired"),
        h5.ColumnSpec("source", "int8", "1", "population", {0: "hidden", 1: "output"}),
    ]
    table = writer.add_table("events", columns)
    rows = np.array([(0.1, 0, 3, 0), (0.2, 0, 3, 1), (0.2, 1, 3, 0), (0.3, 0, 1, 0), (0.4, 0, 3, 0)])
    kinds = {"time": float, "replica": np.int32, "unit": np.int32, "source": np.int8}
    writer.append_rows(table, {name: rows[:, i].astype(kinds[name]) for i, name in enumerate(kinds)})
    return writer.complete()


def test_the_events_of_a_replica_are_a_table_of_events(spiking, export):
    events = export(spiking).events["events"]
    assert bits(events["timestamp"][:]) == bits([0.1, 0.2, 0.3, 0.4])
    assert events["unit"][:].tolist() == [3, 3, 1, 3]
    assert events["source"][:].tolist() == [0, 1, 0, 0]
    assert events["source"].description == "population; codes: 0 hidden, 1 output"


def test_events_of_units_are_spike_times_too(spiking, export):
    units = export(spiking).units
    found = [(units["source"][i], int(units["unit"][i]), list(units["spike_times"][i])) for i in range(3)]
    assert found == [("hidden", 1, [0.3]), ("hidden", 3, [0.1, 0.4]), ("output", 3, [0.2])]
    assert len(units) == 3
    assert units.resolution == 0.1


def test_a_replica_without_events_has_no_table_of_them(spiking, export):
    content = export(spiking, 2)
    assert (dict(content.events), content.units) == ({}, None)


def test_the_final_state_is_a_row_for_each_component(run_path, export):
    final = export(run_path, 2).processing["final_state"]["memory__rl_gain"]
    assert final["q"][:].tolist() == [[1, 1]]
    assert final["q"][:].dtype == np.float32
    assert final["q"].description == "action value; axes: row, stimulus"
    assert final.description.startswith("state at step 490, 49.0 s")


def test_seed_swept_parameters_and_provenance_are_in_the_file(run_path, export):
    content = export(run_path, 2)
    values = content.processing["run"]["replica"]
    assert (values["seed"][0], values["memory_alpha"][0], values["batch"][0]) == (2, 0.3, 2)
    assert values["memory_alpha"].description == "memory.alpha: learning rate"
    assert "replica 2 of 3 (seed = 2, memory.alpha = 0.3)" in content.session_description
    assert (content.identifier, content.session_id) == ("run-1-b002", "run-1")
    assert content.source_script == "[run]\nsteps = 50\n"
    assert "backend: numpy" in content.notes
    assert list(content.keywords) == ["simulation", "rl-gain"]
    with h5.open(run_path) as run:
        assert f"{content.session_start_time:%Y-%m-%dT%H:%M:%SZ}" == run.attrs["date_created"]


def test_subject_and_credit_are_what_the_caller_says(run_path, export):
    fly = h5.Subject(id="fly", species="Drosophila melanogaster", sex="F", age="P3D")
    credit = h5.Credit(("Doe, Jane", "Roe, Richard"), "An institute")
    content = export(run_path, 1, subject=fly, credit=credit)
    said = content.subject
    assert (said.subject_id, said.species, said.sex) == ("fly-b001", "Drosophila melanogaster", "F")
    assert (said.age, content.institution) == ("P3D", "An institute")
    assert tuple(content.experimenter) == ("Doe, Jane", "Roe, Richard")


def test_all_replicas_are_written_beside_the_run_and_chosen_ones_elsewhere(run_path, tmp_path):
    assert h5.export_nwb(run_path) == tuple(tmp_path / f"run-b00{n}.nwb" for n in range(3))
    other = tmp_path / "other"
    other.mkdir()
    assert h5.export_nwb(run_path, other, replicas=[2, 0, 2]) == (
        other / "run-b002.nwb",
        other / "run-b000.nwb",
    )
    assert sorted(item.name for item in other.iterdir()) == ["run-b000.nwb", "run-b002.nwb"]


@pytest.mark.parametrize("replica", [-1, 3])
def test_a_replica_that_is_not_there_is_refused(run_path, replica):
    with pytest.raises(h5.UnknownNameError, match=f"has no replica {replica}; it has 0 to 2"):
        h5.export_nwb(run_path, replicas=[replica])


def test_an_existing_file_is_kept_and_no_other_written_unless_forced(run_path, tmp_path):
    old = tmp_path / "run-b001.nwb"
    old.write_text("old")
    with pytest.raises(h5.OutputExistsError, match=r"run-b001.nwb: exists already"):
        h5.export_nwb(run_path)
    assert [item.name for item in tmp_path.glob("*.nwb")] == ["run-b001.nwb"]
    h5.export_nwb(run_path, force=True)
    assert pynwb.validate(path=str(old)) == []


def test_a_missing_folder_is_refused(run_path, tmp_path):
    with pytest.raises(h5.OutputError, match="the folder .* does not exist"):
        h5.export_nwb(run_path, tmp_path / "absent")


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), RuntimeError("flush failed")])
def test_a_file_that_cannot_be_written_leaves_nothing_and_keeps_the_old(
    run_path, tmp_path, monkeypatch, failure
):
    def fail(self, *args, **kwargs):
        raise failure

    old = tmp_path / "run-b000.nwb"
    old.write_text("old")
    monkeypatch.setattr(pynwb.NWBHDF5IO, "write", fail)
    with pytest.raises(h5.StorageError, match="could not be written"):
        h5.export_nwb(run_path, force=True)
    assert [item.name for item in tmp_path.glob("*.nwb")] == ["run-b000.nwb"]
    assert old.read_text() == "old"


def test_damaged_data_are_said_to_be_in_the_run_file(run_path, tmp_path):
    with h5py.File(run_path) as file:
        place = file["recordings/memory/rl_gain/q"].id.get_chunk_info(0).byte_offset
    with run_path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 64)
    with pytest.raises(h5.FormatError, match="/recordings/memory/rl_gain/q: damaged data"):
        h5.export_nwb(run_path)
    assert list(tmp_path.glob("*.nwb")) == []


def test_of_a_part_the_committed_rows_are_written(make_writer, kit, export, tmp_path):
    writer = make_writer()
    rows = kit.draw()
    recording = kit.record(writer)
    kit.append(writer, recording, rows, slice(30))
    writer.commit()
    kit.append(writer, recording, rows, slice(30, None))
    writer.stop("interrupted", "stopped")
    with h5py.File(tmp_path / "run.h5.part", "r+") as file:
        file["recordings/memory/rl_gain/n_rows"][()] = 30
    content = export(tmp_path / "run.h5.part", 1)
    q = content.processing["memory"]["rl_gain__q"]
    assert bits(q.data[:]) == bits(rows["q"][:30, 1])
    assert content.session_description.endswith(", interrupted")
    assert (tmp_path / "run-b001.nwb").exists()


def test_names_of_many_replicas_sort(make_writer, kit):
    writer = make_writer(batch=1001, columns=[])
    assert h5.export_nwb(writer.complete(), replicas=[7])[0].name == "run-b0007.nwb"


def test_a_date_that_is_none_is_said(run_path):
    with h5py.File(run_path, "r+") as file:
        file.attrs["date_created"] = "yesterday"
    with pytest.raises(h5.FormatError, match="date_created is 'yesterday', no date"):
        h5.export_nwb(run_path)


@pytest.mark.parametrize("where", ["recordings/memory/rl_gain/time", "trials/replica", "events/time"])
def test_what_is_missing_in_the_run_file_is_named(run_path, where):
    with h5py.File(run_path, "r+") as file:
        del file[where]
    group, _, name = where.rpartition("/")
    with pytest.raises(h5.FormatError, match=f"{group}: has no {name}"):
        h5.export_nwb(run_path)


def test_axes_without_names_are_refused(run_path):
    with h5py.File(run_path, "r+") as file:
        q = file["recordings/memory/rl_gain/q"]
        q.dims[2].detach_scale(file["recordings/memory/rl_gain/stimulus"])
    with pytest.raises(h5.FormatError, match="q: its dimensions have no names"):
        h5.export_nwb(run_path)


def test_without_pynwb_one_line_says_what_to_install(run_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    monkeypatch.delitem(sys.modules, "engram_hdf5.neurodata", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'engram\[nwb\]'"):
        h5.export_nwb(run_path)
