"""Ctrl-C and SIGTERM in mid-run leave a readable .part."""

import contextlib
import signal
import time

import pytest

import engram
from engram_cli.interruption import Interruption
from engram_hdf5 import validate


def interrupt(shell, tmp_path, kind, *arguments):
    process = shell.start("run", "count", "--steps", 100_000, "-o", "memory.pause=0.002", *arguments)
    part = tmp_path / "count.h5.part"
    deadline = time.monotonic() + 30
    while not part.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(1.2)
    process.send_signal(kind)
    stdout, stderr = process.communicate(timeout=30)
    return process.returncode, stdout, stderr.splitlines(), part


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("chunk", [["-o", "run.chunk=20"], []], ids=["between chunks", "in the first chunk"])
def test_an_interrupted_run_keeps_its_rows_and_says_where(shell, tmp_path, kind, chunk):
    code, stdout, lines, part = interrupt(shell, tmp_path, kind, *chunk)
    assert code == 130
    assert stdout == ""
    assert lines[2:] == [
        "interrupted; count.h5.part keeps what was recorded; `engram resume count.h5.part` goes on"
    ]
    with engram.open(part) as run:
        assert run.status == "interrupted"
        assert len(run["memory.total"]) > 10
        assert run["memory.total"][:, 0].tolist() == [0.5 * (n + 1) for n in range(len(run["memory.total"]))]
    assert [item for item in validate(part, data=True) if item.is_error] == []


def test_an_existing_file_survives_an_interrupted_replacement(shell, tmp_path):
    (tmp_path / "count.h5").write_text("precious")
    code, _, _, part = interrupt(shell, tmp_path, signal.SIGINT, "--force")
    assert code == 130
    assert part.exists()
    assert (tmp_path / "count.h5").read_text() == "precious"


def test_an_interruption_that_a_library_loses_is_raised_once_more():
    with Interruption() as interruption:
        interruption.check()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_signals_are_given_back_and_ignored_ones_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_whose_plugin_loses_an_interruption_stops_at_its_next_chunk(command, registry, tmp_path):
    class Deaf:
        @staticmethod
        @engram.hookimpl
        def chunk_finished(run, chunk):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    registry.register(Deaf, "deaf")
    done = command("run", "count", "-o", "run.chunk=5")
    assert done.exit_code == 130
    with engram.open(tmp_path / "count.h5.part") as run:
        assert run.status == "interrupted"
        assert len(run["memory.total"]) == 5
