"""Files that crash, hang or exhaust HDF5 are judged by a child; the parent only hears of it."""

import json
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import engram_hdf5 as h5
from engram_hdf5.isolation import messages
from engram_hdf5.judging import MOST_FINDINGS

EXPECTED = json.loads((Path(__file__).parent.parent / "golden" / "hdf5" / "expected.json").read_text())
posix = pytest.mark.skipif(sys.platform != "linux", reason="no such limits here")
CHILD = """
import ctypes, os, resource, sys, time
from engram_hdf5.confinement import answer

def work(request, alive):
    yield {"n": 1}
    BODY
    yield {"n": 2}

answer(work)
"""


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Runs a child with this body; gives its messages and how it ended: a code and a text."""

    def run(body: str, **limits):
        (tmp_path / "odd_child.py").write_text(CHILD.replace("BODY", body))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
        got = []
        try:
            for message in messages("odd_child", "x.h5", h5.Limits(**limits)):
                got.append(message["n"])
        except h5.FormatError as error:
            return got, error.code, str(error)
        return got, "", ""

    return run


@pytest.mark.parametrize("name", EXPECTED)
def test_a_child_finds_what_the_validator_finds(golden, name):
    assert h5.judge(golden / name) == h5.validate(golden / name, data=True)


def test_a_damaged_chunk_is_found_only_where_the_data_are_read(golden):
    assert h5.judge(golden / "bitflip_chunk.h5", data=False) == []
    assert [finding.code for finding in h5.judge(golden / "bitflip_chunk.h5")] == ["E_DATA"]


def test_a_child_that_ends_well_says_all(ask):
    assert ask("pass") == ([1, 2], "", "")


@posix
def test_a_crash_keeps_what_was_said_before(ask):
    said, code, text = ask("ctypes.string_at(0)")
    assert (said, code) == ([1], "E_CRASH")
    assert text == "x.h5: HDF5 crashed on it (SIGSEGV); do not open it, get it again"


def test_an_end_without_a_word_is_a_crash(ask):
    assert ask("os._exit(3)")[:2] == ([1], "E_CRASH")


def test_what_a_spoilt_child_babbles_is_ignored(ask):
    assert ask("print('nan]'); print('[1]')") == ([1, 2], "", "")


def test_a_child_that_hangs_is_ended(ask):
    begin = time.monotonic()
    said, code, text = ask("time.sleep(60)", wall=1.5)
    assert (said, code) == ([1], "E_LIMIT")
    assert "nothing came for 1.5 s" in text
    assert time.monotonic() - begin < 15


@posix
def test_a_child_that_spins_is_ended(ask):
    said, code, text = ask("while True: pass", processor=1)
    assert (said, code) == ([1], "E_LIMIT")
    assert "more than 1 s of processor time" in text


@posix
def test_limits_begin_anew_with_each_step_forward(ask):
    body = "begin = time.process_time()\n    while time.process_time() - begin < 3: alive()"
    assert ask(body, processor=1) == ([1, 2], "", "")


@posix
def test_memory_is_limited(ask):
    said, code, text = ask("bytearray(8 << 30)")
    assert (said, code) == ([1], "E_LIMIT")
    assert "4096 MiB" in text


@posix
def test_a_child_writes_no_file(ask, tmp_path):
    said, code, _ = ask(f"os.write(os.open({str(tmp_path / 'out')!r}, os.O_CREAT | os.O_WRONLY), b'x')")
    assert (said, code) == ([1], "E_OBJECT")
    assert (tmp_path / "out").stat().st_size == 0


def test_a_child_loads_no_filter_plugins(ask, monkeypatch):
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/somewhere")
    assert ask(
        "assert (os.environ['HDF5_PLUGIN_PRELOAD'], 'HDF5_PLUGIN_PATH' in os.environ) == ('::', False)"
    ) == ([1, 2], "", "")


def test_a_module_beside_the_file_is_not_imported(golden, tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    assert h5.judge(golden / "ok_full.h5") == []


def test_without_limits_of_the_system_the_time_is_still_limited(monkeypatch):
    from engram_hdf5 import confinement

    monkeypatch.setattr(confinement, "resource", None)
    monkeypatch.setattr(confinement, "_BEAT_S", 0)
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    sent = []
    monkeypatch.setattr(confinement, "_send", sent.append)
    confinement.confine(h5.Limits())
    confinement._pulse(h5.Limits())()
    assert sent == [{"alive": True}]


def test_a_long_honest_run_that_packs_well_is_valid(make_writer, kit):
    writer = make_writer()
    recording = kit.record(writer, variables=[h5.Variable("q", ("unit",), (50,), "float32", "1", "constant")])
    rows = 200_000
    step = np.arange(rows)
    writer.append(recording, step, step * 0.1, {"q": np.zeros((rows, kit.BATCH, 50), np.float32)})
    assert h5.judge(writer.complete()) == []


def test_many_small_bombs_are_one(run_path):
    with h5py.File(run_path, "r+") as file:
        group = file["recordings/memory/rl_gain"]
        for index in range(60):
            group.create_dataset(f"odd{index}", shape=(60 << 20,), chunks=(1 << 20,), dtype="i1")
    found = [finding.where[-5:] for finding in h5.judge(run_path, data=False) if finding.code == "E_BOMB"]
    assert found[-2:] == ["odd58", "odd59"]
    assert "odd15" not in found


def test_endless_findings_end(run_path):
    with h5py.File(run_path, "r+") as file:
        for index in range(MOST_FINDINGS + 5):
            file[f"s{index}"] = h5py.SoftLink("/")
    found = h5.judge(run_path)
    assert len(found) == MOST_FINDINGS + 1
    assert (found[-1].code, found[-1].where) == ("E_LIMIT", "/")


@posix
def test_wide_data_are_read_chunk_by_chunk(run_path):
    with h5py.File(run_path, "r+") as file:
        wide = file["recordings/memory/rl_gain"].create_dataset(
            "wide", shape=(64, 2 << 20), chunks=(64, 1 << 14), dtype="f4", compression=1
        )
        noise = np.random.default_rng(1).random((64, 1 << 8))
        for start in range(0, wide.shape[1], 1 << 14):
            wide[:, start : start + (1 << 8)] = noise
    # The first band of chunks alone has 512 MiB; HDF5 and NumPy take up to 300 MiB before anything is read.
    codes = {finding.code for finding in h5.judge(run_path, limits=h5.Limits(memory=640 << 20))}
    assert codes & {"E_LIMIT", "E_DATA", "E_BOMB", "E_OBJECT"} == set()
