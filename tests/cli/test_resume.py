"""`engram resume` finishes what was stopped."""

import signal
import time

import engram


def test_an_interrupted_run_is_resumed_to_its_end(shell, tmp_path):
    settings = ["--steps", 1500, "-o", "memory.pause=0.002", "-o", "run.chunk=20", "-o", "run.checkpoint=0.0"]
    process = shell.start("run", "count", *settings)
    deadline = time.monotonic() + 30
    while not (tmp_path / "count.h5.checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130

    done = shell("resume", "count.h5.part")

    assert (done.returncode, done.stdout) == (0, "count.h5\n")
    with engram.open(tmp_path / "count.h5") as run:
        assert run.status == "complete"
        assert run["memory.total"][:, 0].tolist() == [0.5 * (n + 1) for n in range(1500)]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["count.h5"]


def test_there_must_be_something_to_resume(shell, tmp_path):
    done = shell("resume", "nowhere.h5.part")
    assert done.returncode == 4
    assert done.stderr.startswith("error: nowhere.h5.part: ") and done.stderr.count("\n") == 1
